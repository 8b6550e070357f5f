use guideway_bgp_admin::v1::{ListPeersRequest, ListPeersResponse};
use serde::Serialize;

use super::bgp_drain::{DrainView, drain_view};
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
    agent: Option<&'a str>,
    restart: Option<&'a str>,
    problems: &'a [String],
    drains: Vec<DrainView<'a>>,
    ranges: Vec<Range<'a>>,
    peers: Vec<Peer<'a>>,
}

/// Addresses whose peers may connect.
#[derive(Serialize)]
struct Range<'a> {
    name: &'a str,
    description: Option<&'a str>,
    prefix: &'a str,
    remote_as: Option<u32>,
    connected: u32,
    limit: u32,
    problems: &'a [String],
}

#[derive(Serialize)]
struct Peer<'a> {
    name: &'a str,
    description: Option<&'a str>,
    address: &'a str,
    remote_as: Option<u32>,
    state: &'a str,
    since_unix_ms: Option<u64>,
    last_error: Option<&'a str>,
    problems: &'a [String],
    hold_time_seconds: u32,
    peer_router_id: Option<&'a str>,
    families: &'a [String],
    capabilities: &'a [String],
    local_endpoint: Option<&'a str>,
    remote_endpoint: Option<&'a str>,
    interface: Option<&'a str>,
    direction: Option<&'a str>,
    dynamic: Option<&'a str>,
    authentication: Option<&'a str>,
    bfd: Option<&'a str>,
    bfd_diagnostic: Option<&'a str>,
    messages_received: u64,
    messages_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
    updates_received: u64,
    updates_sent: u64,
    notifications_received: u64,
    notifications_sent: u64,
    refreshes_received: u64,
    malformed_updates: u64,
    prefixes_advertised: u64,
    prefixes_received: u64,
    prefixes_stale: u64,
    prefix_limit: Option<u64>,
    sessions: u64,
    flaps: u64,
}

fn view(list: &ListPeersResponse) -> View<'_> {
    let peers = list.peers.iter().map(|peer| Peer {
        name: &peer.name,
        description: non_empty(&peer.description),
        address: &peer.address,
        remote_as: (peer.remote_as > 0).then_some(peer.remote_as),
        state: &peer.state,
        since_unix_ms: (peer.since_unix_ms > 0).then_some(peer.since_unix_ms),
        last_error: non_empty(&peer.last_error),
        problems: &peer.problems,
        hold_time_seconds: peer.hold_time_seconds,
        peer_router_id: non_empty(&peer.peer_router_id),
        families: &peer.families,
        capabilities: &peer.capabilities,
        local_endpoint: non_empty(&peer.local_endpoint),
        remote_endpoint: non_empty(&peer.remote_endpoint),
        interface: non_empty(&peer.interface),
        direction: non_empty(&peer.direction),
        dynamic: non_empty(&peer.dynamic),
        authentication: non_empty(&peer.authentication),
        bfd: non_empty(&peer.bfd),
        bfd_diagnostic: non_empty(&peer.bfd_diagnostic),
        messages_received: peer.messages_received,
        messages_sent: peer.messages_sent,
        bytes_received: peer.bytes_received,
        bytes_sent: peer.bytes_sent,
        updates_received: peer.updates_received,
        updates_sent: peer.updates_sent,
        notifications_received: peer.notifications_received,
        notifications_sent: peer.notifications_sent,
        refreshes_received: peer.refreshes_received,
        malformed_updates: peer.malformed_updates,
        prefixes_advertised: peer.prefixes_advertised,
        prefixes_received: peer.prefixes_received,
        prefixes_stale: peer.prefixes_stale,
        prefix_limit: (peer.prefix_limit > 0).then_some(peer.prefix_limit),
        sessions: peer.sessions,
        flaps: peer.flaps,
    });
    let ranges = list.ranges.iter().map(|range| Range {
        name: &range.name,
        description: non_empty(&range.description),
        prefix: &range.prefix,
        remote_as: (range.remote_as > 0).then_some(range.remote_as),
        connected: range.connected,
        limit: range.limit,
        problems: &range.problems,
    });
    View {
        local_as: list.local_as,
        router_id: &list.router_id,
        agent: non_empty(&list.agent),
        restart: non_empty(&list.restart),
        problems: &list.problems,
        drains: list.drains.iter().map(drain_view).collect(),
        ranges: ranges.collect(),
        peers: peers.collect(),
    }
}

fn human(list: &ListPeersResponse, now_unix_ms: u64) -> String {
    let mut lines = vec![
        ("local AS", list.local_as.to_string()),
        ("router id", list.router_id.clone()),
        ("agent", list.agent.clone()),
        ("restart", list.restart.clone()),
    ];
    lines.extend(list.problems.iter().map(|problem| ("problem", problem.clone())));
    for drain in &list.drains {
        let what = non_empty(&drain.vip).unwrap_or("the node");
        let reason = non_empty(&drain.reason).map(|reason| format!(": {reason}")).unwrap_or_default();
        let ago = since(drain.since_unix_ms, now_unix_ms);
        lines.push(("drain", format!("{what}, {} for {ago}{reason}", drain.phase)));
    }
    for range in &list.ranges {
        let (connected, limit) = (range.connected, range.limit);
        lines.push(("range", format!("{} ({}): {connected} of {limit} peers", range.name, range.prefix)));
        lines.extend(range.problems.iter().map(|problem| ("problem", format!("{}: {problem}", range.name))));
    }
    let mut text = labelled(lines);
    text.push('\n');
    let columns = [
        Column::Text("PEER"),
        Column::Text("ADDRESS"),
        Column::Number("AS"),
        Column::Text("STATE"),
        Column::Text("SINCE"),
        Column::Text("FAMILIES"),
        Column::Text("BFD"),
        Column::Number("HOLD"),
        Column::Number("TOLD"),
        Column::Number("GOT"),
        Column::Number("FLAPS"),
        Column::Text("LAST ERROR"),
    ];
    let rows = list.peers.iter().map(|peer| {
        vec![
            peer.name.clone(),
            or_dash(&peer.address),
            if peer.remote_as == 0 { "-".to_owned() } else { peer.remote_as.to_string() },
            peer.state.clone(),
            since(peer.since_unix_ms, now_unix_ms),
            or_dash(&peer.families.join(",")),
            or_dash(&peer.bfd),
            format!("{}s", peer.hold_time_seconds),
            peer.prefixes_advertised.to_string(),
            peer.prefixes_received.to_string(),
            peer.flaps.to_string(),
            or_dash(&peer.last_error),
        ]
    });
    text.push_str(&table(&columns, rows));
    for peer in &list.peers {
        for problem in &peer.problems {
            text.push_str(&labelled([("problem", format!("{}: {problem}", peer.name))]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use guideway_bgp_admin::v1::{Drain, Peer, Range};

    use super::*;
    use crate::render::json;

    #[test]
    fn table_and_json() {
        let up = Peer {
            name: "tor1".to_owned(),
            address: "10.1.1.1".to_owned(),
            remote_as: 65_000,
            state: "Established".to_owned(),
            since_unix_ms: 1_000,
            hold_time_seconds: 9,
            peer_router_id: "10.255.0.1".to_owned(),
            families: vec!["ipv4".to_owned(), "ipv6".to_owned()],
            capabilities: vec!["4-octet AS".to_owned(), "enhanced route refresh".to_owned()],
            local_endpoint: "10.1.1.2:179".to_owned(),
            remote_endpoint: "10.1.1.1:40000".to_owned(),
            direction: "incoming".to_owned(),
            authentication: "md5".to_owned(),
            bfd: "up".to_owned(),
            messages_received: 20,
            messages_sent: 22,
            prefixes_advertised: 2,
            prefixes_received: 1,
            prefix_limit: 1000,
            sessions: 1,
            ..Peer::default()
        };
        let down = Peer {
            name: "up1".to_owned(),
            interface: "up1".to_owned(),
            state: "Active".to_owned(),
            last_error: "connection refused".to_owned(),
            problems: vec!["no router advertisement came".to_owned()],
            flaps: 3,
            ..Peer::default()
        };
        let drain = Drain {
            phase: "drained".to_owned(),
            since_unix_ms: 31_000,
            reason: "kernel update".to_owned(),
            ..Drain::default()
        };
        let list = ListPeersResponse {
            local_as: 65_001,
            router_id: "10.255.1.1".to_owned(),
            agent: "connected".to_owned(),
            peers: vec![up, down],
            drains: vec![drain],
            problems: vec![],
            restart: String::new(),
            ranges: vec![Range {
                name: "leaves".to_owned(),
                prefix: "10.1.0.0/16".to_owned(),
                limit: 64,
                ..Range::default()
            }],
        };
        insta::assert_snapshot!(human(&list, 61_000));
        insta::assert_snapshot!(json(&view(&list)).unwrap());
    }
}
