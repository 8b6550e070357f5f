use guideway_bgp_admin::bfd::v1::{ListSessionsRequest, ListSessionsResponse, Session, State};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, bfd};
use crate::outcome::Outcome;
use crate::render::{self, Column, labelled, non_empty, now_unix_ms, or_dash, since, table, until};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list =
        bfd(cli, |mut client| async move { client.list_sessions(ListSessionsRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    version: &'a str,
    scheduling: &'a str,
    latest_us: u64,
    late: u64,
    sessions: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    remote: &'a str,
    local: Option<&'a str>,
    interface: Option<&'a str>,
    multihop: bool,
    state: &'static str,
    remote_state: &'static str,
    diagnostic: &'static str,
    remote_diagnostic: &'static str,
    since_unix_ms: u64,
    downs: u64,
    last_down_unix_ms: Option<u64>,
    last_down_diagnostic: Option<&'static str>,
    transmit_interval_us: u32,
    detection_time_us: u32,
    remote_desired_min_tx_us: u32,
    remote_required_min_rx_us: u32,
    remote_detect_mult: u32,
    echo_interval_us: Option<u32>,
    authentication: Option<&'a str>,
    discriminator: u32,
    remote_discriminator: Option<u32>,
    packets_sent: u64,
    packets_received: u64,
    packets_discarded: u64,
    last_discard: Option<&'a str>,
    send_errors: u64,
    echoes_sent: u64,
    echoes_received: u64,
    echoes_returned: u64,
    clients: &'a [String],
    held_until_unix_ms: Option<u64>,
    problem: Option<&'a str>,
}

fn view(list: &ListSessionsResponse) -> View<'_> {
    View {
        version: &list.version,
        scheduling: &list.scheduling,
        latest_us: list.latest_us,
        late: list.late,
        sessions: list.sessions.iter().map(Row::of).collect(),
    }
}

impl<'a> Row<'a> {
    fn of(session: &'a Session) -> Self {
        let some = |number: u32| (number != 0).then_some(number);
        Self {
            remote: &session.remote,
            local: non_empty(&session.local),
            interface: non_empty(&session.interface),
            multihop: session.multihop,
            state: state(session.state()),
            remote_state: state(session.remote_state()),
            diagnostic: diagnostic(session.diagnostic),
            remote_diagnostic: diagnostic(session.remote_diagnostic),
            since_unix_ms: session.since_unix_ms,
            downs: session.downs,
            last_down_unix_ms: (session.last_down_unix_ms > 0).then_some(session.last_down_unix_ms),
            last_down_diagnostic: (session.downs > 0).then(|| diagnostic(session.last_down_diagnostic)),
            transmit_interval_us: session.transmit_interval_us,
            detection_time_us: session.detection_time_us,
            remote_desired_min_tx_us: session.remote_desired_min_tx_us,
            remote_required_min_rx_us: session.remote_required_min_rx_us,
            remote_detect_mult: session.remote_detect_mult,
            echo_interval_us: some(session.echo_interval_us),
            authentication: non_empty(&session.authentication),
            discriminator: session.discriminator,
            remote_discriminator: some(session.remote_discriminator),
            packets_sent: session.packets_sent,
            packets_received: session.packets_received,
            packets_discarded: session.packets_discarded,
            last_discard: non_empty(&session.last_discard),
            send_errors: session.send_errors,
            echoes_sent: session.echoes_sent,
            echoes_received: session.echoes_received,
            echoes_returned: session.echoes_returned,
            clients: &session.clients,
            held_until_unix_ms: (session.held_until_unix_ms > 0).then_some(session.held_until_unix_ms),
            problem: non_empty(&session.problem),
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::AdminDown => "AdminDown",
        State::Down => "Down",
        State::Init => "Init",
        State::Up => "Up",
    }
}

/// The words of RFC 5880 section 4.1, shortened.
fn diagnostic(bits: u32) -> &'static str {
    match bits {
        0 => "none",
        1 => "detection time expired",
        2 => "echo failed",
        3 => "neighbour signaled down",
        4 => "forwarding plane reset",
        5 => "path down",
        6 => "concatenated path down",
        7 => "administratively down",
        8 => "reverse concatenated path down",
        _ => "reserved",
    }
}

fn human(list: &ListSessionsResponse, now_unix_ms: u64) -> String {
    let latest = if list.latest_us < 1000 {
        "less than 1ms".to_owned()
    } else {
        format!("{}ms", list.latest_us / 1000)
    };
    let mut text = labelled([
        ("scheduling", list.scheduling.clone()),
        ("late", format!("{latest} at most, {} times 10ms or more", list.late)),
    ]);
    text.push('\n');
    let columns = [
        Column::Text("PEER"),
        Column::Text("INTERFACE"),
        Column::Text("STATE"),
        Column::Text("PEER'S"),
        Column::Text("SINCE"),
        Column::Number("SEND"),
        Column::Number("DETECT"),
        Column::Number("ECHO"),
        Column::Number("DOWNS"),
        Column::Text("CLIENTS"),
        Column::Text("REMARK"),
    ];
    let rows = list.sessions.iter().map(|session| {
        let interface = if session.multihop { "multihop" } else { session.interface.as_str() };
        let clients = match until(session.held_until_unix_ms, now_unix_ms) {
            Some(left) => format!("none, held for {left}"),
            None => or_dash(&session.clients.join(", ")),
        };
        vec![
            session.remote.clone(),
            or_dash(interface),
            state(session.state()).to_owned(),
            state(session.remote_state()).to_owned(),
            since(session.since_unix_ms, now_unix_ms),
            millis(session.transmit_interval_us),
            millis(session.detection_time_us),
            millis(session.echo_interval_us),
            session.downs.to_string(),
            clients,
            or_dash(&remark(session)),
        ]
    });
    text.push_str(&table(&columns, rows));
    text
}

/// What somebody who looks for the reason of a session that is not Up wants to know.
fn remark(session: &Session) -> String {
    if !session.problem.is_empty() {
        return session.problem.clone();
    }
    if session.state() == State::Up {
        return String::new();
    }
    if session.packets_received == 0 && !session.last_discard.is_empty() {
        return format!("discarded: {}", session.last_discard);
    }
    match (session.diagnostic, session.packets_received) {
        (0, 0) => "nothing was received".to_owned(),
        (0, _) => String::new(),
        (bits, _) => diagnostic(bits).to_owned(),
    }
}

fn millis(micros: u32) -> String {
    match (micros / 1000, micros % 1000) {
        (0, 0) => "-".to_owned(),
        (whole, 0) => format!("{whole}ms"),
        (whole, rest) => format!("{whole}.{rest:03}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let up = Session {
            remote: "10.1.1.1".to_owned(),
            interface: "up0".to_owned(),
            state: State::Up.into(),
            remote_state: State::Up.into(),
            discriminator: 7,
            remote_discriminator: 9,
            transmit_interval_us: 50_000,
            detection_time_us: 150_000,
            echo_interval_us: 12_500,
            since_unix_ms: 1_000,
            downs: 1,
            last_down_unix_ms: 500,
            last_down_diagnostic: 3,
            packets_sent: 1200,
            packets_received: 1199,
            clients: vec!["bgp-speaker".to_owned()],
            authentication: "meticulous-sha1".to_owned(),
            ..Session::default()
        };
        let held = Session {
            remote: "fd00:9::1".to_owned(),
            interface: String::new(),
            multihop: true,
            state: State::Down.into(),
            remote_state: State::Down.into(),
            diagnostic: 1,
            echo_interval_us: 0,
            clients: vec![],
            held_until_unix_ms: 91_000,
            ..up.clone()
        };
        let wrong = Session {
            packets_received: 0,
            last_discard: "the digest or password of key 7 is wrong".to_owned(),
            held_until_unix_ms: 0,
            diagnostic: 0,
            ..held.clone()
        };
        let list = ListSessionsResponse {
            sessions: vec![up, held, wrong],
            version: "0.1.0".to_owned(),
            scheduling: "real-time (SCHED_FIFO 40)".to_owned(),
            latest_us: 1_234,
            late: 0,
        };
        insta::assert_snapshot!(human(&list, 61_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
