use serde_json::{Value, json};

use super::*;

fn service(change: impl FnOnce(&mut Value)) -> Arc<core::Service> {
    let mut object = json!({
        "metadata": {"name": "web", "namespace": "shop", "finalizers": ["guideway.dev/vip"]},
        "spec": {"ports": [
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "dns", "port": 53, "protocol": "UDP"},
            {"name": "other", "port": 9, "protocol": "SCTP"},
        ]},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}, {"ip": "2001:db8::9"}, {"hostname": "x"}]}},
    });
    change(&mut object);
    Arc::new(serde_json::from_value(object).unwrap())
}

fn slice(family: &str, endpoints: Value) -> Arc<EndpointSlice> {
    Arc::new(
        serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": family,
            "ports": [{"name": "http", "port": 8080}, {"name": "dns", "protocol": "UDP", "port": 5353}],
            "endpoints": endpoints,
        }))
        .unwrap(),
    )
}

fn slices() -> [Arc<EndpointSlice>; 2] {
    [
        slice(
            "IPv4",
            json!([
                {"addresses": ["10.244.1.7"], "nodeName": "n1"},
                {"addresses": ["10.244.1.8"], "nodeName": "n1", "conditions": {"ready": false, "terminating": true}},
                {"addresses": ["10.244.2.7"], "nodeName": "n2"},
                {"addresses": ["10.244.3.7"]},
            ]),
        ),
        slice("IPv6", json!([{"addresses": ["fd00::7"], "nodeName": "n1"}])),
    ]
}

fn lines(found: &BTreeMap<ServiceKey, Service>) -> Vec<String> {
    found
        .iter()
        .map(|(key, service)| match (key.port, service) {
            (ServicePort::PortBy(transport, port, outer), Service::Translate(to)) => {
                format!("{} {transport:?} {port} {outer} -> {to}", key.vip)
            }
            (port, service) => format!("{} {port:?} {service:?}", key.vip),
        })
        .collect()
}

#[test]
fn pods_of_this_node_by_their_own_addresses() {
    let mut found = lines(&project(&[service(|_| {})], &slices(), "n1", Mode::Pod).unwrap().services);
    found.sort();
    assert_eq!(
        found,
        [
            "2001:db8::9 Tcp 80 fd00::7 -> [fd00::7]:8080",
            "2001:db8::9 Udp 53 fd00::7 -> [fd00::7]:5353",
            "203.0.113.9 Tcp 80 10.244.1.7 -> 10.244.1.7:8080",
            "203.0.113.9 Tcp 80 10.244.1.8 -> 10.244.1.8:8080",
            "203.0.113.9 Udp 53 10.244.1.7 -> 10.244.1.7:5353",
            "203.0.113.9 Udp 53 10.244.1.8 -> 10.244.1.8:5353",
        ]
    );
    assert_eq!(project(&[service(|_| {})], &slices(), "n2", Mode::Pod).unwrap().services.len(), 2);
    assert!(project(&[service(|_| {})], &slices(), "n3", Mode::Pod).unwrap().services.is_empty());
}

#[test]
fn whole_vips_in_node_mode() {
    let by_annotation = service(|object| {
        object["metadata"]["annotations"] = json!({"guideway.dev/endpoint-mode": "Node"});
    });
    let whole = ["203.0.113.9 Any AsIs", "2001:db8::9 Any AsIs"];
    assert_eq!(lines(&project(&[by_annotation], &slices(), "n3", Mode::Pod).unwrap().services), whole);
    assert_eq!(lines(&project(&[service(|_| {})], &[], "n3", Mode::Node).unwrap().services), whole);
    let pod =
        service(|object| object["metadata"]["annotations"] = json!({"guideway.dev/endpoint-mode": "Pod"}));
    assert!(project(&[pod], &slices(), "n3", Mode::Node).unwrap().services.is_empty());
}

#[test]
fn what_is_not_guideways_or_has_no_sense_is_left_alone() {
    let cases: [fn(&mut Value); 5] = [
        |object| object["metadata"]["finalizers"] = json!(["service.kubernetes.io/load-balancer-cleanup"]),
        |object| object["status"] = json!({}),
        |object| object["status"]["loadBalancer"]["ingress"] = json!([{"ip": "127.0.0.1"}, {"ip": "x"}]),
        |object| {
            object["spec"]["ports"] = json!([{"name": "http", "port": 0}, {"name": "nobody", "port": 1}]);
        },
        |object| object["metadata"]["name"] = json!("other"),
    ];
    for case in cases {
        let service = service(case);
        assert!(
            project(std::slice::from_ref(&service), &slices(), "n1", Mode::Pod).unwrap().services.is_empty(),
            "{service:?}"
        );
    }
}

#[test]
fn drain_windows_are_those_of_the_services() {
    let window = |said: Option<&str>| {
        let service = service(|object| {
            if let Some(said) = said {
                object["metadata"]["annotations"] = json!({"guideway.dev/drain-window": said});
            }
        });
        // Also on nodes without an endpoint: the last one may just have left.
        let windows = project(&[service], &[], "n3", Mode::Pod).unwrap().windows;
        assert_eq!(windows.len(), 4);
        windows[&("203.0.113.9".parse().unwrap(), Transport::Tcp, 80)].as_secs()
    };
    let cases = [(None, 600), (Some("1m30s"), 90), (Some("soon"), 600), (Some("2days"), 600)];
    for (said, seconds) in cases {
        assert_eq!(window(said), seconds, "{said:?}");
    }
    assert!(project(&[service(|_| {})], &[], "n3", Mode::Node).unwrap().windows.is_empty());
}

#[test]
fn more_than_the_maps_hold_is_refused() {
    let addresses: Vec<Value> = (0..=255)
        .flat_map(|third| {
            (1..=255)
                .map(move |last| json!({"addresses": [format!("10.1.{third}.{last}")], "nodeName": "n1"}))
        })
        .collect();
    let error = project(&[service(|_| {})], &[slice("IPv4", json!(addresses))], "n1", Mode::Pod).unwrap_err();
    assert!(error.to_string().contains("130560 services"), "{error}");
}
