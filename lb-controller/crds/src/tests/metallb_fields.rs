//! Every field that MetalLB 0.14 and 0.15 have: it has its effect, or people are told what becomes of it. None is passed over.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::definition::definition;
use crate::{Kind, parse};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Becomes {
    /// Something of the resource.
    Effect,
    /// The same, and a note says what is different.
    EffectAndNote,
    /// A note alone.
    Note,
    /// An error.
    Error,
}
use Becomes::{Effect, EffectAndNote, Error, Note};

type Row = (&'static str, Value, Becomes);

/// Kind, version, the least that is valid, and each field with a value that is not its default.
fn table() -> Vec<(Kind, &'static str, Value, Vec<Row>)> {
    let selector = || json!([{ "matchLabels": { "rack": "1" } }]);
    let peer = || json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "10.0.0.1" });
    let old_peer = vec![
        ("myASN", json!(64514), Effect),
        ("peerASN", json!(64515), Effect),
        ("peerAddress", json!("10.0.0.2"), Effect),
        ("sourceAddress", json!("10.0.0.9"), Effect),
        ("peerPort", json!(1179), Effect),
        ("holdTime", json!("30s"), Effect),
        ("keepaliveTime", json!("10s"), Note),
        ("routerID", json!("10.0.0.9"), EffectAndNote),
        ("nodeSelectors", selector(), EffectAndNote),
        ("password", json!("secret"), Effect),
        ("bfdProfile", json!("fast"), Effect),
        ("ebgpMultiHop", json!(true), Effect),
    ];
    let mut new_peer = old_peer.clone();
    new_peer.extend([
        ("interface", json!("eth1"), Error),
        ("dynamicASN", json!("external"), Error),
        ("connectTime", json!("5s"), EffectAndNote),
        ("passwordSecret", json!({ "name": "bgp" }), Effect),
        ("enableGracefulRestart", json!(true), Effect),
        ("vrf", json!("red"), Error),
        ("disableMP", json!(true), Note),
        ("dualStackAddressFamily", json!(true), EffectAndNote),
    ]);
    let pools = || {
        vec![
            ("ipAddressPools", json!(["web"]), Effect),
            ("ipAddressPoolSelectors", selector(), Effect),
            ("nodeSelectors", selector(), EffectAndNote),
        ]
    };
    let mut bgp = pools();
    bgp.extend([
        ("serviceSelectors", selector(), Error),
        ("peers", json!(["tor"]), Effect),
        ("aggregationLength", json!(24), Effect),
        ("aggregationLengthV6", json!(64), Effect),
        ("localPref", json!(200), Effect),
        ("communities", json!(["65000:1"]), Effect),
    ]);
    let mut l2 = pools();
    l2.extend([("serviceSelectors", selector(), Effect), ("interfaces", json!(["eth1"]), Effect)]);
    let allocation = |field: &str, value: Value| json!({ field: value });
    vec![
        (
            Kind::IpAddressPool,
            "v1beta1",
            json!({ "addresses": ["192.0.2.0/26"] }),
            vec![
                ("addresses", json!(["192.0.2.1-192.0.2.9"]), Effect),
                ("autoAssign", json!(false), Effect),
                ("avoidBuggyIPs", json!(true), Effect),
                ("serviceAllocation", allocation("priority", json!(5)), Effect),
                ("serviceAllocation", allocation("namespaces", json!(["web"])), Effect),
                ("serviceAllocation", allocation("namespaceSelectors", selector()), Effect),
                ("serviceAllocation", allocation("serviceSelectors", selector()), Effect),
            ],
        ),
        (Kind::BgpPeer, "v1beta2", peer(), new_peer),
        (Kind::BgpPeer, "v1beta1", peer(), old_peer),
        (Kind::BgpAdvertisement, "v1beta1", json!({}), bgp),
        (Kind::L2Advertisement, "v1beta1", json!({}), l2),
        (
            Kind::BfdProfile,
            "v1beta1",
            json!({}),
            vec![
                ("receiveInterval", json!(200), Effect),
                ("transmitInterval", json!(200), Effect),
                ("detectMultiplier", json!(5), Effect),
                ("echoMode", json!(true), Effect),
                // Without echoMode there is nothing for it to say.
                ("echoInterval", json!(100), Note),
                ("passiveMode", json!(true), Effect),
                ("minimumTtl", json!(250), Effect),
            ],
        ),
        (
            Kind::Community,
            "v1beta1",
            json!({}),
            vec![("communities", json!([{ "name": "far", "value": "65000:1" }]), Effect)],
        ),
    ]
}

#[test]
fn no_field_is_passed_over() {
    for (kind, version, least, rows) in table() {
        let read = |spec: Value| {
            let object = json!({
                "apiVersion": format!("metallb.io/{version}"), "kind": kind.as_str(),
                "metadata": { "name": "x" }, "spec": spec,
            });
            parse(&object).unwrap()
        };
        let before = read(least.clone());
        assert!(before.notes.is_empty(), "{kind:?}: {:?}", before.notes);
        let before = before.resource.unwrap_or_else(|errors| panic!("{kind:?}: {errors:?}"));
        for (field, value, becomes) in &rows {
            let mut spec = least.clone();
            spec[*field] = value.clone();
            let parsed = read(spec);
            let place = format!("spec.{field}");
            let is_noted = parsed.notes.iter().any(|note| note.place.starts_with(&place));
            let found = match parsed.resource {
                Err(errors) => {
                    assert!(
                        errors.iter().any(|error| error.place.starts_with(&place)),
                        "{place}: {errors:?}"
                    );
                    Error
                }
                Ok(now) => match (now != before, is_noted) {
                    (true, false) => Effect,
                    (true, true) => EffectAndNote,
                    (false, true) => Note,
                    (false, false) => panic!("{kind:?} {version}: {place} is passed over"),
                },
            };
            assert_eq!(found, *becomes, "{kind:?} {version}: {place}");
        }
        // The table has all that the definition has.
        let known = definition(kind).versions.iter().find(|known| known.name == version).unwrap();
        let known: BTreeSet<&str> = known.fields.fields.iter().map(|field| field.name).collect();
        let rows: BTreeSet<&str> = rows.iter().map(|(field, ..)| *field).collect();
        assert_eq!(rows, known, "{kind:?} {version}");
    }
}

/// What a later MetalLB may have is told, too.
#[test]
fn unknown_fields_are_noted() {
    for (kind, version, mut least, _) in table() {
        least["later"] = json!(true);
        let object = json!({
            "apiVersion": format!("metallb.io/{version}"), "kind": kind.as_str(),
            "metadata": { "name": "x" }, "spec": least,
        });
        let parsed = parse(&object).unwrap();
        assert!(parsed.resource.is_ok());
        assert_eq!(parsed.notes.len(), 1);
        assert!(parsed.notes[0].to_string().starts_with("spec.later: unknown field, without effect"));
    }
}
