//! Configurations for tests.

use guideway_dataplane_config::Config;

/// Two VIPs on one address, served by one unchecked set of two backends.
pub(crate) const CONFIG: &str = "\
seed: 000102030405060708090a0b0c0d0e0f
interfaces: [{name: up0}]
limits: {vips: 16, backends: 16, tables_65537: 1, tables_16381: 4}
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
