use guideway_dataplane_admin::v1::{ListVipsRequest, ListVipsResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, bytes, non_empty, or_dash, seconds, table, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = dataplane(cli, |mut client| async move { client.list_vips(ListVipsRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    vips: Vec<Vip<'a>>,
}

#[derive(Serialize)]
struct Vip<'a> {
    name: &'a str,
    address: &'a str,
    ports: &'a str,
    protocol: &'a str,
    backend_set: &'a str,
    encapsulation: &'a str,
    affinity: &'a str,
    affinity_timeout_seconds: Option<u64>,
    flow_entries: u32,
    sources: &'a [String],
    table_size: u32,
    backends: u32,
    backends_healthy: u32,
    served: bool,
    announced: bool,
    reason: Option<&'a str>,
    packets: u64,
    bytes: u64,
}

fn view(list: &ListVipsResponse) -> View<'_> {
    let vips = list.vips.iter().map(|vip| Vip {
        name: &vip.name,
        address: &vip.address,
        ports: &vip.ports,
        protocol: &vip.protocol,
        backend_set: &vip.backend_set,
        encapsulation: &vip.encapsulation,
        affinity: &vip.affinity,
        affinity_timeout_seconds: (vip.affinity_timeout_seconds > 0).then_some(vip.affinity_timeout_seconds),
        flow_entries: vip.flow_entries,
        sources: &vip.sources,
        table_size: vip.table_size,
        backends: vip.backends,
        backends_healthy: vip.backends_healthy,
        served: vip.served,
        announced: vip.announced,
        reason: non_empty(&vip.reason),
        packets: vip.packets,
        bytes: vip.bytes,
    });
    View { vips: vips.collect() }
}

fn human(list: &ListVipsResponse) -> String {
    let columns = [
        Column::Text("NAME"),
        Column::Text("ADDRESS"),
        Column::Number("PORTS"),
        Column::Text("PROTO"),
        Column::Text("SET"),
        Column::Text("ENCAP"),
        Column::Text("AFFINITY"),
        Column::Number("FLOW ENTRIES"),
        Column::Text("SOURCES"),
        Column::Number("HEALTHY"),
        Column::Text("SERVED"),
        Column::Text("ANNOUNCED"),
        Column::Number("PACKETS"),
        Column::Number("BYTES"),
        Column::Text("REASON"),
    ];
    let rows = list.vips.iter().map(|vip| {
        vec![
            vip.name.clone(),
            vip.address.clone(),
            vip.ports.clone(),
            vip.protocol.clone(),
            vip.backend_set.clone(),
            vip.encapsulation.clone(),
            affinity(vip),
            vip.flow_entries.to_string(),
            sources(&vip.sources),
            format!("{}/{}", vip.backends_healthy, vip.backends),
            yes_no(vip.served),
            yes_no(vip.announced),
            vip.packets.to_string(),
            bytes(vip.bytes),
            or_dash(&vip.reason),
        ]
    });
    table(&columns, rows)
}

fn affinity(vip: &guideway_dataplane_admin::v1::Vip) -> String {
    match vip.affinity_timeout_seconds {
        0 => vip.affinity.clone(),
        timeout => format!("{} {}", vip.affinity, seconds(timeout)),
    }
}

fn sources(sources: &[String]) -> String {
    match sources {
        [] => "any".to_owned(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    }
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::Vip;

    use super::*;
    use crate::render::json;

    fn list() -> ListVipsResponse {
        let web = Vip {
            name: "web-v4".to_owned(),
            address: "203.0.113.10".to_owned(),
            ports: "80".to_owned(),
            protocol: "tcp".to_owned(),
            backend_set: "web".to_owned(),
            encapsulation: "ipip".to_owned(),
            affinity: "none".to_owned(),
            affinity_timeout_seconds: 0,
            flow_entries: 4096,
            sources: Vec::new(),
            table_size: 65_537,
            backends: 3,
            backends_healthy: 2,
            served: true,
            announced: true,
            packets: 1_234_567,
            bytes: 987_654_321,
            reason: String::new(),
        };
        let dns = Vip {
            name: "dns".to_owned(),
            address: "2001:db8:53::/48".to_owned(),
            ports: "8000-8999".to_owned(),
            protocol: "udp".to_owned(),
            backend_set: "dns".to_owned(),
            encapsulation: "gue".to_owned(),
            affinity: "flow".to_owned(),
            affinity_timeout_seconds: 90,
            flow_entries: 0,
            sources: vec!["2001:db8:1::/48".to_owned(), "fd00::/8".to_owned()],
            backends_healthy: 0,
            served: false,
            announced: false,
            reason: "no healthy backend".to_owned(),
            ..web.clone()
        };
        ListVipsResponse { vips: vec![web, dns] }
    }

    #[test]
    fn table_and_json() {
        insta::assert_snapshot!(human(&list()));
        insta::assert_snapshot!(json(&view(&list())).unwrap());
    }

    #[test]
    fn no_vips() {
        assert_eq!(json(&view(&ListVipsResponse::default())).unwrap(), "{\n  \"vips\": []\n}\n");
    }
}
