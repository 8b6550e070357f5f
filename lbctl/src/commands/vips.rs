use guideway_dataplane_admin::v1::{ListVipsRequest, ListVipsResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, bytes, non_empty, or_dash, table, yes_no};

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
    port: u32,
    protocol: &'a str,
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
        port: vip.port,
        protocol: &vip.protocol,
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
        Column::Number("PORT"),
        Column::Text("PROTO"),
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
            vip.port.to_string(),
            vip.protocol.clone(),
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

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::Vip;

    use super::*;
    use crate::render::json;

    fn list() -> ListVipsResponse {
        let web = Vip {
            name: "web-v4".to_owned(),
            address: "203.0.113.10".to_owned(),
            port: 80,
            protocol: "tcp".to_owned(),
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
            address: "2001:db8::53".to_owned(),
            port: 53,
            protocol: "udp".to_owned(),
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
