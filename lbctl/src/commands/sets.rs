use guideway_dataplane_admin::v1::{ListSetsRequest, ListSetsResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, now_unix_ms, or_dash, seconds, table, until, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = dataplane(cli, |mut client| async move { client.list_sets(ListSetsRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    sets: Vec<Set<'a>>,
}

#[derive(Serialize)]
struct Set<'a> {
    name: &'a str,
    table_size: u32,
    encapsulation: &'a str,
    second_hop: bool,
    drain_window_seconds: u64,
    vips: u32,
    backends: u32,
    backends_healthy: u32,
    unsettled_slots: u32,
    held_slots: u32,
    at_risk_slots: u32,
    settles_unix_ms: Option<u64>,
}

fn view(list: &ListSetsResponse) -> View<'_> {
    let sets = list.sets.iter().map(|set| Set {
        name: &set.name,
        table_size: set.table_size,
        encapsulation: &set.encapsulation,
        second_hop: set.second_hop,
        drain_window_seconds: set.drain_window_seconds,
        vips: set.vips,
        backends: set.backends,
        backends_healthy: set.backends_healthy,
        unsettled_slots: set.unsettled_slots,
        held_slots: set.held_slots,
        at_risk_slots: set.at_risk_slots,
        settles_unix_ms: (set.settles_unix_ms > 0).then_some(set.settles_unix_ms),
    });
    View { sets: sets.collect() }
}

fn human(list: &ListSetsResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Text("SET"),
        Column::Number("VIPS"),
        Column::Number("HEALTHY"),
        Column::Text("ENCAP"),
        Column::Text("SECOND HOP"),
        Column::Text("DRAIN WINDOW"),
        Column::Number("SLOTS"),
        Column::Number("UNSETTLED"),
        Column::Number("HELD"),
        Column::Number("AT RISK"),
        Column::Text("SETTLES IN"),
    ];
    let rows = list.sets.iter().map(|set| {
        vec![
            set.name.clone(),
            set.vips.to_string(),
            format!("{}/{}", set.backends_healthy, set.backends),
            set.encapsulation.clone(),
            yes_no(set.second_hop),
            seconds(set.drain_window_seconds),
            set.table_size.to_string(),
            set.unsettled_slots.to_string(),
            set.held_slots.to_string(),
            set.at_risk_slots.to_string(),
            or_dash(&until(set.settles_unix_ms, now_unix_ms).unwrap_or_default()),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::BackendSet;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let settled = BackendSet {
            name: "web".to_owned(),
            table_size: 65_537,
            encapsulation: "ipip".to_owned(),
            second_hop: false,
            drain_window_seconds: 600,
            vips: 2,
            backends: 3,
            backends_healthy: 2,
            unsettled_slots: 0,
            held_slots: 0,
            at_risk_slots: 0,
            settles_unix_ms: 0,
        };
        let unsettled = BackendSet {
            name: "media".to_owned(),
            encapsulation: "gue".to_owned(),
            second_hop: true,
            drain_window_seconds: 3600,
            unsettled_slots: 21_846,
            held_slots: 12,
            at_risk_slots: 3,
            settles_unix_ms: 400_000,
            ..settled.clone()
        };
        let list = ListSetsResponse { sets: vec![settled, unsettled] };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
