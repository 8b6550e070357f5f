use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use guideway_controller_core::arbitrary::{address, content, past_set};
use guideway_controller_core::message::{
    Cost, Counters, FromForwarder, Hello, Report, ReportScope, Room, SetReport, Standing, ToForwarder,
    VipReport,
};
use guideway_controller_core::{Delta, Digest, Generation, Term, diff};
use guideway_dataplane_config::{Backend, BackendSet, EncapsulationKind, TableSize};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use prost::Message as _;

use super::*;

fn delta() -> impl Strategy<Value = Arc<Delta>> {
    (content(), content(), any::<bool>())
        .prop_map(|(from, to, whole)| Arc::new(if whole { Delta::whole(&to) } else { diff(&from, &to) }))
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn generation() -> impl Strategy<Value = Generation> {
    any::<u64>().prop_map(Generation)
}

fn relays() -> impl Strategy<Value = BTreeSet<SocketAddr>> {
    btree_set((address(), 1..=u16::MAX).prop_map(SocketAddr::from), 0..3)
}

fn to_forwarders() -> impl Strategy<Value = ToForwarder> {
    let term = || any::<u64>().prop_map(Term);
    prop_oneof![
        (term(), generation(), delta()).prop_map(|(term, generation, delta)| ToForwarder::Prepare {
            term,
            generation,
            delta
        }),
        (term(), generation(), digest()).prop_map(|(term, generation, digest)| ToForwarder::Commit {
            term,
            generation,
            digest
        }),
        (term(), generation()).prop_map(|(term, generation)| ToForwarder::Abort { term, generation }),
        (term(), generation(), ".{0,9}").prop_map(|(term, generation, reason)| ToForwarder::Fence {
            term,
            generation,
            reason
        }),
        term().prop_map(|term| ToForwarder::Keepalive { term }),
        (term(), generation()).prop_map(|(term, generation)| ToForwarder::SendContent { term, generation }),
        (term(), 1..600_000_u64, relays()).prop_map(|(term, silence, relays)| ToForwarder::Touch {
            term,
            silence: Duration::from_millis(silence),
            relays,
        }),
        (term(), vec(past_set(), 0..4))
            .prop_map(|(term, sets)| ToForwarder::Past { term, sets: Arc::new(sets) }),
    ]
}

fn standing() -> impl Strategy<Value = Standing> {
    let held = || option::of((generation(), digest()));
    (held(), held(), any::<u64>(), any::<bool>()).prop_map(|(committed, prepared, term, fenced)| Standing {
        committed,
        prepared,
        highest_term: Term(term),
        fenced,
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let at = (0..4_000_000_000_000_u64).prop_map(|ms| UNIX_EPOCH + Duration::from_millis(ms));
    (
        (".{0,9}", standing(), vec((generation(), digest(), at), 0..3)),
        (btree_map("[a-z]{1,3}", ".{0,3}", 0..3), option::of("[a-z]{0,3}"), btree_set(address(), 0..3)),
        (any::<(u32, u32, u32)>(), relays()),
    )
        .prop_map(|((version, standing, kept), (labels, zone, addresses), (room, relays))| {
            let (vips, backends, flows) = room;
            let room = Room { vips, backends, flows };
            Hello { version, standing, kept, labels, zone, addresses, room, relays }
        })
}

fn report(most: usize) -> impl Strategy<Value = Report> {
    let vip = ("[a-z]{1,3}", any::<(bool, u32, u32)>()).prop_map(|(name, (announced, healthy, backends))| {
        VipReport { name: name.parse().unwrap(), announced, healthy, backends }
    });
    let set = ("[a-z]{1,3}", btree_set(".{0,9}", 0..4))
        .prop_map(|(name, unhealthy)| SetReport { name: name.parse().unwrap(), unhealthy });
    let scope = prop_oneof![Just(ReportScope::Whole), Just(ReportScope::Changes)];
    let lists = (vec(vip, 0..=most), vec(set, 0..=most));
    (scope, any::<u64>(), lists, any::<(u64, u64, u64, u64)>()).prop_map(
        |(scope, installed, (vips, sets), (packets, octets, dropped, flows))| Report {
            scope,
            installed,
            vips,
            sets,
            counters: Counters { packets, octets, dropped, flows },
        },
    )
}

fn from_forwarders() -> impl Strategy<Value = FromForwarder> {
    prop_oneof![
        hello().prop_map(FromForwarder::Hello),
        (generation(), digest(), any::<(u64, u64, u64)>()).prop_map(
            |(generation, digest, (moved, at_risk, flows_at_risk))| FromForwarder::Prepared {
                generation,
                digest,
                cost: Cost { moved, at_risk, flows_at_risk },
            }
        ),
        (generation(), vec(".{0,9}", 0..3))
            .prop_map(|(generation, errors)| FromForwarder::Refused { generation, errors }),
        (generation(), digest(), any::<u64>()).prop_map(|(generation, digest, installed)| {
            FromForwarder::Committed { generation, digest, installed }
        }),
        generation().prop_map(|generation| FromForwarder::Missing { generation }),
        (generation(), ".{0,9}")
            .prop_map(|(generation, reason)| FromForwarder::Fenced { generation, reason }),
        any::<u64>().prop_map(|highest| FromForwarder::Stale { highest: Term(highest) }),
        (generation(), option::of(delta()))
            .prop_map(|(generation, content)| FromForwarder::Content { generation, content }),
        report(3).prop_map(FromForwarder::Report),
        standing().prop_map(FromForwarder::Keepalive),
    ]
}

proptest! {
    #[test]
    fn what_the_leader_says_arrives(messages in vec(to_forwarders(), 1..4)) {
        let mut decoder = Decoder::<ToForwarder>::new();
        let mut arrived = Vec::new();
        for message in &messages {
            for wire in to_forwarder(message) {
                let wire = v1::ToForwarder::decode(Bytes::from(wire.encode_to_vec())).unwrap();
                arrived.extend(decoder.push(wire).unwrap());
            }
        }
        prop_assert_eq!(arrived, messages);
    }

    #[test]
    fn what_a_forwarder_says_arrives(messages in vec(from_forwarders(), 1..4)) {
        let mut decoder = Decoder::<FromForwarder>::new();
        let mut arrived = Vec::new();
        for message in &messages {
            for wire in from_forwarder(message) {
                let wire = v1::FromForwarder::decode(Bytes::from(wire.encode_to_vec())).unwrap();
                arrived.extend(decoder.push(wire).unwrap());
            }
        }
        prop_assert_eq!(arrived, messages);
    }

    /// Nothing panics, and what is understood is written as it was meant.
    #[test]
    fn bytes_of_anybody_are_read(mut bytes in vec(any::<u8>(), 0..200), delta in delta(), at: prop::sample::Index) {
        _ = decode_delta(bytes.clone().into());
        let mut good = encode_delta(&delta).to_vec();
        if !good.is_empty() && !bytes.is_empty() {
            let at = at.index(good.len());
            good[at] ^= bytes.pop().unwrap();
            if let Ok(read) = decode_delta(good.into()) {
                prop_assert_eq!(decode_delta(encode_delta(&read)).unwrap(), read);
            }
        }
    }
}

/// A content whose delta is larger than a part, in one item.
fn large() -> Arc<Delta> {
    let backend = |number: u32| Backend {
        name: format!("namespace/{number:0100}"),
        address: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
        weight: 1,
    };
    let set = BackendSet {
        name: "large".into(),
        table_size: TableSize::Large,
        encapsulation: EncapsulationKind::Gue,
        second_hop: false,
        drain_window: Duration::from_secs(60),
        health_check: None,
        backends: (1..30_000).map(backend).collect(),
    };
    let mut content = guideway_controller_core::Content::new(
        guideway_dataplane_config::Seed::new([1; 16]),
        guideway_controller_core::Routing::default(),
    );
    content.put_set(set).unwrap();
    Arc::new(Delta::whole(&content))
}

#[test]
fn what_is_long_comes_in_parts() {
    let delta = large();
    let message = ToForwarder::Prepare { term: Term(1), generation: Generation(2), delta };
    let parts = to_forwarder(&message);
    assert!(parts.len() > 3 && parts.iter().all(|part| part.encoded_len() <= MAX_MESSAGE_BYTES));
    let mut decoder = Decoder::<ToForwarder>::new();
    let (last, first) = parts.split_last().unwrap();
    // Keepalives may stand between them.
    for part in first {
        assert_eq!(decoder.push(part.clone()), Ok(None));
        let keepalive = ToForwarder::Keepalive { term: Term(1) };
        assert_eq!(decoder.push(to_forwarder(&keepalive).remove(0)), Ok(Some(keepalive)));
    }
    assert_eq!(decoder.push(last.clone()), Ok(Some(message)));
}

#[test]
fn backends_of_several_sets_are_written_once() {
    let backends = |last: u8| -> Arc<[Backend]> {
        let backend = |number: u8| Backend {
            name: format!("pod-{number}"),
            address: [10, 0, 0, number].into(),
            weight: 1,
        };
        (1..=last).map(backend).collect()
    };
    let set = |name: &str, backends| BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        drain_window: Duration::from_secs(60),
        health_check: None,
        backends,
    };
    let mut content = guideway_controller_core::Content::new(
        guideway_dataplane_config::Seed::new([1; 16]),
        guideway_controller_core::Routing::default(),
    );
    // Equal ones count, too, that are not the same in memory.
    for (name, last) in [("a", 9), ("b", 8), ("c", 9), ("d", 8), ("e", 0), ("f", 0)] {
        content.put_set(set(name, backends(last))).unwrap();
    }
    let delta = Delta::whole(&content);
    let bytes = encode_delta(&delta);
    let wire = v1::Delta::decode(bytes.clone()).unwrap();
    let written = wire.sets.iter().map(|set| (set.backends.len(), set.backends_of));
    assert_eq!(written.collect::<Vec<_>>(), [(9, 0), (8, 0), (0, 1), (0, 2), (0, 0), (0, 5)]);
    let read = decode_delta(bytes).unwrap();
    assert_eq!(read, delta);
    let sets = &read.changes.sets;
    assert!(
        Arc::ptr_eq(&sets[0].backends, &sets[2].backends)
            && !Arc::ptr_eq(&sets[0].backends, &sets[1].backends)
    );
}

#[test]
fn a_long_report_is_several() {
    let vip = |number: usize| VipReport {
        name: format!("{number:0200}").parse().unwrap(),
        announced: true,
        healthy: 1,
        backends: 2,
    };
    let report = Report { vips: (0..5000).map(vip).collect(), ..Report::default() };
    let wires = from_forwarder(&FromForwarder::Report(report.clone()));
    assert!(wires.len() == 3 && wires.iter().all(|wire| wire.encoded_len() <= MAX_MESSAGE_BYTES));
    let mut decoder = Decoder::<FromForwarder>::new();
    let mut vips = Vec::new();
    for (index, wire) in wires.into_iter().enumerate() {
        let Ok(Some(FromForwarder::Report(part))) = decoder.push(wire) else { panic!() };
        assert_eq!(part.scope == ReportScope::Whole, index == 0);
        vips.extend(part.vips);
    }
    assert_eq!(vips, report.vips);
}

#[test]
fn many_sets_are_several_reports() {
    let set = |number: usize| SetReport {
        name: format!("{number:0200}").parse().unwrap(),
        unhealthy: (0..number % 7).map(|backend| format!("{backend:0200}")).collect(),
    };
    let report = Report { sets: (0..3000).map(set).collect(), ..Report::default() };
    let wires = from_forwarder(&FromForwarder::Report(report.clone()));
    assert!(wires.len() > 3 && wires.iter().all(|wire| wire.encoded_len() <= MAX_MESSAGE_BYTES));
    let mut decoder = Decoder::<FromForwarder>::new();
    let mut sets = Vec::new();
    for wire in wires {
        let Ok(Some(FromForwarder::Report(part))) = decoder.push(wire) else { panic!() };
        sets.extend(part.sets);
    }
    assert_eq!(sets, report.sets);
    // Of one that is too long, as much as there is room for.
    let long = SetReport {
        name: "a".parse().unwrap(),
        unhealthy: (0..32_767).map(|backend| format!("{backend:0200}")).collect(),
    };
    let report = Report { sets: vec![long], ..Report::default() };
    let wires = from_forwarder(&FromForwarder::Report(report));
    assert!(wires.len() == 1 && wires[0].encoded_len() <= MAX_MESSAGE_BYTES);
    let Ok(Some(FromForwarder::Report(part))) = decoder.push(wires[0].clone()) else { panic!() };
    assert!(part.sets[0].unhealthy.len() > 1000);
}

#[test]
fn long_lists_for_people_are_cut() {
    let errors: Vec<String> = (0..150).map(|number| format!("{number}{}", "é".repeat(2000))).collect();
    let wires = from_forwarder(&FromForwarder::Refused { generation: Generation(1), errors });
    let mut decoder = Decoder::<FromForwarder>::new();
    let Ok(Some(FromForwarder::Refused { errors, .. })) = decoder.push(wires[0].clone()) else { panic!() };
    assert_eq!(errors.len(), 100);
    assert_eq!(errors[99], "51 more errors are not listed");
    assert!(errors[0].ends_with("é…") && errors[0].len() <= 1024);
}

#[test]
fn errors_name_the_field() {
    type Change = fn(&mut v1::Delta);
    let set = || v1::BackendSet {
        name: "a".into(),
        table_size: 65_537,
        encapsulation: 1,
        backends: vec![v1::Backend { name: "b".into(), address: vec![10, 0, 0, 1].into(), weight: 1 }],
        ..v1::BackendSet::default()
    };
    let vip = || v1::Vip {
        name: "a".into(),
        address: Some(v1::Prefix { address: vec![10, 0, 0, 1].into(), length: 32 }),
        first_port: 80,
        last_port: 80,
        protocol: 6,
        set: "a".into(),
        shard: "a".into(),
        ..v1::Vip::default()
    };
    let good = || v1::Delta {
        result: vec![0; 32].into(),
        sets: vec![set(), set()],
        vips: vec![vip()],
        routing: Some(v1::Routing {
            peers: vec![v1::Peer {
                name: "tor1".into(),
                remote_as: Some(v1::peer::RemoteAs::Number(1)),
                ..v1::Peer::default()
            }],
            advertisements: vec![v1::Advertisement::default()],
            ..v1::Routing::default()
        }),
        ..v1::Delta::default()
    };
    let cases: &[(Change, &str)] = &[
        (|delta| delta.result.clear(), "result: has 0 bytes: a digest has 32"),
        (|delta| delta.base = Some(vec![1].into()), "base: has 1 bytes: a digest has 32"),
        (|delta| delta.seed = Some(vec![1].into()), "seed: has 1 bytes: a seed has 16"),
        (|delta| delta.sets[1].table_size = 7, "sets[1].table_size: 7 is unknown to this version"),
        (|delta| delta.sets[1].encapsulation = 0, "sets[1].encapsulation: is missing"),
        (|delta| delta.sets[1].encapsulation = 9, "sets[1].encapsulation: 9 is unknown to this version"),
        (
            |delta| delta.sets[0].backends[0].weight = 70_000,
            "sets[0].backends[0].weight: 70000 is out of range",
        ),
        (
            |delta| delta.sets[0].backends[0].address.truncate(3),
            "sets[0].backends[0].address: has 3 bytes: an address has 4 or 16",
        ),
        (
            |delta| {
                delta.sets[0].health_check = Some(v1::HealthCheck { rise: 1, fall: 1, ..Default::default() });
            },
            "sets[0].health_check.port: 0 is out of range",
        ),
        (|delta| delta.sets[1].backends_of = 1, "sets[1].backends_of: there are backends as well"),
        (
            |delta| (delta.sets[1].backends, delta.sets[1].backends_of) = (Vec::new(), 2),
            "sets[1].backends_of: there is no set 2 among the 1 before it",
        ),
        (
            |delta| (delta.sets[0].backends, delta.sets[0].backends_of) = (Vec::new(), u32::MAX),
            "sets[0].backends_of: there is no set 4294967295 among the 0 before it",
        ),
        (|delta| delta.vips[0].address = None, "vips[0].address: is missing"),
        (
            |delta| delta.vips[0].address.as_mut().unwrap().length = 33,
            "vips[0].address.length: 33 is too long for 10.0.0.1",
        ),
        (
            |delta| delta.vips[0].address.as_mut().unwrap().length = 24,
            "vips[0].address: 10.0.0.1/24 has bits set beyond its length: 10.0.0.0/24 is meant",
        ),
        (|delta| delta.vips[0].last_port = 79, "vips[0].first_port: 80 is above the last port, 79"),
        (|delta| delta.vips[0].protocol = 132, "vips[0].protocol: 132 is unknown to this version"),
        (|delta| delta.vips[0].affinity = Some(v1::Affinity::default()), "vips[0].affinity.kind: is missing"),
        (|delta| delta.vips[0].set.clear(), "vips[0].set: is empty: write a name of 1 to 253 bytes"),
        (
            |delta| delta.removed_vips = vec![" ".into()],
            "removed_vips[0]: starts or ends with white space: remove it",
        ),
        (
            |delta| delta.routing.as_mut().unwrap().peers[0].remote_as = None,
            "routing.peers[0].remote_as: is missing",
        ),
        (
            |delta| delta.routing.as_mut().unwrap().advertisements[0].aggregation_v4 = 33,
            "routing.advertisements[0].aggregation_v4: 33 is out of range: 0 to 32",
        ),
        (
            |delta| delta.routing.as_mut().unwrap().advertisements[0].large_communities = vec![1, 2],
            "routing.advertisements[0].large_communities: has 2 numbers: each community has 3",
        ),
    ];
    assert!(decode_delta(good().encode_to_vec().into()).is_ok());
    for (change, expected) in cases {
        let mut delta = good();
        change(&mut delta);
        let error = decode_delta(delta.encode_to_vec().into()).unwrap_err();
        assert_eq!(error.to_string(), *expected);
    }
    let error = decode_delta(Bytes::from_static(b"\xff")).unwrap_err().to_string();
    assert!(error.starts_with("is no delta: "), "{error}");
    let mut decoder = Decoder::<FromForwarder>::new();
    let empty = v1::FromForwarder { message: None };
    assert_eq!(decoder.push(empty).unwrap_err().to_string(), "message: is missing");
    let hello = v1::from_forwarder::Message::Hello(v1::Hello::default());
    let error = decoder.push(v1::FromForwarder { message: Some(hello) }).unwrap_err();
    assert_eq!(error.to_string(), "hello.standing: is missing");
    let mut decoder = Decoder::<ToForwarder>::new();
    let prepare = v1::to_forwarder::Message::Prepare(v1::Prepare { generation: 1, delta: None });
    let error = decoder.push(v1::ToForwarder { term: 1, message: Some(prepare) }).unwrap_err();
    assert_eq!(error.to_string(), "prepare.delta: is missing");
}
