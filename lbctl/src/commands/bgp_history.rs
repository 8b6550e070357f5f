use guideway_bgp_admin::v1::{SessionHistoryRequest, SessionHistoryResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::Outcome;
use crate::render::{self, Column, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli, peer: &str) -> Result<Outcome, Failure> {
    let request = SessionHistoryRequest { peer: peer.to_owned() };
    let list = speaker(cli, |mut client| async move { client.session_history(request).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    at_unix_ms: u64,
    state: &'a str,
    reason: Option<&'a str>,
}

fn view(list: &SessionHistoryResponse) -> View<'_> {
    let events = list.events.iter().map(|event| Event {
        at_unix_ms: event.at_unix_ms,
        state: &event.state,
        reason: non_empty(&event.reason),
    });
    View { events: events.collect() }
}

fn human(list: &SessionHistoryResponse, now_unix_ms: u64) -> String {
    let columns = [Column::Text("AGO"), Column::Text("STATE"), Column::Text("REASON")];
    let rows = list
        .events
        .iter()
        .map(|event| vec![since(event.at_unix_ms, now_unix_ms), event.state.clone(), or_dash(&event.reason)]);
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::SessionEvent;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let event = |at_unix_ms, state: &str, reason: &str| SessionEvent {
            at_unix_ms,
            state: state.to_owned(),
            reason: reason.to_owned(),
        };
        let events = vec![event(1_000, "Established", ""), event(31_000, "Idle", "the hold time is over")];
        let list = SessionHistoryResponse { events };
        insta::assert_snapshot!(human(&list, 61_000), @r"
        AGO    STATE        REASON
        1m 0s  Established  -
        30s    Idle         the hold time is over
        ");
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
