//! Read back by another implementation.

use bgpkit_parser::models::{
    Asn, Bgp4MpEnum, Bgp4MpType, BgpMessage, BgpState, EntryType, MrtMessage, MrtRecord,
};
use bgpkit_parser::parser::parse_mrt_record;
use guideway_bgp_wire::{AsWidth, Context, Nlri};
use proptest::prelude::*;

use super::*;
use crate::testing::{any_view, nlri, update, view};

fn read(bytes: &[u8]) -> Bgp4MpEnum {
    let mut rest = bytes;
    let MrtRecord { common_header: header, message } = parse_mrt_record(&mut rest).unwrap();
    assert!(rest.is_empty(), "octets are left");
    assert_eq!((header.timestamp, header.microsecond_timestamp), (1_700_000_000, Some(250_000)));
    assert_eq!(header.entry_type, EntryType::BGP4MP_ET);
    let MrtMessage::Bgp4Mp(message) = message else { panic!() };
    message
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_700_000_000_250_000)
}

fn asn(asn: u32, view: &View) -> Asn {
    match view.context.as_width {
        AsWidth::Four => Asn::new_32bit(asn),
        AsWidth::Two => Asn::new_16bit(u16::try_from(asn).unwrap_or(AS_TRANS)),
    }
}

#[test]
fn the_subtype_says_how_to_read_the_message() {
    use Bgp4MpType as T;
    use Direction::{Received, Sent};
    let v4 = guideway_bgp_wire::Families::NONE.with(guideway_bgp_wire::Family::Ipv4);
    let none = guideway_bgp_wire::Families::NONE;
    let table = [
        (AsWidth::Four, Received, none, T::MessageAs4),
        (AsWidth::Four, Sent, none, T::MessageAs4Local),
        (AsWidth::Four, Received, v4, T::MessageAs4Addpath),
        (AsWidth::Four, Sent, v4, T::MessageLocalAs4Addpath),
        (AsWidth::Two, Received, none, T::Message),
        (AsWidth::Two, Sent, none, T::MessageLocal),
        (AsWidth::Two, Received, v4, T::MessageAddpath),
        (AsWidth::Two, Sent, v4, T::MessageLocalAddpath),
    ];
    for (as_width, direction, add_path, expected) in table {
        // What one side sends the other one receives.
        let context =
            Context { as_width, add_path_send: add_path, add_path_receive: add_path, ..Context::default() };
        let view = View { context, ..view() };
        let prefixes = [Nlri { path_id: if add_path == v4 { 9 } else { 0 }, ..nlri(1) }];
        let record = read(&message(&view, direction, &update(&prefixes, &context), now()));
        let Bgp4MpEnum::Message(message) = record else { panic!() };
        assert_eq!(message.msg_type, expected);
        let BgpMessage::Update(update) = message.bgp_message else { panic!() };
        assert_eq!(update.announced_prefixes[0].prefix, prefixes[0].prefix);
        assert_eq!(update.announced_prefixes[0].path_id, (add_path == v4).then_some(9));
    }
}

proptest! {
    #[test]
    fn records_of_any_session_can_be_read(
        view in any_view(),
        numbers in prop::collection::vec((any::<u32>(), any::<u32>()), 1..50),
        is_sent: bool,
    ) {
        let direction = if is_sent { Direction::Sent } else { Direction::Received };
        let has_ids = view.has_path_ids(direction);
        let prefixes: Vec<_> = numbers.into_iter()
            .map(|(number, path_id)| Nlri { path_id: if has_ids { path_id } else { 0 }, ..nlri(number) })
            .collect();
        // As the one writes it who sends it.
        let context = match direction {
            Direction::Sent => view.context,
            Direction::Received => view.context.mirrored(),
        };
        let Bgp4MpEnum::Message(read_back) = read(&message(&view, direction, &update(&prefixes, &context), now())) else {
            panic!()
        };
        prop_assert_eq!(read_back.peer_asn, asn(view.peer_as, &view));
        prop_assert_eq!(read_back.local_asn, asn(view.local_as, &view));
        prop_assert_eq!((read_back.peer_ip, read_back.local_ip), (view.remote.ip(), view.local.ip()));
        let BgpMessage::Update(update) = read_back.bgp_message else { panic!() };
        let read_prefixes: Vec<_> = update.announced_prefixes.iter()
            .map(|announced| (announced.prefix, announced.path_id.unwrap_or(0))).collect();
        prop_assert_eq!(read_prefixes, prefixes.iter().map(|nlri| (nlri.prefix, nlri.path_id)).collect::<Vec<_>>());

        let Bgp4MpEnum::StateChange(change) =
            read(&state_change(&view, State::OpenConfirm, State::Established, now())) else { panic!() };
        prop_assert_eq!((change.old_state, change.new_state), (BgpState::OpenConfirm, BgpState::Established));
        prop_assert_eq!(change.peer_asn, asn(view.peer_as, &view));
        prop_assert_eq!(change.interface_index, u16::try_from(view.interface_index).unwrap_or(0));
        prop_assert_eq!((change.peer_ip, change.local_addr), (view.remote.ip(), view.local.ip()));
    }
}
