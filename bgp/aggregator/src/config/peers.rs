//! What an aggregator wants to know of a peer, besides what its session needs.

use guideway_bgp_config::addresses::{switch, word};
use guideway_bgp_config::fields::{Found, text};
use guideway_bgp_config::yaml::Value;
use guideway_bgp_config::{Import, Layers, PeerConfig, Problem};
use guideway_bgp_rib::loc::Specifics;
use guideway_bgp_wire::Families;

use super::{Kind, Peer, Pool, RouterConfig, SpeakerConfig};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KindWord {
    Speaker,
    Router,
}

const KINDS: &[(&str, KindWord)] = &[("speaker", KindWord::Speaker), ("router", KindWord::Router)];
const AGGREGATES: &[(&str, Specifics)] = &[
    ("off", Specifics::Only),
    ("with_specifics", Specifics::WithAggregates),
    ("instead_of_specifics", Specifics::Uncovered),
];
const ADD_PATH: &[(&str, bool)] = &[("send", true), ("off", false)];

/// The fields as they stand in the file.
pub(super) struct Own {
    kind: Option<KindWord>,
    client: Option<Found<bool>>,
    pools: Option<Found<Vec<String>>>,
    aggregates: Option<Found<Specifics>>,
    add_path: Option<Found<bool>>,
    line: u64,
}

pub(super) fn fields(layers: &mut Layers<'_>, pools: &[Pool], problems: &mut Vec<Problem>) -> Own {
    let off = |value: &Value| match value {
        // YAML knows `off` as a boolean.
        Value::Bool(false) => Value::Text("off".to_owned()),
        value => value.clone(),
    };
    Own {
        kind: layers.optional("kind", problems, word(KINDS)).map(|found| found.value),
        client: layers.optional("client", problems, switch),
        pools: layers.optional("pools", problems, |value| names(value, pools)),
        aggregates: layers.optional("aggregates", problems, |value| word(AGGREGATES)(&off(value))),
        add_path: layers.optional("add_path", problems, |value| word(ADD_PATH)(&off(value))),
        line: layers.problem("kind", "").line,
    }
}

fn names(value: &Value, pools: &[Pool]) -> Result<Vec<String>, String> {
    let Value::List(list) = value else { return Err("must be a list of names of pools".to_owned()) };
    let one = |node: &guideway_bgp_config::yaml::Node| {
        let name = text(&node.value)?;
        let known = pools.iter().any(|pool| pool.name == name);
        known.then_some(name.clone()).ok_or_else(|| format!("there is no pool `{}`", name.escape_debug()))
    };
    list.iter().map(one).collect()
}

/// The peer with its own fields; `None`, and problems, when they do not fit it.
pub(super) fn peer(
    index: usize,
    mut config: PeerConfig,
    own: Own,
    pools: &[Pool],
    problems: &mut Vec<Problem>,
) -> Option<Peer> {
    let mut wrong = |line: u64, field: &str, reason: &str| {
        problems.push(Problem { line, field: format!("peers[{index}].{field}"), reason: reason.to_owned() });
    };
    let Some(kind) = own.kind else {
        wrong(own.line, "kind", "is required and missing: speaker or router");
        return None;
    };
    let external = config.session.is_external();
    if let Some(found) = own.client.filter(|_| external) {
        wrong(
            found.line,
            "client",
            "has no use: only peers of the own AS are clients of a reflector (RFC 4456)",
        );
    }
    if config.next_hop_v4.is_some() || config.next_hop_v6.is_some() {
        wrong(
            own.line,
            "next_hop_v4",
            "and next_hop_v6 have no use: an aggregator keeps the next hops of the speakers",
        );
    }
    if config.export != guideway_bgp_rib::policy::PeerExport::default() {
        wrong(own.line, "export", "has no use: an aggregator keeps the attributes of the speakers");
    }
    let kind = match kind {
        KindWord::Speaker => {
            if let Some(found) = own.aggregates {
                wrong(found.line, "aggregates", "has no use: a speaker is told nothing");
            }
            if let Some(found) = own.add_path {
                wrong(
                    found.line,
                    "add_path",
                    "has no use: a speaker has one path to a prefix and is told nothing",
                );
            }
            let chosen =
                |pool: &&Pool| own.pools.as_ref().is_none_or(|found| found.value.contains(&pool.name));
            let allowed: Vec<_> =
                pools.iter().filter(chosen).flat_map(|pool| pool.prefixes.clone()).collect();
            if allowed.is_empty() {
                wrong(
                    own.line,
                    "pools",
                    "has no prefix in it: nothing of this speaker could be taken (RFC 8212)",
                );
            }
            config.import = Import::All;
            Kind::Speaker(SpeakerConfig {
                allowed,
                limit: Peer::limit(&config),
                warn_percent: config.max_prefixes.map_or(80, |limit| limit.warn_percent),
                retry: config.max_prefixes.and_then(|limit| limit.restart),
            })
        }
        KindWord::Router => {
            if let Some(found) = own.pools {
                wrong(found.line, "pools", "has no use: nothing of a router is taken (RFC 8212)");
            }
            if config.max_prefixes.is_some() {
                wrong(own.line, "max_prefixes", "has no use: nothing of a router is kept");
            }
            let send = own.add_path.is_none_or(|found| found.value);
            config.session.add_path_send = if send { config.session.families } else { Families::NONE };
            config.import = Import::None;
            let specifics = own.aggregates.map_or(Specifics::Only, |found| found.value);
            Kind::Router(RouterConfig { specifics })
        }
    };
    let client = !external && own.client.is_none_or(|found| found.value);
    Some(Peer { config, kind, client })
}
