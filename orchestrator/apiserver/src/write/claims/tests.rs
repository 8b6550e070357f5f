use serde_json::json;

use super::*;

#[test]
fn every_address_once_and_the_low_ones_last() {
    let network: IpNet = "10.96.0.0/24".parse().unwrap();
    let all: Vec<IpAddr> = addresses(network, 77).collect();
    assert_eq!(all.len(), 254);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 254);
    assert_eq!(all[253], "10.96.0.16".parse::<IpAddr>().unwrap());
    assert!(all.iter().all(|address| is_usable(&network, *address)));
    assert_eq!(addresses("10.0.0.0/30".parse().unwrap(), 5).count(), 2);
    let six: Vec<IpAddr> = addresses("fd00::/108".parse().unwrap(), 3).take(10).collect();
    assert!(six.iter().all(IpAddr::is_ipv6));
}

#[test]
fn every_port_once() {
    let all: BTreeSet<u16> = ports(&(30000..=32767), 4_000_000).collect();
    assert_eq!(all.len(), 2768);
    assert_eq!(ports(&(30000..=30000), 9).collect::<Vec<_>>(), [30000]);
}

#[test]
fn what_was_chosen_is_forgotten() {
    let mut object = json!({"spec": {
        "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 1, "nodePort": 30001}, {"port": 2, "nodePort": 30002}],
    }});
    forget(&mut object, "spec.clusterIPs[0]");
    forget(&mut object, "spec.ports[1].nodePort");
    assert_eq!(object, json!({"spec": {"ports": [{"port": 1, "nodePort": 30001}, {"port": 2}]}}));
}

#[test]
fn two_protocols_share_a_port() {
    let mut object = json!({"spec": {"ports": [
        {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 80, "protocol": "TCP"},
    ]}});
    assign(&mut object, &Allocation::HealthCheckNodePort, "31000");
    assign(&mut object, &Allocation::ClusterIp { index: 1, family: Family::V4 }, "10.0.0.9");
    assert_eq!(object["spec"]["healthCheckNodePort"], 31000);
    assert_eq!(object["spec"]["clusterIPs"], json!([null, "10.0.0.9"]));
}

#[test]
fn claims_out_of_range() {
    let networks = ["10.96.0.0/16".parse().unwrap()];
    let claim = |what, value: &str| Claim { what, value: value.to_owned(), field: "spec.x".to_owned() };
    for (one, is_good) in [
        (claim("clusterips", "10.96.0.10"), true),
        (claim("clusterips", "10.97.0.10"), false),
        (claim("clusterips", "10.96.0.0"), false),
        (claim("nodeports", "30080"), true),
        (claim("nodeports", "80"), false),
    ] {
        assert_eq!(check(&one, &Value::Null, &networks, &(30000..=32767)).is_ok(), is_good, "{one:?}");
    }
}
