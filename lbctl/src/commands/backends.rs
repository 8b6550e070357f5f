use guideway_dataplane_admin::v1::{ListBackendsRequest, ListBackendsResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, bytes, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli, vip: Option<&str>) -> Result<Outcome, Failure> {
    let request = ListBackendsRequest { vip: vip.unwrap_or_default().to_owned() };
    let list = dataplane(cli, |mut client| async move { client.list_backends(request).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    backends: Vec<Backend<'a>>,
}

#[derive(Serialize)]
struct Backend<'a> {
    vip: &'a str,
    name: Option<&'a str>,
    address: &'a str,
    weight: u32,
    health: &'a str,
    state: &'a str,
    leaving: bool,
    detail: Option<&'a str>,
    since_unix_ms: Option<u64>,
    slots: u32,
    packets: u64,
    bytes: u64,
}

fn view(list: &ListBackendsResponse) -> View<'_> {
    let backends = list.backends.iter().map(|backend| Backend {
        vip: &backend.vip,
        name: non_empty(&backend.name),
        address: &backend.address,
        weight: backend.weight,
        health: &backend.health,
        state: &backend.state,
        leaving: backend.leaving,
        detail: non_empty(&backend.detail),
        since_unix_ms: (backend.since_unix_ms > 0).then_some(backend.since_unix_ms),
        slots: backend.slots,
        packets: backend.packets,
        bytes: backend.bytes,
    });
    View { backends: backends.collect() }
}

fn human(list: &ListBackendsResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Text("VIP"),
        Column::Text("BACKEND"),
        Column::Text("ADDRESS"),
        Column::Number("WEIGHT"),
        Column::Text("HEALTH"),
        Column::Text("SINCE"),
        Column::Text("STATE"),
        Column::Number("SLOTS"),
        Column::Number("PACKETS"),
        Column::Number("BYTES"),
        Column::Text("DETAIL"),
    ];
    let rows = list.backends.iter().map(|backend| {
        vec![
            backend.vip.clone(),
            or_dash(&backend.name),
            backend.address.clone(),
            backend.weight.to_string(),
            backend.health.clone(),
            since(backend.since_unix_ms, now_unix_ms),
            if backend.leaving { format!("{}, left", backend.state) } else { backend.state.clone() },
            backend.slots.to_string(),
            backend.packets.to_string(),
            bytes(backend.bytes),
            or_dash(&backend.detail),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::Backend;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let up = Backend {
            vip: "web-v4".to_owned(),
            name: "be1".to_owned(),
            address: "10.1.11.2".to_owned(),
            weight: 1,
            health: "healthy".to_owned(),
            state: "serving".to_owned(),
            leaving: false,
            detail: "200 OK".to_owned(),
            since_unix_ms: 1_000,
            slots: 65_537,
            packets: 42,
            bytes: 2_048,
        };
        let down = Backend {
            name: "be2".to_owned(),
            address: "fd00:12::2".to_owned(),
            health: "unhealthy".to_owned(),
            state: "dead".to_owned(),
            detail: "connection refused".to_owned(),
            since_unix_ms: 0,
            slots: 0,
            ..up.clone()
        };
        let left = Backend {
            name: String::new(),
            weight: 0,
            state: "draining".to_owned(),
            leaving: true,
            slots: 0,
            ..up.clone()
        };
        let list = ListBackendsResponse { backends: vec![up, down, left] };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
