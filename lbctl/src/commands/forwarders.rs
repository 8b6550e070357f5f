use guideway_controller_admin::v1::{Forwarder as Wire, ListForwardersRequest, ListForwardersResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let request = ListForwardersRequest {};
    let list = controller(cli, |mut client| async move { client.list_forwarders(request).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    forwarders: Vec<Forwarder<'a>>,
    refused: Vec<Refused<'a>>,
}

#[derive(Serialize)]
struct Refused<'a> {
    forwarder: Option<&'a str>,
    address: &'a str,
    reason: &'a str,
    last_unix_ms: u64,
    times: u64,
}

#[derive(Serialize)]
struct Forwarder<'a> {
    name: &'a str,
    connected: bool,
    current: bool,
    fenced: bool,
    generation: Option<u64>,
    digest: Option<&'a str>,
    prepared: Option<u64>,
    version: Option<&'a str>,
    zone: Option<&'a str>,
    addresses: &'a [String],
    vips: u32,
    vips_announced: u32,
    backends: u32,
    backends_healthy: u32,
    packets: u64,
    bytes: u64,
    dropped: u64,
    flows: u64,
    last_contact_unix_ms: Option<u64>,
    problems: &'a [String],
}

fn some(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn view(list: &ListForwardersResponse) -> View<'_> {
    let forwarders = list.forwarders.iter().map(|forwarder| Forwarder {
        name: &forwarder.name,
        connected: forwarder.connected,
        current: forwarder.current,
        fenced: forwarder.fenced,
        generation: some(forwarder.generation),
        digest: non_empty(&forwarder.digest),
        prepared: some(forwarder.prepared),
        version: non_empty(&forwarder.version),
        zone: non_empty(&forwarder.zone),
        addresses: &forwarder.addresses,
        vips: forwarder.vips,
        vips_announced: forwarder.vips_announced,
        backends: forwarder.backends,
        backends_healthy: forwarder.backends_healthy,
        packets: forwarder.packets,
        bytes: forwarder.bytes,
        dropped: forwarder.dropped,
        flows: forwarder.flows,
        last_contact_unix_ms: some(forwarder.last_contact_unix_ms),
        problems: &forwarder.problems,
    });
    let refused = list.refused.iter().map(|refused| Refused {
        forwarder: non_empty(&refused.forwarder),
        address: &refused.address,
        reason: &refused.reason,
        last_unix_ms: refused.last_unix_ms,
        times: refused.times,
    });
    View { forwarders: forwarders.collect(), refused: refused.collect() }
}

fn state(forwarder: &Wire) -> &'static str {
    match forwarder {
        Wire { connected: false, .. } => "away",
        Wire { fenced: true, .. } => "fenced",
        Wire { current: true, .. } => "current",
        _ => "behind",
    }
}

fn human(list: &ListForwardersResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Text("FORWARDER"),
        Column::Text("STATE"),
        Column::Number("GENERATION"),
        Column::Text("ZONE"),
        Column::Number("ANNOUNCED"),
        Column::Number("HEALTHY"),
        Column::Number("FLOWS"),
        Column::Number("PACKETS"),
        Column::Text("SEEN"),
        Column::Text("VERSION"),
    ];
    let rows = list.forwarders.iter().map(|forwarder| {
        vec![
            forwarder.name.clone(),
            state(forwarder).to_owned(),
            some(forwarder.generation).map_or_else(|| "-".to_owned(), |generation| generation.to_string()),
            or_dash(&forwarder.zone),
            format!("{}/{}", forwarder.vips_announced, forwarder.vips),
            format!("{}/{}", forwarder.backends_healthy, forwarder.backends),
            forwarder.flows.to_string(),
            forwarder.packets.to_string(),
            since(forwarder.last_contact_unix_ms, now_unix_ms),
            or_dash(&forwarder.version),
        ]
    });
    let mut text = table(&columns, rows);
    let problems = list.forwarders.iter().flat_map(|forwarder| {
        forwarder.problems.iter().map(|problem| ("problem", format!("{}: {problem}", forwarder.name)))
    });
    let refused = list.refused.iter().map(|refused| {
        let who = match non_empty(&refused.forwarder) {
            Some(name) => format!("{name} at {}", refused.address),
            None => refused.address.clone(),
        };
        let (times, ago) = (refused.times, since(refused.last_unix_ms, now_unix_ms));
        ("refused", format!("{who}: {} ({times}×, last {ago})", refused.reason))
    });
    let problems = render::labelled(problems.chain(refused));
    if !problems.is_empty() {
        text.push('\n');
        text.push_str(&problems);
    }
    text
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1::Refused as RefusedWire;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let current = Wire {
            name: "fw1".to_owned(),
            connected: true,
            current: true,
            generation: 41,
            digest: "00ff".to_owned(),
            version: "0.1.0".to_owned(),
            zone: "a".to_owned(),
            addresses: vec!["10.0.0.1".to_owned()],
            vips: 120,
            vips_announced: 120,
            backends_healthy: 499,
            backends: 500,
            packets: 123_456_789,
            bytes: 1,
            dropped: 2,
            flows: 1000,
            last_contact_unix_ms: 65_000,
            ..Wire::default()
        };
        let behind = Wire {
            name: "fw2".to_owned(),
            current: false,
            generation: 40,
            prepared: 41,
            problems: vec!["limits.vips is 100, and 120 are wanted: raise it".to_owned()],
            ..current.clone()
        };
        let fenced = Wire { name: "fw3".to_owned(), current: false, fenced: true, ..current.clone() };
        let away = Wire { name: "fw4".to_owned(), vips: 120, ..Wire::default() };
        let refused = |forwarder: &str, reason: &str| RefusedWire {
            forwarder: forwarder.to_owned(),
            address: "10.0.0.9".to_owned(),
            reason: reason.to_owned(),
            last_unix_ms: 63_000,
            times: 12,
        };
        let refused = vec![
            refused("fw9", "there is no Forwarder fw9 that can be used"),
            refused("", "the certificate has expired"),
        ];
        let list = ListForwardersResponse { forwarders: vec![current, behind, fenced, away], refused };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
