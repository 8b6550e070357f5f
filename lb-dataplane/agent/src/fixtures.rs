//! Configurations for tests.

use std::net::IpAddr;
use std::time::Duration;

use guideway_controller_core::{Advertise, Content, Routing, Shard, Vip};
use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, Config, EncapsulationKind, HealthCheck, Ports, Protocol, Seed, TableSize,
};

/// Two VIPs on one address, served by one unchecked set of two backends.
pub(crate) const CONFIG: &str = "\
seed: 000102030405060708090a0b0c0d0e0f
interfaces: [{name: up0}]
limits: {vips: 16, backends: 16, tables_65537: 4, tables_16381: 4}
backend_sets:
  - name: web
    table_size: 16381
    backends:
      - {name: be1, address: 10.1.11.2}
      - {name: be2, address: 10.1.12.2}
vips:
  - {name: web-80, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}
  - {name: web-443, address: 203.0.113.10, port: 443, protocol: tcp, backend_set: web}
";

/// The valid configuration that `text` is.
pub(crate) fn config(text: &str) -> Config {
    Config::parse("test.yaml", text).unwrap()
}

/// The part of a node in [`CONFIG`], with a controller in place of its services.
pub(crate) const NODE: &str = "\
interfaces: [{name: up0}]
limits: {vips: 16, backends: 16, tables_65537: 4, tables_16381: 4}
controller: {addresses: [127.0.0.1:1], name: fw-1, certificate: /c, key: /k, ca: /a}
";

/// The VIPs of [`CONFIG`] with these backends, of which each `N` is at 10.1.N.2. `change` may make another one of it.
pub(crate) fn content(backends: &[u8], change: impl FnOnce(&mut Content)) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    put_set(&mut content, backends, None);
    for port in [80, 443] {
        content.put_vip(Vip {
            name: format!("web-{port}").parse().unwrap(),
            address: "203.0.113.10/32".parse().unwrap(),
            ports: Ports::One(port),
            protocol: Protocol::Tcp,
            set: "web".parse().unwrap(),
            affinity: Affinity::None,
            flow_entries: None,
            sources: Vec::new(),
            shard: "all".parse().unwrap(),
            advertise: Advertise { bgp: true, l2: None },
            owner: "cluster/default/web".to_owned(),
        });
    }
    put_shard(&mut content, &["fw-1", "fw-2"], &[]);
    change(&mut content);
    content
}

/// The one set of [`content`].
pub(crate) fn put_set(content: &mut Content, backends: &[u8], check: Option<HealthCheck>) {
    let backend =
        |one: &u8| Backend { name: format!("b{one}"), address: IpAddr::from([10, 1, *one, 2]), weight: 1 };
    let set = BackendSet {
        name: "web".to_owned(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::IpIp,
        second_hop: false,
        drain_window: Duration::from_secs(10),
        health_check: check,
        backends: backends.iter().map(backend).collect(),
    };
    content.put_set(set).unwrap();
}

/// The one shard of [`content`].
pub(crate) fn put_shard(content: &mut Content, members: &[&str], leaving: &[&str]) {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let (members, leaving) = (names(members), names(leaving));
    content.put_shard(Shard { name: "all".parse().unwrap(), members, leaving, zone: None });
}
