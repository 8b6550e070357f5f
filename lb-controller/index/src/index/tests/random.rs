//! Random histories: whatever has happened, in the end the content follows from the objects alone.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::*;
use crate::Change;

#[derive(Clone, Debug)]
enum Step {
    Service {
        cluster: usize,
        service: usize,
        kind: u8,
    },
    DeleteService {
        cluster: usize,
        service: usize,
    },
    Slice {
        cluster: usize,
        service: usize,
        suffix: u8,
        pods: Vec<(u8, u8)>,
    },
    DeleteSlice {
        cluster: usize,
        service: usize,
        suffix: u8,
    },
    Node {
        cluster: usize,
        node: u8,
        ready: bool,
    },
    DeleteNode {
        cluster: usize,
        node: u8,
    },
    /// Everything that a watch has told comes once more.
    Again,
    Stale(usize),
    Back(usize),
    Project,
    Commit,
    Settle,
    Forwarder(u8, bool),
}

const CLUSTERS: [&str; 2] = ["east", "west"];

fn step() -> impl Strategy<Value = Step> {
    let of = || (0_usize..2, 0_usize..4);
    prop_oneof![
        6 => (of(), 0_u8..10).prop_map(|((cluster, service), kind)| Step::Service { cluster, service, kind }),
        2 => of().prop_map(|(cluster, service)| Step::DeleteService { cluster, service }),
        6 => (of(), 0_u8..3, prop::collection::vec((1_u8..6, 0_u8..4), 0..5))
            .prop_map(|((cluster, service), suffix, pods)| Step::Slice { cluster, service, suffix, pods }),
        2 => (of(), 0_u8..3).prop_map(|((cluster, service), suffix)| Step::DeleteSlice { cluster, service, suffix }),
        2 => (0_usize..2, 0_u8..3, any::<bool>()).prop_map(|(cluster, node, ready)| Step::Node { cluster, node, ready }),
        1 => (0_usize..2, 0_u8..3).prop_map(|(cluster, node)| Step::DeleteNode { cluster, node }),
        1 => Just(Step::Again),
        1 => (0_usize..2).prop_map(Step::Stale),
        1 => (0_usize..2).prop_map(Step::Back),
        4 => Just(Step::Project),
        3 => Just(Step::Commit),
        2 => Just(Step::Settle),
        1 => (3_u8..5, any::<bool>()).prop_map(|(name, there)| Step::Forwarder(name, there)),
    ]
}

/// Services of many kinds.
fn kind(service: &mut Value, kind: u8) {
    let annotate =
        |service: &mut Value, name: &str, text: &str| service["metadata"]["annotations"][name] = json!(text);
    match kind {
        1 => {
            service["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
            service["spec"]["ipFamilyPolicy"] = json!("PreferDualStack");
        }
        2 => service["spec"]["type"] = json!("ClusterIP"),
        3 => annotate(service, "guideway.dev/endpoint-mode", "Node"),
        4 => {
            annotate(service, "guideway.dev/endpoint-mode", "Node");
            service["spec"]["externalTrafficPolicy"] = json!("Local");
        }
        5 => service["spec"]["loadBalancerIP"] = json!("203.0.113.14"),
        6 => annotate(service, "metallb.io/allow-shared-ip", "key"),
        7 => annotate(service, "guideway.dev/shard", "lb1"),
        8 => service["spec"]["loadBalancerSourceRanges"] = json!(["192.0.2.0/24"]),
        9 => annotate(service, "metallb.io/loadBalancerIPs", "nonsense"),
        _ => {}
    }
}

/// Every Service has a port of its own, so that whoever shares an address can.
fn made(number: usize, of: u8) -> Value {
    let mut service = service(&format!("s{number}"));
    service["spec"]["ports"][0]["port"] = json!(80 + number);
    kind(&mut service, of);
    service
}

fn made_slice(number: usize, suffix: u8, pods: &[(u8, u8)]) -> Value {
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|(pod, state)| {
            let mut endpoint =
                endpoint(&format!("10.1.0.{pod}"), &format!("p{pod}"), &format!("n{}", pod % 3));
            endpoint["conditions"] = match state {
                0 => json!({"ready": false}),
                1 => json!({"ready": false, "serving": true, "terminating": true}),
                _ => json!({"ready": true}),
            };
            endpoint
        })
        .collect();
    slice(&format!("s{number}"), &suffix.to_string(), &endpoints)
}

fn made_node(number: u8, ready: bool) -> Value {
    let mut node = node(&format!("n{number}"), &format!("10.0.0.{}", number + 1));
    node["status"]["conditions"][0]["status"] = json!(if ready { "True" } else { "False" });
    node
}

fn play(world: &mut World, step: &Step) {
    match step {
        Step::Service { cluster, service, kind } => {
            world.put(CLUSTERS[*cluster], "Service", made(*service, *kind));
        }
        Step::DeleteService { cluster, service } => {
            world.delete(CLUSTERS[*cluster], "Service", &format!("shop/s{service}"));
        }
        Step::Slice { cluster, service, suffix, pods } => {
            world.put(CLUSTERS[*cluster], "EndpointSlice", made_slice(*service, *suffix, pods));
        }
        Step::DeleteSlice { cluster, service, suffix } => {
            world.delete(CLUSTERS[*cluster], "EndpointSlice", &format!("shop/s{service}-{suffix}"));
        }
        Step::Node { cluster, node, ready } => {
            world.put(CLUSTERS[*cluster], "Node", made_node(*node, *ready));
        }
        Step::DeleteNode { cluster, node } => world.delete(CLUSTERS[*cluster], "Node", &format!("n{node}")),
        Step::Again => {
            for ((of, kind, _), object) in world.objects.clone() {
                world.index.apply(change(&of, kind, &object));
            }
        }
        Step::Stale(cluster_at) => {
            world.index.apply(Change::Stale(cluster(CLUSTERS[*cluster_at])));
        }
        Step::Back(cluster_at) => {
            world.index.apply(Change::Synced(cluster(CLUSTERS[*cluster_at])));
        }
        Step::Project => {
            world.project();
        }
        Step::Commit => {
            let content = world.project();
            world.index.settled(&content);
        }
        Step::Settle => {
            world.settle();
        }
        Step::Forwarder(name, there) => {
            let name = format!("lb{name}");
            world.index.apply(if *there {
                forwarder(&name, None, false)
            } else {
                Change::ResourceGone(guideway_controller_crds::Kind::Forwarder, name)
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_content_follows_from_the_objects(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        world.index.apply(Change::Cluster(cluster("west"), Box::new(spec())));
        world.index.apply(Change::Synced(cluster("west")));
        let shard = pinned("lb1", &["lb1"]);
        world.index.apply(shard.clone());
        for step in &steps {
            play(&mut world, step);
            let content = world.index.content.clone();
            prop_assert_eq!(content.check(), Ok(()), "after {:?}", step);
        }
        for name in CLUSTERS {
            world.index.apply(Change::Synced(cluster(name)));
        }
        let content = world.settle();
        prop_assert_eq!(content.check(), Ok(()));
        // No address is recorded twice but for those that share it.
        let mut records: Vec<(String, bool)> = Vec::new();
        for ((_, kind, _), object) in &world.objects {
            if *kind == "Service" {
                let shares = !object["metadata"]["annotations"]["metallb.io/allow-shared-ip"].is_null();
                for element in object["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten() {
                    records.push((element["ip"].as_str().unwrap_or_default().to_owned(), shares));
                }
            }
        }
        for (at, (address, shares)) in records.iter().enumerate() {
            for (other, also) in &records[..at] {
                prop_assert!(address != other || (*shares && *also), "{} twice", address);
            }
        }
        let mut again = world.restarted_with(&[shard]);
        let first = again.project();
        let rest = again.settle();
        prop_assert_eq!(first.digest(), content.digest(), "at once, without anything new");
        prop_assert_eq!(rest.digest(), content.digest());
        prop_assert_eq!(&again.objects, &world.objects, "and nothing is written anew");
    }
}
