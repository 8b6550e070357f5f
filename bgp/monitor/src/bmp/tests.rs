//! Read back by another implementation.

use std::net::IpAddr;

use bgpkit_parser::models::{Asn, BgpMessage};
use bgpkit_parser::parser::bmp::messages::{
    BmpMessage, BmpMessageBody, BmpPeerType, PeerDownReason, PeerFlags, PerPeerFlags, StatsData,
    TerminationReason, TerminationTlvValue,
};
use bgpkit_parser::parser::parse_bmp_msg;
use bytes::Bytes;
use guideway_bgp_wire::{AsWidth, Context, Message, Notification};
use proptest::prelude::*;

use super::*;
use crate::testing::{any_view, nlri, update, v6_view, view};

fn read(bytes: &[u8]) -> BmpMessage {
    let mut bytes = Bytes::copy_from_slice(bytes);
    let message = parse_bmp_msg(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "octets are left");
    message
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_700_000_000_250_000)
}

fn check_header(message: &BmpMessage, view: &View, extra: PeerFlags) {
    let header = message.per_peer_header.unwrap();
    let remote: IpAddr = view.remote.ip();
    let mut flags = extra;
    flags.set(PeerFlags::ADDRESS_FAMILY_IPV6, remote.is_ipv6());
    flags.set(PeerFlags::AS_SIZE_16BIT, view.context.as_width == AsWidth::Two);
    assert_eq!(header.peer_type, BmpPeerType::Global);
    assert_eq!(header.peer_flags, PerPeerFlags::PeerFlags(flags));
    assert_eq!((header.peer_ip, header.peer_bgp_id), (remote, view.peer_router_id));
    assert_eq!(header.peer_asn, Asn::new_32bit(view.peer_as));
    assert!((header.timestamp - 1_700_000_000.25).abs() < 1e-6);
}

#[test]
fn a_conversation_begins_and_ends() {
    let BmpMessageBody::InitiationMessage(message) = read(&initiation("lb-1", "Guideway")).message_body
    else {
        panic!()
    };
    let texts: Vec<_> = message.tlvs.iter().map(|tlv| tlv.info.as_str()).collect();
    assert_eq!(texts, ["Guideway", "lb-1"]);
    let BmpMessageBody::TerminationMessage(message) = read(&termination()).message_body else { panic!() };
    let reason = TerminationTlvValue::Reason(TerminationReason::AdministrativelyClosed);
    assert_eq!(message.tlvs[0].info_value, reason);
    assert_eq!(message.tlvs.len(), 1);
}

#[test]
fn texts_that_are_too_long_are_cut_between_characters() {
    let BmpMessageBody::InitiationMessage(message) =
        read(&initiation(&"ä".repeat(5_000), &format!("x{}", "ä".repeat(70_000)))).message_body
    else {
        panic!()
    };
    assert_eq!(message.tlvs.iter().map(|tlv| tlv.info_len).collect::<Vec<_>>(), [4095, 4096]);
}

#[test]
fn peer_up_has_both_opens() {
    for view in [view(), v6_view()] {
        let message = read(&peer_up(&view, now()));
        check_header(&message, &view, PeerFlags::empty());
        let BmpMessageBody::PeerUpNotification(up) = message.message_body else { panic!() };
        assert_eq!((up.local_addr, up.local_port, up.remote_port), (view.local.ip(), 40_000, 179));
        let BgpMessage::Open(sent) = up.sent_open else { panic!() };
        let BgpMessage::Open(received) = up.received_open else { panic!() };
        assert_eq!(sent.bgp_identifier, std::net::Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(received.bgp_identifier, view.peer_router_id);
        assert_eq!(up.tlvs.len(), 0);
    }
}

#[test]
fn peer_down_says_why() {
    let notification = Message::Notification(Notification::admin_shutdown("bye"));
    let notification = notification.encode(&Context::default()).unwrap();
    let table = [
        (
            DownReason::LocalNotification(notification.clone()),
            PeerDownReason::LocalSystemClosedNotificationPduFollows,
            Some(notification.clone()),
        ),
        (DownReason::Local(2), PeerDownReason::LocalSystemClosedFsmEvenFollows, Some(vec![0, 2])),
        (
            DownReason::RemoteNotification(notification.clone()),
            PeerDownReason::RemoteSystemClosedNotificationPduFollows,
            Some(notification),
        ),
        (DownReason::Remote, PeerDownReason::RemoteSystemsClosedNoData, None),
        (DownReason::Deconfigured, PeerDownReason::PeerDeConfigured, None),
    ];
    for (reason, expected, rest) in table {
        let message = read(&peer_down(&view(), &reason, now()));
        check_header(&message, &view(), PeerFlags::empty());
        let BmpMessageBody::PeerDownNotification(down) = message.message_body else { panic!() };
        assert_eq!((down.reason, down.data), (expected, rest));
    }
}

#[test]
fn statistics_count_routes_of_both_tables() {
    let counts = Counts { received: [1, 2], sent: [30, 40] };
    let message = read(&statistics(&view(), &counts, now()));
    check_header(&message, &view(), PeerFlags::empty());
    let BmpMessageBody::StatsReport(report) = message.message_body else { panic!() };
    let figures: Vec<_> = report
        .counters
        .into_iter()
        .map(|counter| (u16::from(counter.stat_type), counter.stat_data))
        .collect();
    assert_eq!(report.stats_count, 6);
    assert_eq!(
        figures,
        [
            (7, StatsData::Gauge(3)),
            (9, StatsData::AfiSafiGauge(1, 1, 1)),
            (9, StatsData::AfiSafiGauge(2, 1, 2)),
            (15, StatsData::Gauge(70)),
            (17, StatsData::AfiSafiGauge(1, 1, 30)),
            (17, StatsData::AfiSafiGauge(2, 1, 40)),
        ]
    );
}

proptest! {
    #[test]
    fn routes_of_any_session_can_be_read(view in any_view(), numbers in prop::collection::vec(any::<u32>(), 1..50)) {
        let prefixes: Vec<_> = numbers.into_iter().map(nlri).collect();
        for (direction, flags) in [
            (Direction::Received, PeerFlags::empty()),
            (Direction::Sent, PeerFlags::IS_ADJ_RIB_OUT | PeerFlags::IS_POST_POLICY),
        ] {
            // A station learns of path identifiers from the OPENs, which this parser does not do.
            let context = Context { as_width: view.context.as_width, ..Context::default() };
            let update = update(&prefixes, &context);
            let message = read(&route_monitoring(&view, direction, &update, now()));
            check_header(&message, &view, flags);
            let BmpMessageBody::RouteMonitoring(monitoring) = message.message_body else { panic!() };
            let BgpMessage::Update(update) = monitoring.bgp_message else { panic!() };
            let read: Vec<_> = update.announced_prefixes.iter().map(|announced| announced.prefix).collect();
            prop_assert_eq!(read, prefixes.iter().map(|nlri| nlri.prefix).collect::<Vec<_>>());
        }
        prop_assert!(matches!(read(&peer_up(&view, now())).message_body, BmpMessageBody::PeerUpNotification(_)));
        check_header(&read(&peer_down(&view, &DownReason::Remote, now())), &view, PeerFlags::empty());
    }
}
