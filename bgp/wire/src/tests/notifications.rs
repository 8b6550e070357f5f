//! NOTIFICATION, ROUTE-REFRESH and KEEPALIVE.

use super::{both_ways, decode, whole};
use crate::iana::{cease, error_code};
use crate::{Context, DecodeError, EncodeError, Family, Message, Notification, RefreshKind, RouteRefresh};

#[test]
fn bytes_and_values_both_ways() {
    let hard = Notification::hard_reset(&Notification::admin_reset("bye"));
    let refresh = |kind| Message::RouteRefresh(RouteRefresh::new(Family::Ipv4, kind));
    let rows = vec![
        ("keepalive", "04", Message::Keepalive),
        (
            "BIRD shutdown with communication",
            "030602136d61696e74656e616e6365206174206e6f6f6e",
            Message::Notification(Notification::admin_shutdown("maintenance at noon")),
        ),
        ("reset", "03 06 04 03 627965", Message::Notification(Notification::admin_reset("bye"))),
        ("hard reset", "03 06 09 06 04 03 627965", Message::Notification(hard)),
        (
            "too many prefixes",
            "03 06 01 0002 01 000003e8",
            Message::Notification(Notification::max_prefixes(Family::Ipv6, 1000)),
        ),
        ("BFD down", "03 06 0a", Message::Notification(Notification::cease(cease::BFD_DOWN))),
        ("role mismatch", "03 02 0b", Message::Notification(Notification::role_mismatch())),
        (
            "hold timer expired",
            "03 04 00",
            Message::Notification(Notification::new(error_code::HOLD_TIMER, 0)),
        ),
        ("FRR route refresh", "0500010001", refresh(RefreshKind::Request)),
        ("BIRD begin of refresh", "0500010101", refresh(RefreshKind::BeginOfRefresh)),
        ("end of refresh", "0500010201", refresh(RefreshKind::EndOfRefresh)),
        (
            "a subtype and a family that nobody knows",
            "05 0019 ff 41",
            Message::RouteRefresh(RouteRefresh { afi: 25, safi: 65, kind: RefreshKind::Other(255) }),
        ),
    ];
    both_ways(rows, &Context::default());
}

#[test]
fn lengths_of_a_route_refresh() {
    // RFC 5291 section 4: filters behind a request; they are not for us.
    let filters = "00010001 01 80 0005 0000000100";
    let request = Message::RouteRefresh(RouteRefresh::request(Family::Ipv4));
    assert_eq!(decode(&whole(&format!("05 {filters}"))), Ok(request));
    // RFC 7313 section 5: a marker of another length is answered with the message itself.
    for marker in ["05 00010101 00", "05 00010201 0000"] {
        let bytes = whole(marker);
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error, DecodeError::RefreshLength(bytes.clone()));
        assert_eq!(error.notification(), Notification { code: 7, subcode: 1, data: bytes });
    }
    // The answer fits even when the message fills its frame.
    let longest = whole(&format!("05 00010101 {}", "00".repeat(4096 - 23)));
    let answer = Message::Notification(decode(&longest).unwrap_err().notification());
    assert_eq!(answer.encode(&Context::default()).map(|bytes| bytes.len()), Ok(4096));
}

#[test]
fn shutdown_communication() {
    let long = "é".repeat(200);
    assert_eq!(Notification::admin_shutdown(&long).data.len(), 255);
    assert_eq!(Notification::admin_shutdown("").communication(), None);
    let rows: [(u8, u8, &[u8], Option<&str>); 8] = [
        (6, 2, b"\x05hello", Some("hello")),
        (6, 4, b"\x05hello!", Some("hello")),
        (6, 2, b"\x09short", None),
        (6, 2, b"\x04a\x1b\nb", Some("ab")),
        (6, 2, b"\x01\xff", Some("\u{fffd}")),
        (6, 3, b"\x05hello", None),
        (6, 9, b"\x06\x02\x05hello", Some("hello")),
        (6, 9, b"\x06\x09\x06\x02\x05hello", None),
    ];
    for (code, subcode, data, text) in rows {
        let notification = Notification { code, subcode, data: data.to_vec() };
        assert_eq!(notification.communication().as_deref(), text, "{data:?}");
    }
}

#[test]
fn hard_resets() {
    let reason = Notification::admin_shutdown("gone");
    let hard = Notification::hard_reset(&reason);
    assert!(hard.is_hard() && !reason.is_hard());
    assert_eq!(hard.wrapped(), Some(reason));
    assert_eq!(Notification::cease(cease::HARD_RESET).wrapped(), None);
    assert_eq!(Notification::new(error_code::UPDATE, cease::HARD_RESET).wrapped(), None);
    // However long the reason is, the message can be written.
    let long = Notification { code: 3, subcode: 1, data: vec![7; 5000] };
    let bytes = Message::Notification(Notification::hard_reset(&long)).encode(&Context::default()).unwrap();
    assert_eq!(bytes.len(), 4096);
}

#[test]
fn words() {
    let hard = Notification::hard_reset(&Notification::admin_reset("bye"));
    let rows = [
        (Notification::admin_shutdown("noon"), "cease: administrative shutdown (6/2): noon"),
        (hard, "cease: hard reset (6/9): cease: administrative reset (6/4): bye"),
        (Notification::cease(cease::BFD_DOWN), "cease: BFD down (6/10)"),
        (Notification::cease(cease::OUT_OF_RESOURCES), "cease: out of resources (6/8)"),
        (Notification::cease(99), "cease (6/99)"),
        (Notification::role_mismatch(), "role mismatch (2/11)"),
        (Notification::new(99, 1), "unknown error (99/1)"),
    ];
    for (notification, text) in rows {
        assert_eq!(notification.to_string(), text);
    }
    // Every pair has a name; names of the known pairs are not the catch-all ones.
    for (code, subcodes) in [(1, 1..=3), (2, 1..=4), (3, 1..=6), (5, 1..=3), (6, 1..=10)] {
        let general = Notification::new(code, 0).name();
        for subcode in subcodes {
            assert_ne!(Notification::new(code, subcode).name(), general, "{code}/{subcode}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let data = vec![0; Notification::MAX_DATA + 1];
    let notification = Message::Notification(Notification { code: 6, subcode: 0, data });
    assert_eq!(notification.encode(&Context::default()), Err(EncodeError::TooLong(4097)));
}
