use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use guideway_controller_core::message::Standing;
use guideway_controller_core::{Content, Digest, Generation, Routing};
use guideway_controller_rollout::coordinator::{ForwarderState, State};
use guideway_dataplane_config::Seed;

use super::*;
use crate::sources::Contact;
use crate::state::{Brief, Summary};

const NOW: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-02-02T00:00:00Z";

fn facts() -> Facts {
    Facts {
        contacts: BTreeMap::new(),
        state: Arc::default(),
        seen: BTreeMap::new(),
        summary: None,
        is_settled: true,
    }
}

/// The condition of a kind, as status and reason.
fn said(status: &Value, kind: &str) -> (String, String) {
    let all = status["conditions"].as_array().unwrap();
    let one = all.iter().find(|condition| condition["type"] == kind).unwrap_or_else(|| panic!("{status}"));
    let text = |field: &str| one[field].as_str().unwrap().to_owned();
    (text("status"), text("reason"))
}

fn written(before: &Value, kind: Kind, name: &str, facts: &Facts, now: &str) -> Option<(Value, Urgency)> {
    let (conditions, fields) = live(kind, name, facts);
    merge(before, Some(3), conditions, fields, facts.is_settled, now)
}

#[test]
fn a_cluster_tells_since_when_it_is_silent_and_nothing_twice() {
    let mut facts = facts();
    let (never, _) = written(&Value::Null, Kind::Cluster, "east", &facts, NOW).unwrap();
    assert_eq!(said(&never, REACHABLE), ("False".to_owned(), "NeverReached".to_owned()));
    // Why there is no kubeconfig for it is told anew whenever it is another reason.
    let mut status = never.clone();
    for why in ["there is no Secret east", "the user a names a program"] {
        let contact = Contact { unusable: Some(why.to_owned()), ..Contact::default() };
        facts.contacts.insert(ClusterName::new("east").unwrap(), contact);
        status = written(&status, Kind::Cluster, "east", &facts, NOW).unwrap().0;
        assert_eq!(said(&status, REACHABLE), ("False".to_owned(), "NoKubeconfig".to_owned()));
        assert_eq!(status["conditions"][0]["message"], why);
    }
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let answers = Contact {
        reachable: true,
        synced: true,
        last: Some(last),
        version: Some("v1.33.1".to_owned()),
        ..Contact::default()
    };
    facts.contacts.insert(ClusterName::new("east").unwrap(), answers.clone());
    let (status, urgency) = written(&never, Kind::Cluster, "east", &facts, NOW).unwrap();
    assert_eq!(urgency, Urgency::Now);
    assert_eq!(said(&status, REACHABLE), ("True".to_owned(), "Answers".to_owned()));
    assert_eq!(said(&status, SYNCED), ("True".to_owned(), "Listed".to_owned()));
    assert_eq!((&status["version"], status.get("lastContact")), (&json!("v1.33.1"), None));
    // It answers once a second, which is no news.
    let again = Contact { last: Some(last + Duration::from_secs(1)), ..answers.clone() };
    facts.contacts.insert(ClusterName::new("east").unwrap(), again);
    assert_eq!(written(&status, Kind::Cluster, "east", &facts, LATER), None);
    let replaced = Contact { unusable: Some("it is no YAML".to_owned()), ..answers.clone() };
    facts.contacts.insert(ClusterName::new("east").unwrap(), replaced);
    let (before, _) = written(&status, Kind::Cluster, "east", &facts, LATER).unwrap();
    assert_eq!(said(&before, REACHABLE), ("True".to_owned(), "NoKubeconfig".to_owned()));
    let message = "it is no YAML; it is reached by the one before";
    assert_eq!(before["conditions"][0]["message"], message);
    let refusal = "Services cannot be written to: forbidden";
    let refused = [("Services".to_owned(), refusal.to_owned())];
    let refused = Contact { refused: refused.into(), ..answers.clone() };
    facts.contacts.insert(ClusterName::new("east").unwrap(), refused);
    let (before, urgency) = written(&status, Kind::Cluster, "east", &facts, LATER).unwrap();
    assert_eq!(urgency, Urgency::Now);
    assert_eq!(said(&before, REACHABLE), ("True".to_owned(), "Answers".to_owned()));
    assert_eq!(said(&before, SYNCED), ("False".to_owned(), "Refused".to_owned()));
    assert_eq!(before["conditions"][1]["message"], refusal);
    let silent =
        |error: &str| Contact { reachable: false, silence: Some(error.to_owned()), ..answers.clone() };
    facts.contacts.insert(ClusterName::new("east").unwrap(), silent("connection refused"));
    let (status, urgency) = written(&status, Kind::Cluster, "east", &facts, LATER).unwrap();
    assert_eq!(urgency, Urgency::Now);
    assert_eq!(said(&status, REACHABLE), ("False".to_owned(), "Silent".to_owned()));
    let condition = &status["conditions"][0];
    let message = "silent since 2023-11-14T22:13:20Z: connection refused; what was known then is served";
    assert_eq!((&condition["message"], &condition["lastTransitionTime"]), (&json!(message), &json!(LATER)));
    assert_eq!(condition["observedGeneration"], 3);
    assert_eq!(status["lastContact"], "2023-11-14T22:13:20Z");
    facts.contacts.insert(ClusterName::new("east").unwrap(), silent("no route to host"));
    assert_eq!(written(&status, Kind::Cluster, "east", &facts, LATER), None);
    facts.contacts.insert(ClusterName::new("east").unwrap(), answers);
    let (status, _) = written(&status, Kind::Cluster, "east", &facts, LATER).unwrap();
    assert_eq!(status.get("lastContact"), None);
}

#[test]
fn a_forwarder_is_told_as_the_leader_sees_it() {
    let mut facts = facts();
    let stamp = (Generation(7), Digest::from_bytes([1; 32]));
    let serves = ForwarderState {
        connected: true,
        standing: Standing { committed: Some(stamp), ..Standing::default() },
        current: true,
        incapable: Vec::new(),
    };
    let mut with = |forwarder: Option<ForwarderState>| {
        let forwarders = forwarder.map(|state| ("fw1".parse().unwrap(), state)).into_iter().collect();
        facts.state = Arc::new(State { forwarders, ..State::default() });
        written(&Value::Null, Kind::Forwarder, "fw1", &facts, NOW).unwrap().0
    };
    let status = with(Some(serves.clone()));
    assert_eq!(said(&status, CONNECTED), ("True".to_owned(), "Connected".to_owned()));
    assert_eq!(said(&status, CURRENT), ("True".to_owned(), "Serves".to_owned()));
    assert_eq!((&status["generation"], &status["digest"]), (&json!(7), &json!(stamp.1.to_string())));
    for (state, connected, current) in [
        (None, "NeverSeen", "Away"),
        (Some(ForwarderState { connected: false, ..serves.clone() }), "NeverSeen", "Away"),
        (Some(ForwarderState { current: false, ..serves.clone() }), "Connected", "Behind"),
        (
            Some(ForwarderState { incapable: vec!["no room".to_owned()], ..serves.clone() }),
            "Connected",
            "Refuses",
        ),
        (
            Some(ForwarderState { standing: Standing { fenced: true, ..serves.standing }, ..serves.clone() }),
            "Connected",
            "Fenced",
        ),
    ] {
        let status = with(state);
        assert_eq!(
            (said(&status, CONNECTED).1, said(&status, CURRENT).1),
            (connected.into(), current.into())
        );
    }
    facts.state = Arc::default();
    let last = SystemTime::UNIX_EPOCH;
    facts.seen.insert("fw1".parse().unwrap(), Brief { version: "1".to_owned(), announced: 5, last });
    let (status, _) = written(&Value::Null, Kind::Forwarder, "fw1", &facts, NOW).unwrap();
    assert_eq!(said(&status, CONNECTED), ("False".to_owned(), "Away".to_owned()));
    assert_eq!((&status["vips"], &status["lastContact"]), (&json!(5), &json!("1970-01-01T00:00:00Z")));
}

#[test]
fn a_new_leader_does_not_take_for_gone_whom_it_has_not_heard_yet() {
    let mut facts = facts();
    let holds = wanted(CONNECTED, true, "Connected", "");
    let (before, _) = merge(&Value::Null, None, vec![holds], Map::new(), true, NOW).unwrap();
    facts.is_settled = false;
    assert_eq!(written(&before, Kind::Forwarder, "fw1", &facts, LATER), None);
    facts.is_settled = true;
    let (status, _) = written(&before, Kind::Forwarder, "fw1", &facts, LATER).unwrap();
    assert_eq!(said(&status, CONNECTED).0, "False");
}

#[test]
fn numbers_are_not_urgent_and_conditions_of_others_stay() {
    let others = json!({ "conditions": [{ "type": "Audited", "status": "True" }], "spare": 1 });
    let fields = |vips: u64| Map::from_iter([("vips".to_owned(), json!(vips))]);
    let (status, urgency) = merge(&others, Some(1), vec![valid("", "")], fields(1), true, NOW).unwrap();
    assert_eq!(urgency, Urgency::Now);
    assert_eq!((&status["conditions"][0]["type"], &status["spare"]), (&json!("Audited"), &json!(1)));
    let (status, urgency) = merge(&status, Some(1), vec![valid("", "")], fields(2), true, LATER).unwrap();
    assert_eq!((urgency, &status["vips"]), (Urgency::Soon, &json!(2)));
    // A text alone is no transition.
    let (status, urgency) =
        merge(&status, Some(1), vec![valid("", "spec.a: unknown field")], fields(2), true, LATER).unwrap();
    assert_eq!((urgency, &status["conditions"][1]["lastTransitionTime"]), (Urgency::Soon, &json!(NOW)));
    // Another generation of the object was looked at, and found the same.
    let (status, urgency) =
        merge(&status, Some(2), vec![valid("", "spec.a: unknown field")], fields(2), true, LATER).unwrap();
    assert_eq!((urgency, &status["conditions"][1]["lastTransitionTime"]), (Urgency::Now, &json!(NOW)));
    let (status, _) =
        merge(&status, Some(3), vec![valid("spec.b: is wrong", "")], fields(2), true, LATER).unwrap();
    assert_eq!(said(&status, VALID), ("False".to_owned(), "Invalid".to_owned()));
    assert_eq!(status["conditions"][1]["lastTransitionTime"], LATER);
}

#[test]
fn a_shard_is_available_when_one_of_its_forwarders_serves() {
    let mut facts = facts();
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    for (shard, member) in [("gold/east/web", "fw1"), ("gold/east/shop", "fw2"), ("golden", "fw3")] {
        content.put_shard(Shard {
            name: shard.parse().unwrap(),
            zone: None,
            members: [member.parse().unwrap()].into(),
            leaving: Default::default(),
        });
    }
    facts.summary = Some(summary(content));
    let (status, _) = written(&Value::Null, Kind::Shard, "gold", &facts, NOW).unwrap();
    assert_eq!(said(&status, AVAILABLE), ("False".to_owned(), "NobodyServes".to_owned()));
    assert_eq!(status["forwarders"], json!(["fw1", "fw2"]));
    assert_eq!((&status["tenants"], &status["vips"]), (&json!(2), &json!(0)));
    let serves = ForwarderState { connected: true, current: true, ..ForwarderState::default() };
    let forwarders = [("fw2".parse().unwrap(), serves)].into_iter().collect();
    facts.state = Arc::new(State { forwarders, ..State::default() });
    let (status, _) = written(&status, Kind::Shard, "gold", &facts, NOW).unwrap();
    assert_eq!(said(&status, AVAILABLE), ("True".to_owned(), "Serves".to_owned()));
    let (status, _) = written(&Value::Null, Kind::Shard, "silver", &facts, NOW).unwrap();
    assert_eq!(said(&status, AVAILABLE).1, "NoServices");
}

fn summary(content: Content) -> Summary {
    Summary {
        content,
        services: BTreeMap::new(),
        addresses: BTreeMap::new(),
        pools: Vec::new(),
        problems: Vec::new(),
    }
}

#[test]
fn what_a_cluster_holds_is_told_while_it_is_known() {
    let mut facts = facts();
    let mut summary = summary(Content::new(Seed::new([7; 16]), Routing::default()));
    summary.addresses.insert("east".to_owned(), vec!["192.0.2.1-192.0.2.7".parse().unwrap()]);
    facts.summary = Some(summary.clone());
    let (status, _) = written(&Value::Null, Kind::Cluster, "east", &facts, NOW).unwrap();
    assert_eq!(status["addresses"], json!(["192.0.2.1-192.0.2.7"]));

    summary.addresses.clear();
    facts.summary = Some(summary.clone());
    assert_eq!(written(&status, Kind::Cluster, "east", &facts, NOW), None, "as somebody knew it last");

    // Too many to tell: whoever reads it must not take it for all.
    let apart = (0..).step_by(2).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)).into());
    let ranges = apart.take(MOST_RANGES + 1).collect();
    summary.addresses.insert("east".to_owned(), ranges);
    facts.summary = Some(summary.clone());
    let (status, _) = written(&status, Kind::Cluster, "east", &facts, NOW).unwrap();
    assert_eq!(status.get("addresses"), None);

    summary.addresses.insert("east".to_owned(), Vec::new());
    facts.summary = Some(summary);
    let (status, _) = written(&status, Kind::Cluster, "east", &facts, NOW).unwrap();
    assert_eq!(status["addresses"], json!([]), "none, for sure");
}

#[test]
fn a_version_that_has_no_place_is_left_out() {
    assert!(version("0.1.0").is_some());
    for strange in ["", "1\n2", &"9".repeat(129)] {
        assert_eq!(version(strange), None);
    }
}
