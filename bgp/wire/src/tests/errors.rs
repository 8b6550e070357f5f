//! Every error of RFC 4271 sections 6.1 to 6.3, with the NOTIFICATION that answers it.

use super::{decode, hex, whole};
use crate::{Approach, DecodeError, Frame, frame};

const RESET: Approach = Approach::SessionReset;
const WITHDRAW: Approach = Approach::TreatAsWithdraw;

/// An OPEN that starts like this: version 4, AS 65001, hold time 90, identifier 10.0.0.1.
const OPEN: &str = "01 04 fde9 005a 0a000001";

/// ORIGIN, AS_PATH and NEXT_HOP as they should be.
const GOOD: &str = "40010100 4002060201 0000fdea 4003040a000001";

fn update(attributes: &str, nlri: &str) -> Vec<u8> {
    whole(&format!("02 0000 {:04x} {attributes} {nlri}", hex(attributes).len()))
}

fn check(name: &str, bytes: &[u8], notification: (u8, u8, &str), approach: Approach) {
    let error = decode(bytes).expect_err(name);
    let sent = error.notification();
    assert_eq!(
        (sent.code, sent.subcode, sent.data),
        (notification.0, notification.1, hex(notification.2)),
        "{name}"
    );
    assert_eq!(error.approach(), approach, "{name}");
    assert!(!error.to_string().is_empty());
}

#[test]
fn header_errors() {
    let good = whole("04");
    let with = |at: usize, octets: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + octets.len()].copy_from_slice(octets);
        bytes
    };
    let rows = [
        ("marker, first octet", with(0, &[0xfe]), (1, 1, "")),
        ("marker, last octet", with(15, &[0]), (1, 1, "")),
        ("length below the header", with(16, &[0, 18]), (1, 2, "0012")),
        ("length zero", with(16, &[0, 0]), (1, 2, "0000")),
        ("length above 4096", with(16, &[0x10, 1]), (1, 2, "1001")),
        ("KEEPALIVE with a body", whole("04 00"), (1, 2, "0014")),
        ("OPEN below its minimum", whole("01 04 fde9 005a 0a0000"), (1, 2, "001b")),
        ("UPDATE below its minimum", whole("02 000000"), (1, 2, "0016")),
        ("NOTIFICATION below its minimum", whole("03 06"), (1, 2, "0014")),
        ("ROUTE-REFRESH of a wrong length", whole("05 00010001 00"), (1, 2, "0018")),
        ("unknown type", with(18, &[6]), (1, 3, "06")),
        ("type zero", with(18, &[0]), (1, 3, "00")),
        ("bad length and bad type: the length is checked first", with(16, &[0, 1, 9]), (1, 2, "0001")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification, RESET);
        assert!(frame(&bytes).is_err(), "{name}");
    }
}

#[test]
fn a_broken_marker_is_found_before_the_header_is_complete() {
    assert_eq!(frame(&[0xff, 0xff, 0]), Err(DecodeError::NotSynchronized));
    assert_eq!(frame(&[]), Ok(Frame::Incomplete));
    let mut two = whole("04");
    two.extend_from_slice(&whole("04"));
    assert_eq!(frame(&two), Ok(Frame::Complete { length: 19 }));
}

#[test]
fn open_errors() {
    let rows = [
        ("version 3", "01 03 fde9 005a 0a000001 00".to_owned(), (2, 1, "0004")),
        ("version 5", "01 05 fde9 005a 0a000001 00".to_owned(), (2, 1, "0004")),
        ("AS 0", "01 04 0000 005a 0a000001 00".to_owned(), (2, 2, "")),
        ("AS 0 in the capability", format!("{OPEN} 08 0206 4104 00000000"), (2, 2, "")),
        ("identifier 0.0.0.0", "01 04 fde9 005a 00000000 00".to_owned(), (2, 3, "")),
        ("unknown parameter", format!("{OPEN} 03 0301aa"), (2, 4, "")),
        ("authentication parameter, deprecated", format!("{OPEN} 03 0101aa"), (2, 4, "")),
        ("hold time 1", "01 04 fde9 0001 0a000001 00".to_owned(), (2, 6, "")),
        ("hold time 2", "01 04 fde9 0002 0a000001 00".to_owned(), (2, 6, "")),
        ("parameters longer than the message", format!("{OPEN} 04 0202"), (2, 0, "")),
        ("parameters shorter than the message", format!("{OPEN} 00 0202"), (2, 0, "")),
        ("parameter longer than the parameters", format!("{OPEN} 04 0203 0200"), (2, 0, "")),
        ("parameter without a length", format!("{OPEN} 01 02"), (2, 0, "")),
        ("capability longer than its parameter", format!("{OPEN} 04 0202 4104"), (2, 0, "")),
        ("capability without a length", format!("{OPEN} 03 0201 41"), (2, 0, "")),
        ("4-octet AS capability of two octets", format!("{OPEN} 06 0204 4102 fde9"), (2, 0, "")),
        ("route refresh capability with a value", format!("{OPEN} 05 0203 020100"), (2, 0, "")),
        ("multiprotocol capability of three octets", format!("{OPEN} 07 0205 0103 000100"), (2, 0, "")),
        ("extended length cut off", format!("{OPEN} ff ff 00"), (2, 0, "")),
        ("extended length too long", format!("{OPEN} ff ff 0009 02 0002 0200"), (2, 0, "")),
        ("extended parameter cut off", format!("{OPEN} ff ff 0002 02 00"), (2, 0, "")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &whole(&bytes), notification, RESET);
    }
}

#[test]
fn update_errors_that_end_the_session() {
    let v6 = "0002 01 10 fd090000000000000000000000000001 00";
    let rows = [
        ("withdrawn routes longer than the message", whole("02 0001 0000"), (3, 1, "")),
        ("attributes longer than the message", whole("02 0000 0001"), (3, 1, "")),
        ("no room for the length of the attributes", whole("02 0002 0000"), (3, 1, "")),
        ("MP_UNREACH twice", update("800f03000201 800f03000201", ""), (3, 1, "")),
        ("unknown well-known attribute", update("40630101", ""), (3, 2, "40630101")),
        ("unknown well-known attribute, extended length", update("5063000101", ""), (3, 2, "5063000101")),
        ("withdrawn prefix of 33 bits", whole("02 0006 21 0a00000000 0000"), (3, 10, "")),
        ("withdrawn prefix cut off", whole("02 0003 18 0a00 0000"), (3, 10, "")),
        ("NLRI of 33 bits", update(GOOD, "21 0a00000000"), (3, 10, "")),
        ("NLRI cut off", update(GOOD, "20 0a"), (3, 10, "")),
        ("MP_REACH too short", update("800e020002", ""), (3, 9, "800e020002")),
        (
            "MP_REACH with a next hop of 4 octets",
            update("800e09 00020104 0a000001 00", ""),
            (3, 9, "800e09000201040a00000100"),
        ),
        (
            "MP_REACH without the reserved octet",
            update("800e08 00010104 0a000001", ""),
            (3, 9, "800e08000101040a000001"),
        ),
        (
            "MP_REACH with a prefix of 129 bits",
            update(&format!("800e16 {v6} 81"), ""),
            (3, 9, "800e16 0002 01 10 fd090000000000000000000000000001 00 81"),
        ),
        ("MP_UNREACH with a prefix cut off", update("800f05 000201 3020", ""), (3, 9, "800f05 000201 3020")),
        ("a worse error behind a survivable one", update("400102 0000 40630101", ""), (3, 2, "40630101")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification, RESET);
    }
}

#[test]
fn update_errors_that_the_session_survives() {
    let path = "4002060201 0000fdea";
    let hop = "4003040a000001";
    let rows = [
        ("attribute longer than the list", update("4001", ""), (3, 1, "")),
        ("attribute value cut off", update("40010400", ""), (3, 1, "")),
        ("a lone flags octet", update("40", ""), (3, 1, "")),
        ("ORIGIN twice", update(&format!("40010100 {GOOD}"), "080a"), (3, 1, "")),
        ("no ORIGIN", update(&format!("{path} {hop}"), "080a"), (3, 3, "01")),
        ("no AS_PATH", update(&format!("40010100 {hop}"), "080a"), (3, 3, "02")),
        ("no NEXT_HOP", update(&format!("40010100 {path}"), "080a"), (3, 3, "03")),
        (
            "MP_REACH without ORIGIN",
            update("800e16 0002 01 10 fd090000000000000000000000000001 00 00", ""),
            (3, 3, "01"),
        ),
        ("ORIGIN marked optional", update("c0010100", ""), (3, 4, "c0010100")),
        ("ORIGIN marked non-transitive", update("00010100", ""), (3, 4, "00010100")),
        ("ORIGIN marked partial", update("60010100", ""), (3, 4, "60010100")),
        ("MED marked transitive", update("c0040400000000", ""), (3, 4, "c0040400000000")),
        ("MP_UNREACH marked well-known", update("400f03000201", ""), (3, 4, "400f03000201")),
        ("ORIGIN of two octets", update("4001020000", ""), (3, 5, "4001020000")),
        ("NEXT_HOP of three octets", update("4003030a0000", ""), (3, 5, "4003030a0000")),
        ("MED of one octet", update("80040100", ""), (3, 5, "80040100")),
        ("LOCAL_PREF of five octets", update("4005050000000000", ""), (3, 5, "4005050000000000")),
        ("ATOMIC_AGGREGATE with a value", update("40060100", ""), (3, 5, "40060100")),
        ("AGGREGATOR of six octets", update("c00706 fdea0a000001", ""), (3, 5, "c00706fdea0a000001")),
        ("ORIGIN 3", update("40010103", ""), (3, 6, "40010103")),
        ("NEXT_HOP 0.0.0.0", update("40030400000000", ""), (3, 8, "40030400000000")),
        ("NEXT_HOP 127.0.0.1", update("4003047f000001", ""), (3, 8, "4003047f000001")),
        ("NEXT_HOP 224.0.0.1", update("400304e0000001", ""), (3, 8, "400304e0000001")),
        ("NEXT_HOP 255.255.255.255", update("400304ffffffff", ""), (3, 8, "400304ffffffff")),
        ("COMMUNITIES of three octets", update("c00803 000000", ""), (3, 9, "c00803000000")),
        ("COMMUNITIES of no octets", update("c00800", ""), (3, 9, "c00800")),
        ("EXTENDED COMMUNITIES of four octets", update("c01004 00000000", ""), (3, 9, "c0100400000000")),
        ("LARGE_COMMUNITY of four octets", update("c02004 00000000", ""), (3, 9, "c0200400000000")),
        ("ORIGINATOR_ID of two octets", update("800902 0000", ""), (3, 9, "8009020000")),
        ("AS_PATH with segment type 9", update("4002060901 0000fdea", ""), (3, 11, "")),
        ("AS_PATH with an empty segment", update("4002020200", ""), (3, 11, "")),
        ("AS_PATH with a segment cut off", update("4002060202 0000fdea", ""), (3, 11, "")),
        ("AS_PATH of one octet", update("40020102", ""), (3, 11, "")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification, WITHDRAW);
    }
}

#[test]
fn unknown_optional_attributes_are_no_error() {
    let message = decode(&update("806301aa c06401bb", "")).unwrap();
    let crate::Message::Update(update) = message else { panic!("not an UPDATE") };
    // The non-transitive one is ignored, the transitive one is kept.
    assert_eq!(update.attributes.other.iter().map(|attribute| attribute.kind).collect::<Vec<_>>(), [100]);
}
