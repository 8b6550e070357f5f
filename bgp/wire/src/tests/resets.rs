//! What ends a session, and the NOTIFICATION that says so.

use super::{decode, hex, update, whole};
use crate::{DecodeError, Frame, Message, frame};

/// An OPEN that starts like this: version 4, AS 65001, hold time 90, identifier 10.0.0.1.
const OPEN: &str = "01 04 fde9 005a 0a000001";

/// ORIGIN, AS_PATH and NEXT_HOP as they should be.
const GOOD: &str = "40010100 4002060201 0000fdea 4003040a000001";

fn check(name: &str, bytes: &[u8], notification: (u8, u8, &str)) {
    let error = decode(bytes).expect_err(name);
    let sent = error.notification();
    assert_eq!(
        (sent.code, sent.subcode, sent.data.clone()),
        (notification.0, notification.1, hex(notification.2)),
        "{name}"
    );
    assert!(!error.to_string().is_empty());
    assert!(Message::Notification(sent).encode(&crate::Context::default()).is_ok());
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
        ("ROUTE-REFRESH below its minimum", whole("05 000100"), (1, 2, "0016")),
        ("unknown type", with(18, &[6]), (1, 3, "06")),
        ("type zero", with(18, &[0]), (1, 3, "00")),
        ("bad length and bad type: the length is checked first", with(16, &[0, 1, 9]), (1, 2, "0001")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification);
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
        check(name, &whole(&bytes), notification);
    }
}

#[test]
fn update_errors() {
    let v6 = "0002 01 10 fd090000000000000000000000000001 00";
    let good_reach = format!("800e16 {v6} 00");
    let rows = [
        ("withdrawn routes longer than the message", whole("02 0001 0000"), (3, 1, "")),
        ("attributes longer than the message", whole("02 0000 0001"), (3, 1, "")),
        ("no room for the length of the attributes", whole("02 0002 0000"), (3, 1, "")),
        ("both lengths by one", whole("02 0001 00 0001"), (3, 1, "")),
        ("MP_UNREACH twice", update("800f03000201 800f03000201", ""), (3, 1, "")),
        ("MP_REACH twice", update(&format!("{good_reach} {good_reach}"), ""), (3, 1, "")),
        ("unknown well-known attribute", update("40630101", ""), (3, 2, "40630101")),
        ("unknown well-known attribute, extended length", update("5063000101", ""), (3, 2, "5063000101")),
        ("unknown well-known and non-transitive", update("00630101", ""), (3, 2, "00630101")),
        ("withdrawn prefix of 33 bits", whole("02 0006 21 0a00000000 0000"), (3, 10, "")),
        ("withdrawn prefix cut off", whole("02 0003 18 0a00 0000"), (3, 10, "")),
        ("NLRI of 33 bits", update(GOOD, "21 0a00000000"), (3, 10, "")),
        ("NLRI of 255 bits", update(GOOD, "ff 0a00000000"), (3, 10, "")),
        ("NLRI cut off", update(GOOD, "20 0a"), (3, 10, "")),
        ("MP_REACH too short", update("800e020002", ""), (3, 9, "800e020002")),
        ("MP_REACH of an unknown family, too short", update("800e0400018000", ""), (3, 9, "800e0400018000")),
        ("MP_REACH cut off in its next hop", update("800e05 000201 10 fd", ""), (3, 9, "800e0500020110fd")),
        ("MP_REACH without a next hop", update("800e05 000201 00 00", ""), (3, 9, "800e050002010000")),
        (
            "MP_REACH with a next hop of 4 octets for IPv6",
            update("800e09 00020104 0a000001 00", ""),
            (3, 9, "800e09000201040a00000100"),
        ),
        (
            "MP_REACH with a next hop of 24 octets",
            update(&format!("800e1d 00020118 {} 00", "fd".repeat(24)), ""),
            (3, 9, &format!("800e1d 00020118 {} 00", "fd".repeat(24))),
        ),
        (
            "MP_REACH with an IPv6 next hop for IPv4 although not agreed on",
            update("800e16 0001 01 10 fd090000000000000000000000000001 00 00", ""),
            (3, 9, "800e16 0001 01 10 fd090000000000000000000000000001 00 00"),
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
        (
            "MP_UNREACH with an IPv4 prefix of 33 bits",
            update("800f09 000101 21 0a00000000", ""),
            (3, 9, "800f09 000101 21 0a00000000"),
        ),
        ("MP_UNREACH that is too short", update("800f020002", ""), (3, 9, "800f020002")),
        ("MP_UNREACH marked well-known", update("400f03000201", ""), (3, 4, "400f03000201")),
        (
            "MP_REACH marked transitive",
            update(&format!("c00e16 {v6} 00"), ""),
            (3, 4, &format!("c00e16 {v6} 00")),
        ),
        ("MP_REACH longer than the list", update("800e16 000201", ""), (3, 1, "")),
        ("a worse error behind a survivable one", update("400102 0000 40630101", "080a"), (3, 2, "40630101")),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification);
    }
}

#[test]
fn a_path_identifier_cut_off() {
    let context = crate::Context { add_path_receive: crate::Families::ALL, ..crate::Context::default() };
    let rows = [
        (whole("02 0003 000000 0000"), (3, 10)),
        (whole("02 0004 00000001 0000"), (3, 10)),
        (update(GOOD, "00000001 20 0a0000"), (3, 10)),
        (update("800f06 000201 000000", ""), (3, 9)),
        (update("800f07 000201 00000001", ""), (3, 9)),
    ];
    for (bytes, expected) in rows {
        let sent = Message::decode(&bytes, &context).unwrap_err().notification();
        assert_eq!((sent.code, sent.subcode), expected);
    }
}

/// RFC 7606 section 5.2: without an advertised prefix, nobody knows whether the prefixes that were meant have been
/// found.
#[test]
fn faults_in_an_update_without_prefixes() {
    let rows = [
        ("ORIGIN of two octets", update("4001020000", ""), (3, 5, "4001020000")),
        ("ORIGIN 3", update("40010103", ""), (3, 6, "40010103")),
        ("attribute value cut off", update("40010400", ""), (3, 1, "")),
        ("AS_PATH with segment type 9", update("4002060901 0000fdea", ""), (3, 11, "")),
        ("beside withdrawn routes", whole("02 0002 080a 0005 4001020000"), (3, 5, "4001020000")),
        ("beside MP_UNREACH", update("800f04 00020100 4001020000", ""), (3, 5, "4001020000")),
        (
            "beside an empty MP_REACH",
            update("800e15 0002 01 10 fd090000000000000000000000000001 00 4001020000", ""),
            (3, 5, "4001020000"),
        ),
    ];
    for (name, bytes, notification) in rows {
        check(name, &bytes, notification);
    }
    // What is only discarded does no harm.
    assert!(decode(&update("40060100", "")).is_ok());
}
