use proptest::prelude::*;

use super::parse::document;

#[test]
fn services_become_what_kubernetes_would_have() {
    let text = "
services:
  - name: shop/web
    addresses: [192.0.2.10, '2001:db8::10']
    ports:
      - {name: http, port: 80, target: 8080}
      - {name: dns, port: 53, protocol: UDP}
    backends:
      - {address: 10.0.0.1}
      - {address: 'fd00::1', ready: false}
    affinity: 3h
    sources: [198.51.100.0/24]
    labels: {tier: web}
    annotations: {guideway.dev/shard: gold}
resources:
  - apiVersion: metallb.io/v1beta1
    kind: IPAddressPool
    metadata: {name: all, namespace: guideway}
    spec: {addresses: [192.0.2.0/24]}
";
    let document = document(text, false).unwrap();
    let [service] = &document.services[..] else { panic!("{document:?}") };
    let annotations = service.metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations["metallb.io/loadBalancerIPs"], "192.0.2.10,2001:db8::10");
    assert_eq!(annotations["guideway.dev/shard"], "gold");
    let spec = service.spec.as_ref().unwrap();
    assert_eq!(spec.ip_families.as_ref().unwrap(), &["IPv4", "IPv6"]);
    assert_eq!(spec.session_affinity.as_deref(), Some("ClientIP"));
    assert_eq!(spec.load_balancer_source_ranges.as_ref().unwrap(), &["198.51.100.0/24"]);
    let [v4, v6] = &document.slices[..] else { panic!("{document:?}") };
    assert_eq!(v4.endpoints[0].addresses, ["10.0.0.1"]);
    assert_eq!(v4.ports.as_ref().unwrap()[0].port, Some(8080));
    assert_eq!(v4.ports.as_ref().unwrap()[1].port, Some(53));
    assert_eq!(v6.endpoints[0].conditions.as_ref().unwrap().ready, Some(false));
    assert_eq!(document.resources.len(), 1);
}

#[test]
fn every_problem_has_a_line_and_a_field() {
    let web = "services:\n- name: shop/web\n  addresses: [192.0.2.1]\n";
    for (text, has_home, expected) in [
        ("services: 1\n", false, "1: services: must be a list, not a number"),
        (
            "services: []\nservice: []\n",
            false,
            "2: service: is unknown here; known fields: services, resources",
        ),
        (web, false, "2: services[0].ports: is required and missing"),
        (
            "services: [{name: web, addresses: [192.0.2.1], ports: []}]",
            false,
            "1: services[0].name: must be namespace/name",
        ),
        ("services: [{name: a/b, ports: []}]", false, "1: services[0].addresses: is required and missing"),
        (
            "services: [{name: a/b, addresses: [192.0.2.1, 192.0.2.2], ports: []}]",
            false,
            "1: services[0].addresses: must be a list of one address, or of one of each family",
        ),
        (
            &format!("{web}  ports:\n  - {{name: http, port: 80}}\n  - port: 443\n"),
            false,
            "6: services[0].ports[1].name: is required and missing",
        ),
        (
            &format!("{web}  ports:\n  - port: 0\n"),
            false,
            "5: services[0].ports[0].port: 0 is not in 1 to 65535",
        ),
        (
            &format!("{web}  ports: [{{port: 1, protocol: SCTP}}]\n"),
            false,
            "4: services[0].ports[0].protocol: `SCTP` must be TCP or UDP",
        ),
        (
            &format!("{web}  ports: []\n  backends: [{{address: x}}]\n"),
            false,
            "5: services[0].backends[0].address: `x` is not an address",
        ),
        (
            &format!("{web}  ports: []\n- {{name: shop/web, addresses: [192.0.2.1], ports: []}}\n"),
            false,
            "5: services[1].name: stands here twice",
        ),
        ("resources: []\n", true, "1: resources: belong into the home cluster"),
        ("resources: [{kind: Pod, apiVersion: v1}]\n", false, "1: resources[0]: "),
        (
            "resources:\n- {apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: a}, spec: {addresses: [x]}}\n",
            false,
            "2: resources[0]: ",
        ),
        (
            "resources: [{apiVersion: guideway.dev/v1alpha1, kind: Rollout, metadata: {name: a}, spec: {}}]\n",
            false,
            "1: resources[0]: Rollout is for a home cluster",
        ),
    ] {
        let problems = document(text, has_home).unwrap_err();
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|line| line.starts_with(expected)), "{text}: {found:?}");
    }
}

#[test]
fn the_example_is_right() {
    let text = include_str!("../../../../../deploy/examples/lb-controller-services.yaml");
    let document = document(text, false).unwrap();
    assert_eq!((document.services.len(), document.resources.len()), (1, 3));
}

const EXAMPLE: &str = include_str!("../../../../../deploy/examples/lb-controller-services.yaml");

proptest! {
    #[test]
    fn any_text_is_services_or_refused(at in 0..EXAMPLE.len(), length in 0_usize..8, text in ".{0,6}|[0-9a-z:{}\\[\\],' -]{0,12}") {
        let mut changed = EXAMPLE.to_owned();
        let end = (at + length).min(EXAMPLE.len());
        if changed.is_char_boundary(at) && changed.is_char_boundary(end) {
            changed.replace_range(at..end, &text);
        }
        for text in [changed, text] {
            if let Err(problems) = document(&text, false) {
                prop_assert!(!problems.is_empty());
            }
        }
    }
}
