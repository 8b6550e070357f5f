//! What a content says about routers, as bgp-speaker reads it: the file that its `include` names.
//!
//! What a content asks for and the speaker cannot do is told as a note.

mod attributes;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_controller_core::{Advertisement, BfdProfile, Content, Peer, Pool, RemoteAs, Routing};
use serde_json::{Map, Value, json};

use attributes::{Attributes, Told};

/// The head of the file; the rest is JSON, which is YAML.
const HEAD: &str = "# Written by lb-dataplane from what the controller says; changes are lost.\n";

/// Of one peer's `only`, and of its `vips`, as bgp-speaker reads them.
const MAX_PREFIXES: usize = 1000;

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", path.display())]
pub struct WriteError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The file, and what could not be put into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// For bgp-speaker.
    pub text: String,
    /// For people, a sentence each.
    pub notes: Vec<String>,
}

/// Writes the file of `forwarder` if it is another one than before; it is there as a whole or not at all. Gives the notes.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(path: &Path, content: &Content, forwarder: &str) -> Result<Vec<String>, WriteError> {
    let Rendered { text, notes } = render(content, forwarder);
    let failed = |source| WriteError { path: path.to_owned(), source };
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(notes);
    }
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(failed)?;
    }
    let beside = path.with_added_extension("new");
    let put = || {
        // Passwords are in it.
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    put().map_err(failed)?;
    Ok(notes)
}

/// What bgp-speaker of `forwarder` is to do by `content`. Pure.
#[must_use]
pub fn render(content: &Content, forwarder: &str) -> Rendered {
    let routing = content.routing();
    let mut notes = Vec::new();
    let peers: Vec<&Peer> = routing.peers.iter().filter(|peer| peer.forwarders.contains(forwarder)).collect();
    let advertised: Vec<&Advertisement> =
        routing.advertisements.iter().filter(|one| one.forwarders.contains(forwarder)).collect();
    let pools: Vec<&Pool> = content.pools().values().map(AsRef::as_ref).collect();
    let told = Told::new(&pools, &peers, &advertised);
    let document = json!({
        "pools": pools.iter().enumerate().filter_map(|(place, pool)| {
            one_pool(pool, told.of_pool(place), &advertised, &mut notes)
        }).collect::<Vec<_>>(),
        "peers": peers.iter().enumerate().filter_map(|(place, peer)| {
            one_peer(peer, routing, told.of_peer(place), told.only(place, &pools), told.vips(place, &pools), &mut notes)
        }).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    Rendered { text: format!("{HEAD}{text}\n"), notes }
}

/// None: nothing is said about it.
fn one_pool(
    pool: &Pool,
    attributes: &Attributes,
    advertised: &[&Advertisement],
    notes: &mut Vec<String>,
) -> Option<Value> {
    let of_pool: Vec<&Advertisement> =
        advertised.iter().copied().filter(|one| one.pools.contains(pool.name.as_str())).collect();
    if of_pool.is_empty() || pool.prefixes.is_empty() {
        return None;
    }
    let mut map = attributes.fields();
    map.insert("name".to_owned(), json!(pool.name.as_str()));
    map.insert(
        "prefixes".to_owned(),
        json!(pool.prefixes.iter().map(ToString::to_string).collect::<Vec<_>>()),
    );
    let mut aggregate = Map::new();
    let mut specifics = false;
    for (family, whole, is_there, length) in [
        (
            "ipv4",
            32,
            pool.prefixes.iter().any(|net| net.addr().is_ipv4()),
            lengths(&of_pool, |one| one.aggregation_v4),
        ),
        (
            "ipv6",
            128,
            pool.prefixes.iter().any(|net| net.addr().is_ipv6()),
            lengths(&of_pool, |one| one.aggregation_v6),
        ),
    ] {
        let shorter: Vec<u8> =
            length.iter().copied().filter(|length| *length > 0 && *length < whole).collect();
        // A default route is never announced.
        let Some(longest) = shorter.last().filter(|_| is_there) else { continue };
        if shorter.len() > 1 {
            notes.push(format!(
                "pool {}: advertisements aggregate it to different lengths of {family}: /{longest} is announced",
                pool.name
            ));
        }
        aggregate.insert(family.to_owned(), json!(longest));
        specifics |= length.contains(&whole);
    }
    if !aggregate.is_empty() {
        if specifics {
            aggregate.insert("specifics".to_owned(), json!(true));
        }
        map.insert("aggregate".to_owned(), Value::Object(aggregate));
    }
    Some(Value::Object(map))
}

fn lengths(advertised: &[&Advertisement], length: impl Fn(&Advertisement) -> u8) -> BTreeSet<u8> {
    advertised.iter().map(|one| length(one)).collect()
}

fn one_peer(
    peer: &Peer,
    routing: &Routing,
    attributes: &Attributes,
    only: Option<Vec<String>>,
    vips: Vec<Value>,
    notes: &mut Vec<String>,
) -> Option<Value> {
    match only.as_ref().map_or(vips.len(), Vec::len) {
        0 if only.is_some() => {
            notes.push(format!("peer {}: nothing is advertised to it, so that it is left out", peer.name));
            return None;
        }
        count if count > MAX_PREFIXES => {
            notes.push(format!(
                "peer {}: more than {MAX_PREFIXES} prefixes are for it alone: it is left out",
                peer.name
            ));
            return None;
        }
        _ => {}
    }
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("name", json!(peer.name));
    match (&peer.address, &peer.interface) {
        (Some(address), _) => put("address", json!(address.to_string())),
        (None, interface) => put("interface", json!(interface)),
    };
    put("local_as", json!(peer.local_as));
    put(
        "remote_as",
        match peer.remote_as {
            RemoteAs::Number(number) => json!(number),
            RemoteAs::External => json!("external"),
            RemoteAs::Internal => json!("internal"),
        },
    );
    put("port", json!(peer.port));
    if let Some(router_id) = peer.router_id {
        put("router_id", json!(router_id.to_string()));
    }
    if let Some(address) = peer.local_address {
        put("local_address", json!(address.to_string()));
    }
    if let Some(time) = peer.hold_time {
        put("hold_time", json!(seconds(time)));
    }
    if let Some(time) = peer.connect_retry {
        put("connect_retry", json!(seconds(time)));
    }
    if let Some(password) = &peer.password {
        put("password", json!(password));
    }
    if let Some(hops) = peer.multihop {
        put("multihop", json!(hops));
    }
    if let Some(time) = peer.graceful_restart {
        put("graceful_restart", if time.is_zero() { json!("off") } else { json!(seconds(time)) });
    }
    match (peer.dual_family, peer.address) {
        // IPv6 routes have the next hop that the speaker finds on the interface.
        (true, Some(IpAddr::V4(_))) => drop(put("families", json!(["ipv4", "ipv6"]))),
        // RFC 8950: the session's own address is the next hop of IPv4 routes too.
        (true, Some(IpAddr::V6(_))) => {
            put("families", json!(["ipv4", "ipv6"]));
            put("extended_next_hop", json!(true));
        }
        _ => {}
    }
    if let Some(name) = &peer.bfd_profile {
        match routing.bfd_profiles.iter().find(|profile| profile.name == *name) {
            Some(profile) => drop(put("bfd", bfd(profile))),
            None => {
                notes.push(format!("peer {}: there is no BFD profile {name:?}: it has no BFD", peer.name));
            }
        }
    }
    let mut export = attributes.fields();
    if let Some(only) = only {
        export.insert("only".to_owned(), json!(only));
    }
    if !vips.is_empty() {
        export.insert("vips".to_owned(), Value::Array(vips));
    }
    if !export.is_empty() {
        put("export", Value::Object(export));
    }
    Some(Value::Object(map))
}

fn bfd(profile: &BfdProfile) -> Value {
    let mut map = json!({
        "interval": milliseconds(profile.transmit),
        "receive": milliseconds(profile.receive),
        "multiplier": profile.multiplier,
        "echo": profile.echo.map_or_else(|| "off".to_owned(), milliseconds),
        "passive": profile.passive,
    });
    if let Some(ttl) = profile.minimum_ttl {
        map["min_ttl"] = json!(ttl);
    }
    map
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs())
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

#[cfg(test)]
mod tests;
