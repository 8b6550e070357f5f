use guideway_controller_admin::v1::{HistoryRequest, HistoryResponse};
use serde::Serialize;

use super::generations::short;
use crate::cli::Cli;
use crate::dial::{Failure, controller};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, since, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = controller(cli, |mut client| async move { client.history(HistoryRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    generations: Vec<Generation<'a>>,
}

#[derive(Serialize)]
struct Generation<'a> {
    generation: u64,
    digest: &'a str,
    at_unix_ms: Option<u64>,
    in_force: bool,
    at_hand: bool,
    aborted: Option<&'a str>,
    slots_moved_live: u64,
    sets_disturbed: u32,
    vips: Option<u32>,
    sets: Option<u32>,
}

fn view(list: &HistoryResponse) -> View<'_> {
    let generations = list.generations.iter().map(|past| Generation {
        generation: past.stamp.as_ref().map_or(0, |stamp| stamp.generation),
        digest: past.stamp.as_ref().map_or("", |stamp| &stamp.digest),
        at_unix_ms: (past.at_unix_ms > 0).then_some(past.at_unix_ms),
        in_force: past.in_force,
        at_hand: past.at_hand,
        aborted: non_empty(&past.aborted),
        slots_moved_live: past.slots_moved_live,
        sets_disturbed: past.sets_disturbed,
        vips: (past.vips > 0).then_some(past.vips),
        sets: (past.sets > 0).then_some(past.sets),
    });
    View { generations: generations.collect() }
}

fn human(list: &HistoryResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Number("GENERATION"),
        Column::Text("STATE"),
        Column::Text("AGE"),
        Column::Text("DIGEST"),
        Column::Number("VIPS"),
        Column::Number("SETS"),
        Column::Number("MOVED"),
    ];
    let number = |number: u32| if number == 0 { "-".to_owned() } else { number.to_string() };
    let rows = list.generations.iter().map(|past| {
        let state = match past {
            _ if !past.aborted.is_empty() => format!("given up: {}", past.aborted),
            _ if past.in_force => "in force".to_owned(),
            _ if past.at_hand => "at hand".to_owned(),
            _ => "forgotten".to_owned(),
        };
        let stamp = past.stamp.clone().unwrap_or_default();
        vec![
            stamp.generation.to_string(),
            state,
            since(past.at_unix_ms, now_unix_ms),
            short(&stamp.digest).to_owned(),
            number(past.vips),
            number(past.sets),
            past.slots_moved_live.to_string(),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_controller_admin::v1::{PastGeneration, Stamp};

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let past = |generation: u64| PastGeneration {
            stamp: Some(Stamp { generation, digest: "0123456789abcdef".repeat(4) }),
            at_unix_ms: 6_000,
            at_hand: true,
            vips: 120,
            sets: 60,
            slots_moved_live: 7000,
            sets_disturbed: 1,
            ..PastGeneration::default()
        };
        let aborted = PastGeneration {
            aborted: "fw2 refused it: no room".to_owned(),
            at_hand: false,
            vips: 0,
            sets: 0,
            ..past(43)
        };
        let now = PastGeneration { in_force: true, ..past(42) };
        let kept = PastGeneration { stamp: past(41).stamp, at_hand: true, ..PastGeneration::default() };
        let list = HistoryResponse { generations: vec![aborted, now, kept] };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
