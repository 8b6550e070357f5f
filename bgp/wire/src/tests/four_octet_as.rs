//! Talking to old speakers (RFC 6793).

use super::{decode_update, update, whole};
use crate::{
    Aggregator, AsPath, AsSegment, AsWidth, Attributes, Context, Family, Message, NextHop, Nlri, Origin,
    SegmentKind, Update,
};

const OLD: Context = Context {
    as_width: AsWidth::Two,
    add_path_send: crate::Families::NONE,
    add_path_receive: crate::Families::NONE,
    extended_next_hop: false,
    families: crate::Families::NONE,
    external: false,
};

fn segment(kind: SegmentKind, asns: &[u32]) -> AsSegment {
    AsSegment { kind, asns: asns.to_vec() }
}

fn sequence(asns: &[u32]) -> AsPath {
    AsPath { segments: vec![segment(SegmentKind::Sequence, asns)] }
}

fn decoded(attributes: &str) -> Attributes {
    let attributes = format!("40010100 {attributes} 4003040a090101");
    let update = decode_update(&update(&attributes, "18c63364"), &OLD).unwrap();
    assert!(update.faults.is_empty(), "{:?}", update.faults);
    update.attributes
}

#[test]
fn an_old_speaker_gets_as_trans_and_the_truth_beside_it() {
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(sequence(&[4_200_000_001])),
        aggregator: Some(Aggregator { asn: 4_200_000_001, address: [10, 0, 0, 1].into() }),
        ..Attributes::default()
    };
    let hop = NextHop::V4([10, 9, 1, 1].into());
    let nlri = vec![Nlri::new("198.51.100.0/24".parse().unwrap())];
    let update = Update::reach(Family::Ipv4, hop, attributes, nlri);
    let bytes = Message::Update(update.clone()).encode(&OLD).unwrap();
    let expected = whole(
        "02 0000 002f 40010100 4002040201 5ba0 4003040a090101 c00706 5ba0 0a000001
         c01106 0201 fa56ea01 c01208 fa56ea01 0a000001 18c63364",
    );
    assert_eq!(bytes, expected);
    assert_eq!(decode_update(&bytes, &OLD), Ok(update));
}

#[test]
fn the_paths_are_merged() {
    use SegmentKind::{ConfedSequence, Sequence, Set};
    let path = |segments: Vec<AsSegment>| Some(AsPath { segments });
    let rows = [
        (
            "as long",
            "4002060202 5ba0 5ba0 c0110a 0202 00011170 00011171",
            path(vec![segment(Sequence, &[70_000, 70_001])]),
        ),
        (
            "an old speaker in between",
            "4002080203 fdea 5ba0 5ba0 c0110a 0202 00011170 00011171",
            path(vec![segment(Sequence, &[65002, 70_000, 70_001])]),
        ),
        (
            "longer than AS_PATH: ignored",
            "4002040201 5ba0 c0110a 0202 00011170 00011171",
            path(vec![segment(Sequence, &[23456])]),
        ),
        (
            "a set counts once",
            "40020a 0201 5ba0 0102 fdea fdeb c01106 0201 00011170",
            path(vec![segment(Sequence, &[23456, 70_000])]),
        ),
        (
            "a whole set in front",
            "40020a 0102 fdea fdeb 0201 5ba0 c01106 0201 00011170",
            path(vec![segment(Set, &[65002, 65003]), segment(Sequence, &[70_000])]),
        ),
        (
            "the confederation in front is kept",
            "40020a 0302 fdea fdeb 0201 5ba0 c01106 0201 00011170",
            path(vec![segment(ConfedSequence, &[65002, 65003]), segment(Sequence, &[70_000])]),
        ),
        (
            "a confederation in AS4_PATH is dropped",
            "4002040201 5ba0 c0110c 0301 0000fdea 0201 00011170",
            path(vec![segment(Sequence, &[70_000])]),
        ),
    ];
    for (name, attributes, expected) in rows {
        assert_eq!(decoded(attributes).as_path, expected, "{name}");
    }
}

#[test]
fn the_aggregators_are_merged() {
    let path = "4002040201 5ba0";
    let new = "c01106 0201 00011170 c01208 00011170 0a000001";
    let address = [10, 0, 0, 2].into();
    let merged = decoded(&format!("{path} c00706 5ba0 0a000002 {new}"));
    assert_eq!(merged.aggregator, Some(Aggregator { asn: 70_000, address: [10, 0, 0, 1].into() }));
    assert_eq!(merged.as_path, Some(sequence(&[70_000])));
    // RFC 6793 section 4.2.3: aggregated since by one who cannot have kept AS4_PATH true.
    let stale = decoded(&format!("{path} c00706 fdea 0a000002 {new}"));
    assert_eq!(stale.aggregator, Some(Aggregator { asn: 65002, address }));
    assert_eq!(stale.as_path, Some(sequence(&[23456])));
    // Without AGGREGATOR there is nothing to correct.
    let none = decoded(&format!("{path} c01208 00011170 0a000001"));
    assert_eq!(none.aggregator, None);
}

#[test]
fn a_sequence_that_would_become_too_long_stays_in_two() {
    // AS_PATH cannot have 256 numbers in one segment; AS4_PATH brings 255 of its own to a path of 256.
    let old = format!("5002 0204 02ff {} 0201 5ba0", "fdea".repeat(255));
    let new = format!("d011 03fe 02ff {}", "00011170".repeat(255));
    let path = decoded(&format!("{old} {new}")).as_path.unwrap();
    assert_eq!(path.hops(), 256);
    assert_eq!(path.segments.iter().map(|segment| segment.asns.len()).collect::<Vec<_>>(), [1, 255]);
}
