use guideway_bgp_admin::v1::{ListPeersRequest, ListPeersResponse};
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::Outcome;
use crate::render::{self, Column, labelled, non_empty, now_unix_ms, or_dash, since, table};

pub(crate) async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    let list = speaker(cli, |mut client| async move { client.list_peers(ListPeersRequest {}).await }).await?;
    render::output(cli, &view(&list), || human(&list, now_unix_ms())).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    local_as: u32,
    router_id: &'a str,
    agent: &'a str,
    peers: Vec<Peer<'a>>,
}

#[derive(Serialize)]
struct Peer<'a> {
    address: &'a str,
    remote_as: u32,
    state: &'a str,
    since_unix_ms: Option<u64>,
    last_error: Option<&'a str>,
    hold_time_seconds: u32,
    peer_router_id: Option<&'a str>,
    families: &'a [String],
    messages_received: u64,
    messages_sent: u64,
    prefixes_advertised: u64,
    sessions: u64,
}

fn view(list: &ListPeersResponse) -> View<'_> {
    let peers = list.peers.iter().map(|peer| Peer {
        address: &peer.address,
        remote_as: peer.remote_as,
        state: &peer.state,
        since_unix_ms: (peer.since_unix_ms > 0).then_some(peer.since_unix_ms),
        last_error: non_empty(&peer.last_error),
        hold_time_seconds: peer.hold_time_seconds,
        peer_router_id: non_empty(&peer.peer_router_id),
        families: &peer.families,
        messages_received: peer.messages_received,
        messages_sent: peer.messages_sent,
        prefixes_advertised: peer.prefixes_advertised,
        sessions: peer.sessions,
    });
    View { local_as: list.local_as, router_id: &list.router_id, agent: &list.agent, peers: peers.collect() }
}

fn human(list: &ListPeersResponse, now_unix_ms: u64) -> String {
    let mut text = labelled([
        ("local AS", list.local_as.to_string()),
        ("router id", list.router_id.clone()),
        ("agent", list.agent.clone()),
    ]);
    text.push('\n');
    let columns = [
        Column::Text("PEER"),
        Column::Number("AS"),
        Column::Text("STATE"),
        Column::Text("SINCE"),
        Column::Text("FAMILIES"),
        Column::Number("HOLD"),
        Column::Number("PREFIXES"),
        Column::Number("RECEIVED"),
        Column::Number("SENT"),
        Column::Number("SESSIONS"),
        Column::Text("LAST ERROR"),
    ];
    let rows = list.peers.iter().map(|peer| {
        vec![
            peer.address.clone(),
            peer.remote_as.to_string(),
            peer.state.clone(),
            since(peer.since_unix_ms, now_unix_ms),
            or_dash(&peer.families.join(",")),
            format!("{}s", peer.hold_time_seconds),
            peer.prefixes_advertised.to_string(),
            peer.messages_received.to_string(),
            peer.messages_sent.to_string(),
            peer.sessions.to_string(),
            or_dash(&peer.last_error),
        ]
    });
    text.push_str(&table(&columns, rows));
    text
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::Peer;

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let up = Peer {
            address: "10.1.1.1".to_owned(),
            remote_as: 65_000,
            state: "Established".to_owned(),
            since_unix_ms: 1_000,
            last_error: String::new(),
            hold_time_seconds: 9,
            peer_router_id: "10.255.0.1".to_owned(),
            families: vec!["ipv4".to_owned(), "ipv6".to_owned()],
            messages_received: 20,
            messages_sent: 22,
            prefixes_advertised: 2,
            sessions: 1,
        };
        let down = Peer {
            address: "fd00:1::1".to_owned(),
            state: "Active".to_owned(),
            last_error: "connection refused".to_owned(),
            families: vec![],
            peer_router_id: String::new(),
            prefixes_advertised: 0,
            ..up.clone()
        };
        let list = ListPeersResponse {
            local_as: 65_001,
            router_id: "10.255.1.1".to_owned(),
            agent: "connected".to_owned(),
            peers: vec![up, down],
        };
        insta::assert_snapshot!(human(&list, 61_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
