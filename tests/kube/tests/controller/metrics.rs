//! What a controller counts: all of what is documented is there, and moves with what happens.

use std::path::Path;

use guideway_lab::binaries::binary;
use guideway_test_forwarders::identities;
use serde_json::json;

use crate::address;
use crate::site::{Controllers, Site, pool, service, slice, until};

/// The table in docs/controller.md.
fn documented() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/controller.md");
    let text = std::fs::read_to_string(path).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("| `guideway_controller_"));
    names.map(|rest| format!("guideway_controller_{}", rest.split('`').next().unwrap())).collect()
}

fn value(controllers: &Controllers, name: &str) -> f64 {
    let text = controllers.metric(0, &format!("guideway_controller_{name}"));
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[test]
fn what_is_counted_moves_with_what_happens() {
    let mut home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("web", json!({})));
    home.apply(&slice("web", "10.0.0.1"));
    address(&home, "web");
    until("the forwarder announces the VIP", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).contains("east/default/web/http/v4"))
    });

    let stages = ["projected", "proposed", "committed", "served"];
    let served =
        |stage: &str| value(&controllers, &format!("propagation_seconds_count{{stage=\"{stage}\"}}"));
    until("a change was served", || Some(()).filter(|()| stages.iter().all(|stage| served(stage) > 0.0)));
    for (name, expected) in [
        ("leading", 1.0),
        ("forwarders_connected", 1.0),
        ("forwarder_current{forwarder=\"lb-00\"}", 1.0),
        ("cluster_reachable{cluster=\"east\"}", 1.0),
    ] {
        until(&format!("{name} is {expected}"), || {
            Some(()).filter(|()| (value(&controllers, name) - expected).abs() < 0.5)
        });
    }
    let (before, counts) = (value(&controllers, "committed_generation"), stages.map(served));

    // A change is counted at each stage.
    home.apply(&slice("web", "10.0.0.2"));
    let of_forwarder = "forwarder_generation{forwarder=\"lb-00\"}";
    until("the forwarder serves a later generation", || {
        Some(()).filter(|()| value(&controllers, of_forwarder) > before)
    });
    assert!(value(&controllers, "committed_generation") > before);
    until("the stages are counted", || {
        Some(()).filter(|()| stages.iter().zip(counts).all(|(stage, count)| served(stage) > count))
    });

    // A stranger: a certificate, and no object.
    let folder = controllers.folder().to_owned();
    let (program, config) = (binary("lb-controller").unwrap(), folder.join("0.yaml"));
    let strangers = folder.join("strangers");
    let mut stranger = identities(&program, &config, folder.join("ca/ca.crt"), &strangers, 2).unwrap();
    let others = controllers.others(stranger.split_off(1));
    let refused = "refused_total{reason=\"unknown\"}";
    until("a stranger is counted", || Some(()).filter(|()| value(&controllers, refused) > 0.0));
    drop(others);

    // All that is documented has a value by now.
    for name in documented() {
        let has_value = |rest: &str| controllers.metric(0, &format!("{name}{rest}")).is_some();
        assert!(["", " ", "{", "_count{"].iter().any(|rest| has_value(rest)), "{name} has no value");
    }

    // A cluster that is silent.
    home.server.kill();
    until("the cluster is shown as stale", || {
        Some(()).filter(|()| value(&controllers, "cluster_reachable{cluster=\"east\"}") < 0.5)
    });
}
