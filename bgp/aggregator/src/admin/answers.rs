//! Answers of the admin API.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use guideway_bgp_admin::v1;
use guideway_bgp_peer::{PeerId, PeerStatus, admin as to_message};
use guideway_bgp_wire::Nlri;
use ipnet::IpNet;

use crate::core::{PathView, PrefixLine, PrefixView, RouterView};
use crate::daemon::Shared;

/// What does not work as configured, in words.
pub(crate) fn problems(shared: &Shared) -> Vec<String> {
    let mut problems: Vec<String> = shared.core.held().into_iter().collect();
    let pending = &shared.counts.pending;
    problems.extend(pending.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
    let listeners = shared.peers.listeners();
    problems.extend(listeners.into_iter().flat_map(|listener| listener.problems));
    problems
}

pub(super) fn peers(shared: &Shared) -> v1::ListPeersResponse {
    let mut notes = shared.core.notes();
    let peer = |status: &PeerStatus| {
        let mut peer = to_message::peer(status);
        peer.problems.extend(notes.remove(&status.id).unwrap_or_default().problems);
        peer
    };
    let peers = shared.peers.statuses().iter().map(peer).collect();
    let local = shared.core.local();
    let restart = if shared.core.held().is_some() { "restarting, forwarding kept" } else { "" };
    v1::ListPeersResponse {
        local_as: local.asn,
        router_id: local.router_id.to_string(),
        agent: String::new(),
        peers,
        drains: Vec::new(),
        problems: problems(shared),
        restart: restart.to_owned(),
        ranges: shared.peers.ranges().iter().map(to_message::range).collect(),
    }
}

pub(super) fn routes(shared: &Shared) -> v1::ListRoutesResponse {
    let route = |line: PrefixLine| v1::Route {
        prefix: line.prefix.to_string(),
        advertised_to: line.told,
        state: line.state.to_owned(),
        since_unix_ms: before(line.age),
    };
    v1::ListRoutesResponse { routes: shared.core.routes().into_iter().map(route).collect() }
}

pub(super) fn is_asked(filter: Option<&IpNet>, prefix: &IpNet) -> bool {
    filter.is_none_or(|asked| prefix.contains(asked))
}

pub(super) fn adj_rib_in(shared: &Shared, peer: PeerId, filter: Option<IpNet>) -> Vec<v1::Path> {
    let paths = shared.core.adj_rib_in(peer).unwrap_or_default().into_iter();
    let paths = paths.filter(|(prefix, _)| is_asked(filter.as_ref(), prefix));
    paths.map(|(prefix, path)| received(prefix, &path)).collect()
}

fn received(prefix: IpNet, path: &PathView) -> v1::Path {
    v1::Path {
        stale: path.stale,
        since_unix_ms: before(path.age),
        ..to_message::path(&Nlri::new(prefix), &path.route)
    }
}

pub(super) fn explain(shared: &Shared, asked: IpNet) -> v1::ExplainResponse {
    let Some(view) = shared.core.explain(asked) else {
        return v1::ExplainResponse {
            prefix: asked.to_string(),
            reasons: vec!["no speaker announces it, nor a prefix that holds it".to_owned()],
            ..v1::ExplainResponse::default()
        };
    };
    let mut reasons = reasons(&view);
    reasons.extend(shared.core.held());
    let announced = view.routers.iter().any(|router| !router.told.is_empty());
    let state = match (announced, view.aggregate, view.covered_by) {
        (true, true, _) => "aggregate",
        (true, false, _) => "announced",
        (false, _, Some(_)) => "aggregated",
        (false, _, None) if shared.core.held().is_some() => "held",
        (false, _, None) => "",
    };
    let since = view.paths.iter().map(|path| path.age).min().map_or(0, before);
    v1::ExplainResponse {
        prefix: view.prefix.to_string(),
        announced,
        state: state.to_owned(),
        since_unix_ms: since,
        reasons,
        peers: view.routers.iter().map(|router| explained(&view, router)).collect(),
    }
}

fn explained(view: &PrefixView, router: &RouterView) -> v1::ExplainPeer {
    let first = router.told.first();
    let path = first
        .map(|(path_id, route)| to_message::path(&Nlri { prefix: view.prefix, path_id: *path_id }, route));
    let told = |(path_id, route): &(u32, std::sync::Arc<guideway_bgp_rib::Route>)| v1::Rule {
        attribute: match path_id {
            0 => "path".to_owned(),
            id => format!("path {}", std::net::Ipv4Addr::from(*id)),
        },
        value: route.next_hop.to_string(),
        source: if *path_id == 0 {
            "the best path".to_owned()
        } else {
            "the speaker of this identifier".to_owned()
        },
    };
    v1::ExplainPeer {
        peer: router.name.clone(),
        announced: !router.told.is_empty(),
        reason: router.reason.clone(),
        since_unix_ms: 0,
        path,
        rules: router.told.iter().map(told).collect(),
    }
}

fn reasons(view: &PrefixView) -> Vec<String> {
    let mut reasons = Vec::new();
    if view.aggregate {
        reasons.push("it is an aggregate: enough prefixes in it are announced".to_owned());
    }
    if let Some(aggregate) = view.covered_by {
        reasons.push(format!("{aggregate} says the same of it to routers that are told aggregates instead"));
    }
    for path in &view.paths {
        let mut words = vec![format!("{} announces it, next hop {}", path.speaker, path.route.next_hop)];
        match path.refused {
            Some(refused) => words.push(format!("not taken: {refused}")),
            None if path.best => words.push("the best path".to_owned()),
            None if path.multipath => words.push("as good as the best path".to_owned()),
            None => words.push("less preferred".to_owned()),
        }
        if path.long_lived {
            words.push("its speaker has been away for longer than a restart takes".to_owned());
        } else if path.stale {
            words.push("kept while its speaker is away".to_owned());
        }
        reasons.push(words.join("; "));
    }
    reasons
}

fn before(age: Duration) -> u64 {
    SystemTime::now().checked_sub(age).map_or(0, to_message::unix_ms)
}
