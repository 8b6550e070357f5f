use guideway_dataplane_admin::v1::{HistoryRequest, HistoryResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, now_unix_ms, or_dash, since, table, yes_no};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = dataplane(cli, |mut client| async move { client.history(HistoryRequest {}).await }).await?;
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
    at_unix_ms: u64,
    in_force: bool,
    summary: &'a str,
}

fn view(list: &HistoryResponse) -> View<'_> {
    let generations = list.generations.iter().map(|past| Generation {
        generation: past.generation,
        digest: &past.digest,
        at_unix_ms: past.at_unix_ms,
        in_force: past.in_force,
        summary: &past.summary,
    });
    View { generations: generations.collect() }
}

fn human(list: &HistoryResponse, now_unix_ms: u64) -> String {
    let columns = [
        Column::Number("GENERATION"),
        Column::Text("IN FORCE"),
        Column::Text("AGE"),
        Column::Text("DIGEST"),
        Column::Text("SUMMARY"),
    ];
    let rows = list.generations.iter().map(|past| {
        vec![
            past.generation.to_string(),
            yes_no(past.in_force),
            since(past.at_unix_ms, now_unix_ms),
            past.digest.clone(),
            or_dash(&past.summary),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::PastGeneration;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let now = PastGeneration {
            generation: 15,
            digest: "00ff".to_owned(),
            at_unix_ms: 60_000,
            summary: "3 VIPs, 2 sets, 5 backends; rolled back to generation 12".to_owned(),
            in_force: true,
        };
        let before = PastGeneration {
            generation: 12,
            at_unix_ms: 1_000,
            summary: "3 VIPs, 2 sets, 5 backends; reloaded".to_owned(),
            in_force: false,
            ..now.clone()
        };
        let list = HistoryResponse { generations: vec![now, before] };
        insta::assert_snapshot!(human(&list, 66_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
