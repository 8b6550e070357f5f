use serde_json::json;

use super::*;
use crate::sim::{Server, Sim};

fn sim() -> Sim {
    let resources = vec![
        kinds::namespaces(),
        kinds::nodes(),
        kinds::events(),
        kinds::secrets(),
        kinds::leases(),
        kinds::certificate_signing_requests(),
    ];
    let mut sim = Sim::new(Server::new(resources), vec![Box::new(Expiry::default())]);
    for name in ["default", "kube-system", "kube-node-lease"] {
        sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": name } })).unwrap();
    }
    sim
}

fn text(time: Timestamp) -> String {
    crate::conditions::time(time)
}

/// What is there after a time.
fn left(sim: &mut Sim, after: Duration) -> Vec<String> {
    sim.settle();
    sim.server.now += after;
    sim.restart();
    sim.settle();
    let kinds = kinds_that_expire().into_iter().flat_map(|kind| sim.server.list(&kind.id, ""));
    let mut names: Vec<String> =
        kinds.map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn events_live_for_their_time_after_the_last_write() {
    let mut sim = sim();
    let now = sim.server.now;
    let later = text(now + Duration::from_secs(1800));
    let never = text(now + Duration::from_secs(1_000_000_000));
    for (name, extra) in [
        ("once", json!({})),
        ("again", json!({ "lastTimestamp": later })),
        ("series", json!({ "series": { "lastObservedTime": later } })),
        ("wrong-clock", json!({ "eventTime": never })),
    ] {
        let mut event = extra;
        event["metadata"] = json!({ "name": name, "namespace": "default" });
        sim.server.create(&kinds::events(), event).unwrap();
    }
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(left(&mut sim, minutes(59)), ["again", "once", "series", "wrong-clock"]);
    assert_eq!(left(&mut sim, minutes(2)), ["again", "series"]);
    assert_eq!(left(&mut sim, minutes(30)), Vec::<String>::new());
}

#[test]
fn tokens_requests_and_leases() {
    let mut sim = sim();
    let now = sim.server.now;
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let token = |name: &str, namespace: &str, hours: u64| {
        json!({
            "metadata": { "name": name, "namespace": namespace },
            "type": "bootstrap.kubernetes.io/token",
            "data": { "expiration": encode(text(now + HOUR * u32::try_from(hours).unwrap())) },
        })
    };
    let secrets = [
        token("short", "kube-system", 2),
        token("long", "kube-system", 48),
        token("elsewhere", "default", 2),
    ];
    for secret in secrets {
        sim.server.create(&kinds::secrets(), secret).unwrap();
    }
    for (name, conditions) in [
        ("csr-approved", json!([{ "type": "Approved", "lastUpdateTime": text(now + HOUR) }])),
        ("csr-pending", Value::Null),
    ] {
        let request = json!({ "metadata": { "name": name }, "status": { "conditions": conditions } });
        sim.server.create(&kinds::certificate_signing_requests(), request).unwrap();
    }
    sim.server.create(&kinds::nodes(), json!({ "metadata": { "name": "alive" } })).unwrap();
    let lease = |name: &str, namespace: &str, label: Option<&str>| {
        json!({
            "metadata": { "name": name, "namespace": namespace, "labels": { "apiserver.kubernetes.io/identity": label } },
            "spec": { "renewTime": text(now) },
        })
    };
    let leases = [
        lease("alive", "kube-node-lease", None),
        lease("dead", "kube-node-lease", None),
        lease("server", "kube-system", Some("x")),
        lease("of-others", "kube-system", None),
    ];
    for lease in leases {
        sim.server.create(&kinds::leases(), lease).unwrap();
    }
    assert_eq!(left(&mut sim, Duration::from_secs(3540)).len(), 9);
    assert_eq!(
        left(&mut sim, HOUR * 2),
        ["alive", "csr-pending", "elsewhere", "long", "of-others"],
        "what is used or belongs to others stays"
    );
    assert_eq!(left(&mut sim, HOUR * 22), ["alive", "elsewhere", "long", "of-others"]);
}
