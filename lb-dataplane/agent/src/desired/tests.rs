use super::*;
use crate::fixtures::{CONFIG, config};

const CHECK: &str = "table_size: 16381\n    health_check: {type: tcp, port: 80}\n";

fn checked() -> Config {
    config(&CONFIG.replace("table_size: 16381\n", CHECK))
}

fn healthy(desired: &Desired) -> Vec<bool> {
    desired.sets[0].members.iter().map(|member| member.healthy).collect()
}

#[test]
fn backends_that_are_not_checked_are_healthy() {
    let config = config(CONFIG);
    assert!(probes(&config).is_empty());
    let desired = desired(&config, 8, |_| panic!("nothing is probed"), Vec::new());
    assert_eq!(healthy(&desired), [true, true]);
    assert_eq!(desired.vips.len(), 2);
    assert_eq!(desired.vips[1].key.to_string(), "203.0.113.10:443/tcp");
    assert_eq!(desired.tick_shift, 8);
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
        assert_eq!(healthy(&desired(&config, 8, health, Vec::new())), expected, "{verdict:?}");
    }
}

/// Who answers again will serve, with all that is known by then of the others; where nobody passes packets on, that is no news.
#[test]
fn backends_that_answer_again_are_announced() {
    let text = CONFIG.replace("table_size: 16381\n", &format!("{CHECK}    second_hop: true\n"));
    let config = config(&text);
    let [first, second] = [0, 1].map(|at| config.backend_sets()[0].backends[at].address);
    let mut base = Base::new(&config);
    let mut ask = |healthy: &[IpAddr], soon: &[IpAddr]| {
        let says = |those: &[IpAddr], key: &ProbeKey| {
            Some(if those.contains(&key.address) { Health::Healthy } else { Health::Unhealthy })
        };
        let (health, outlook) = (|key: &_| says(healthy, key), |key: &_| says(soon, key));
        let desired = base.desired(&config, 8, health, outlook, Vec::new());
        let upcoming = desired.sets[0].upcoming.as_ref().map(|upcoming| {
            assert_eq!((upcoming.seed, upcoming.table_size), (desired.seed, desired.sets[0].table_size));
            upcoming.members.iter().map(|member| member.healthy).collect::<Vec<_>>()
        });
        (self::healthy(&desired), upcoming)
    };
    assert_eq!(ask(&[], &[]), (vec![false, false], None));
    assert_eq!(ask(&[], &[first]), (vec![false, false], Some(vec![true, false])));
    // The last one is asked after the first one.
    assert_eq!(ask(&[second], &[first, second]), (vec![false, true], Some(vec![true, true])));
    assert_eq!(ask(&[second], &[second]), (vec![false, true], None), "it failed again");
    assert_eq!(ask(&[first, second], &[first, second]), (vec![true, true], None));
    let config = checked();
    let desired = Base::new(&config).desired(&config, 8, |_| None, |_| Some(Health::Healthy), Vec::new());
    assert_eq!(desired.sets[0].upcoming, None);
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
fn ways_that_are_wanted() {
    let plain = wanted(&config(CONFIG));
    let addresses = ["10.1.11.2", "10.1.12.2"].map(|text| text.parse::<IpAddr>().unwrap());
    assert_eq!(plain.backends, BTreeMap::from(addresses.map(|address| (address, Need::Any))));
    assert_eq!(plain.fixed, None);
    let text = format!("next_hop: {{type: fixed, interface: up0, mac: '02:00:00:00:00:01'}}\n{CONFIG}");
    let fixed = wanted(&config(&text)).fixed;
    assert_eq!(fixed, Some(Fixed { interface: "up0".to_owned(), mac: [2, 0, 0, 0, 0, 1] }));
}

/// The frames of one set go to the backend itself, so that a leg by a router would be wrong for it.
#[test]
fn a_backend_of_an_l2_set_has_to_be_on_link_whatever_other_sets_say() {
    for order in ["l2", "ipip"] {
        let other = if order == "l2" { "ipip" } else { "l2" };
        let text = CONFIG
            .replace("table_size: 16381\n", &format!("table_size: 16381\n    encapsulation: {order}\n"))
            .replace(
                "vips:\n",
                &format!(
                    "  - name: other\n    table_size: 16381\n    encapsulation: {other}\n    backends: [{{name: x, address: 10.1.11.2}}]\nvips:\n"
                ),
            )
            .replace("443, protocol: tcp, backend_set: web", "443, protocol: tcp, backend_set: other");
        let wanted = wanted(&config(&text));
        assert_eq!(wanted.backends[&"10.1.11.2".parse::<IpAddr>().unwrap()], Need::OnLink);
    }
}

#[test]
fn sets_and_vips_as_the_file_says() {
    let text = CONFIG
        .replace(
            "table_size: 16381\n",
            "table_size: 16381\n    encapsulation: gue\n    second_hop: true\n    drain_window: 90s\n",
        )
        .replace(
            "  - {name: web-443, address: 203.0.113.10, port: 443, protocol: tcp, backend_set: web}\n",
            "  - {name: net, address: 203.0.113.128/25, port: '8000-8999', protocol: udp, backend_set: web, \
             affinity: {type: flow, timeout: 30s}, flow_entries: 4096, sources: [192.0.2.7, 10.0.0.0/8]}\n  \
             - {name: any, address: 203.0.113.11, port: any, protocol: tcp, backend_set: web, \
             affinity: {type: client_ip, timeout: 3h}}\n",
        );
    let desired = desired(&config(&text), 8, |_| None, Vec::new());
    let set = &desired.sets[0];
    assert_eq!(set.encapsulation, plan::SetEncapsulation::Gue);
    assert_eq!((set.second_hop, set.drain_window.as_secs(), &set.upcoming), (true, 90, &None));
    let keys: Vec<String> = desired.vips.iter().map(|vip| vip.key.to_string()).collect();
    assert_eq!(keys, ["203.0.113.10:80/tcp", "203.0.113.128/25:8000-8999/udp", "203.0.113.11:any/tcp"]);
    let seconds = std::time::Duration::from_secs;
    assert_eq!(desired.vips[0].session, plan::Session::Stateless);
    assert_eq!(desired.vips[1].session, plan::Session::Flow { timeout: seconds(30) });
    assert_eq!(desired.vips[2].session, plan::Session::ClientIp { timeout: seconds(3 * 3600) });
    assert_eq!(desired.vips[1].flow_entries, Some(4096));
    assert_eq!(desired.vips[0].sources, []);
    assert_eq!(desired.vips[1].sources, ["192.0.2.7/32", "10.0.0.0/8"].map(|net| net.parse().unwrap()));
}
