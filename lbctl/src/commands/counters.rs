use guideway_dataplane_admin::v1::{CountersRequest, CountersResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, dataplane};
use crate::outcome::Outcome;
use crate::render::{self, Column, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = dataplane(cli, |mut client| async move { client.counters(CountersRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    counters: Vec<Counter<'a>>,
}

#[derive(Serialize)]
struct Counter<'a> {
    name: &'a str,
    description: &'a str,
    packets: u64,
}

fn view(list: &CountersResponse) -> View<'_> {
    let counters = list.counters.iter().map(|counter| Counter {
        name: &counter.name,
        description: &counter.description,
        packets: counter.packets,
    });
    View { counters: counters.collect() }
}

fn human(list: &CountersResponse) -> String {
    let columns = [Column::Text("COUNTER"), Column::Number("PACKETS"), Column::Text("MEANING")];
    let rows = list
        .counters
        .iter()
        .map(|counter| vec![counter.name.clone(), counter.packets.to_string(), counter.description.clone()]);
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_dataplane_admin::v1::Counter;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let counter = |name: &str, description: &str, packets| Counter {
            name: name.to_owned(),
            description: description.to_owned(),
            packets,
        };
        let list = CountersResponse {
            counters: vec![
                counter("tx", "Sent to a backend by the interface it came from", 123_456),
                counter("drop_unknown_port", "To a VIP's address, not to one of its ports", 7),
            ],
        };
        insta::assert_snapshot!(human(&list), @r"
        COUNTER            PACKETS  MEANING
        tx                  123456  Sent to a backend by the interface it came from
        drop_unknown_port        7  To a VIP's address, not to one of its ports
        ");
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
