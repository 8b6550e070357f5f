use std::net::Ipv4Addr;

use guideway_controller_core::Term;
use guideway_controller_core::arbitrary;
use guideway_controller_core::message::ToForwarder;
use guideway_dataplane_config::{Backend, BackendSet, EncapsulationKind, Seed, TableSize};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Decoder, MAX_MESSAGE_BYTES, MAX_PART_BYTES, to_forwarder};

fn past(name: &str, backends: u32, ago: Duration) -> PastSet {
    let backend = |number: u32| Backend {
        name: format!("namespace/{number:0100}"),
        address: Ipv4Addr::from(0x0a00_0000 + number).into(),
        weight: 1,
    };
    let set = BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Large,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        drain_window: Duration::from_secs(60),
        health_check: None,
        backends: (0..backends).map(backend).collect(),
    };
    PastSet { set: Arc::new(set), unhealthy: Vec::new(), seed: Seed::new([7; 16]), ago }
}

fn names(sets: &[v1::PastSet]) -> Vec<&str> {
    sets.iter().map(|past| &*past.set.as_ref().unwrap().name).collect()
}

/// The message that carries a part.
fn carrier(term: u64, sets: Option<v1::Part>) -> v1::ToForwarder {
    v1::ToForwarder { term, message: Some(v1::to_forwarder::Message::Past(v1::Past { sets })) }
}

/// What a forwarder says to a message of one part.
fn arrives(sets: v1::PastSets) -> Result<Option<ToForwarder>, String> {
    let bytes = Bytes::from(sets.encode_to_vec());
    let part = v1::Part { total: bytes.len() as u64, offset: 0, bytes };
    Decoder::<ToForwarder>::new().push(carrier(1, Some(part))).map_err(|error| error.to_string())
}

proptest! {
    /// Nothing panics, and what is understood is written as it was meant.
    #[test]
    fn bytes_of_anybody_are_read(
        bytes in vec(any::<u8>(), 0..200),
        sets in vec(arbitrary::past_set(), 1..4),
        at: prop::sample::Index,
        flip in 1..=u8::MAX,
    ) {
        _ = decode(bytes.into());
        let mut good = encode(&sets).to_vec();
        prop_assert_eq!(decode(good.clone().into()), Ok(sets));
        let at = at.index(good.len());
        good[at] ^= flip;
        if let Ok(read) = decode(good.into()) {
            prop_assert_eq!(decode(encode(&read)), Ok(read));
        }
    }
}

#[test]
fn too_many_are_the_latest() {
    let sets = ["a", "b", "c"].map(|name| past(name, 1, Duration::ZERO));
    let whole = latest(&sets, MAX_DELTA_BYTES);
    assert_eq!(names(&whole), ["a", "b", "c"]);
    // All have the same length.
    let length = v1::PastSets { sets: whole }.encoded_len() / 3;
    for (room, expected) in [
        (3 * length, 3),
        (3 * length - 1, 2),
        (2 * length, 2),
        (2 * length - 1, 1),
        (length, 1),
        (length - 1, 0),
        (0, 0),
    ] {
        assert_eq!(names(&latest(&sets, room)), ["a", "b", "c"][3 - expected..], "{room}");
    }
    let mut many = vec![past("old", 0, Duration::ZERO)];
    many.extend(vec![past("new", 0, Duration::ZERO); MAX_PAST_SETS]);
    let taken = latest(&many, MAX_DELTA_BYTES);
    assert_eq!((taken.len(), names(&taken)[0]), (MAX_PAST_SETS, "new"));
    let forever = wire(&past("a", 0, Duration::MAX));
    assert_eq!(forever.ago_ms, 604_800_000);
}

#[test]
fn errors_name_the_field() {
    type Change = fn(&mut v1::PastSets);
    let good = || v1::PastSets { sets: vec![wire(&past("a", 2, Duration::from_secs(1))); 2] };
    let cases: &[(Change, &str)] = &[
        (|past| past.sets[1].set = None, "past.sets.sets[1].set: is missing"),
        (
            |past| past.sets[1].ago_ms = 604_800_001,
            "past.sets.sets[1].ago_ms: 604800001 is out of range: 0 to 604800000",
        ),
        (|past| past.sets[1].unhealthy = vec![1, 1], "past.sets.sets[1].unhealthy: is not ascending"),
        (
            |past| past.sets[1].unhealthy = vec![0, 2],
            "past.sets.sets[1].unhealthy: 2 is out of range: the set has 2 backends",
        ),
        (|past| past.sets[0].seed = Bytes::new(), "past.sets.sets[0].seed: has 0 bytes: a seed has 16"),
        (
            |past| past.sets[0].set.as_mut().unwrap().table_size = 7,
            "past.sets.sets[0].set.table_size: 7 is unknown to this version",
        ),
        (
            |past| past.sets[0].set.as_mut().unwrap().name.clear(),
            "past.sets.sets[0].set.name: is empty: write a name of 1 to 253 bytes",
        ),
        (
            |past| past.sets[0].set.as_mut().unwrap().backends[1].weight = 70_000,
            "past.sets.sets[0].set.backends[1].weight: 70000 is out of range",
        ),
        (
            |past| past.sets = vec![v1::PastSet::default(); MAX_PAST_SETS + 1],
            "past.sets.sets: has 65537 items, at most 65536 are allowed",
        ),
    ];
    assert!(arrives(good()).is_ok());
    assert!(arrives(v1::PastSets::default()).is_ok());
    for (change, expected) in cases {
        let mut past = good();
        change(&mut past);
        assert_eq!(arrives(past).unwrap_err(), *expected);
    }
    let push = |part| Decoder::<ToForwarder>::new().push(carrier(1, part)).unwrap_err().to_string();
    assert_eq!(push(None), "past.sets: is missing");
    let bytes = Bytes::from_static(b"\xff");
    let error = push(Some(v1::Part { total: 1, offset: 0, bytes }));
    assert!(error.starts_with("past.sets: is no list of sets: "), "{error}");
    let late = v1::Part { total: 10, offset: 5, bytes: vec![0; 5].into() };
    assert_eq!(push(Some(late)), "past.sets.offset: 5 of 10 bytes of number 1 does not follow 0 of 0 of 0");
}

/// Both come in parts, and those of one between those of the other.
#[test]
fn parts_are_not_mixed_up_with_those_of_a_delta() {
    let sets = Arc::new(vec![past("a", 10_000, Duration::from_secs(5)), past("b", 10_000, Duration::ZERO)]);
    let told = ToForwarder::Past { term: Term(7), sets };
    let mut content = guideway_controller_core::Content::new(
        Seed::new([1; 16]),
        guideway_controller_core::Routing::default(),
    );
    content.put_set(past("c", 20_000, Duration::ZERO).set).unwrap();
    let delta = Arc::new(guideway_controller_core::Delta::whole(&content));
    // The number of the generation is that of the term.
    let generation = guideway_controller_core::Generation(7);
    let prepare = ToForwarder::Prepare { term: Term(7), generation, delta };
    let (of_past, of_delta) = (to_forwarder(&told), to_forwarder(&prepare));
    assert!(of_past.len() > 1 && of_past.len() == of_delta.len());
    assert!(of_past.iter().all(|part| part.encoded_len() <= MAX_MESSAGE_BYTES));
    assert!(of_past[0].encoded_len() > MAX_PART_BYTES);
    let mut decoder = Decoder::<ToForwarder>::new();
    let parts = of_past.into_iter().zip(of_delta).flat_map(|(one, other)| [one, other]);
    let arrived: Vec<ToForwarder> = parts.filter_map(|part| decoder.push(part).unwrap()).collect();
    assert_eq!(arrived, [told, prepare]);
}

#[test]
fn parts_of_two_terms_are_not_one_list() {
    let sets = Arc::new(vec![past("a", 20_000, Duration::ZERO)]);
    let of = |term| to_forwarder(&ToForwarder::Past { term: Term(term), sets: Arc::clone(&sets) });
    let mut decoder = Decoder::<ToForwarder>::new();
    assert_eq!(decoder.push(of(1)[0].clone()), Ok(None));
    assert_eq!(decoder.push(of(2)[1].clone()).unwrap_err().field, "past.sets.offset");
}
