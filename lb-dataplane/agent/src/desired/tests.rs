use super::*;
use crate::fixtures::{CONFIG, config};
use std::convert::Infallible;

const CHECK: &str = "table_size: 16381\n    health_check: {type: tcp, port: 80}\n";

fn checked() -> Config {
    config(&CONFIG.replace("table_size: 16381\n", CHECK))
}

fn no_link(_: &str) -> Result<Link, Infallible> {
    panic!("the interface of a fixed next hop is asked for, and there is none")
}

fn healthy(desired: &Desired) -> Vec<bool> {
    desired.sets[0].members.iter().map(|member| member.healthy).collect()
}

#[test]
fn backends_that_are_not_checked_are_healthy() {
    let config = config(CONFIG);
    assert!(probes(&config).is_empty());
    let desired = desired(&config, |_| panic!("nothing is probed"), no_link).unwrap();
    assert_eq!(healthy(&desired), [true, true]);
    assert_eq!(desired.vips.len(), 2);
    assert_eq!(desired.vips[1].key.to_string(), "203.0.113.10:443/tcp");
    assert_eq!(desired.next_hop, plan::NextHop::Fib);
}

#[test]
fn backends_without_a_verdict_get_no_traffic() {
    let config = checked();
    assert_eq!(probes(&config).len(), 2);
    let first = probe_of(&config.backend_sets()[0], config.backend_sets()[0].backends[0].address).unwrap();
    for (verdict, expected) in [
        (None, [false, false]),
        (Some(Health::Unhealthy), [false, false]),
        (Some(Health::Healthy), [true, false]),
    ] {
        let health = |key: &ProbeKey| if *key == first { verdict } else { None };
        assert_eq!(healthy(&desired(&config, health, no_link).unwrap()), expected, "{verdict:?}");
    }
}

#[test]
fn equal_probes_are_one() {
    let again = CONFIG.replace(
        "backend_sets:\n",
        &format!(
            "backend_sets:\n  - name: other\n    {CHECK}    backends: [{{name: x, address: 10.1.11.2}}]\n"
        ),
    );
    let text =
        again.replacen("    table_size: 16381\n    backends:\n", &format!("    {CHECK}    backends:\n"), 1);
    // Not used by a VIP: not probed.
    assert_eq!(probes(&config(&text)).len(), 2);
    assert_eq!(used_sets(&config(&text)).count(), 1);
    let used = text.replace(
        "port: 443, protocol: tcp, backend_set: web",
        "port: 443, protocol: tcp, backend_set: other",
    );
    assert_eq!(used_sets(&config(&used)).count(), 2);
    assert_eq!(probes(&config(&used)).len(), 2);
}

#[test]
fn a_fixed_next_hop_takes_its_interface_from_the_kernel() {
    let text = format!("next_hop: {{type: fixed, interface: up0, mac: '02:00:00:00:00:01'}}\n{CONFIG}");
    let config = config(&text);
    let link = |name: &str| {
        assert_eq!(name, "up0");
        Ok::<_, Infallible>(Link { ifindex: 4, mac: [2, 0, 0, 0, 0, 9], mtu: 9000 })
    };
    let desired = desired(&config, |_| None, link).unwrap();
    let expected = plan::NextHop::Fixed {
        ifindex: 4,
        source_mac: [2, 0, 0, 0, 0, 9],
        destination_mac: [2, 0, 0, 0, 0, 1],
        mtu: 9000,
    };
    assert_eq!(desired.next_hop, expected);
    assert!(routed_backends(&config).is_empty());
    assert_eq!(routed_backends(&crate::fixtures::config(CONFIG)).len(), 2);
}
