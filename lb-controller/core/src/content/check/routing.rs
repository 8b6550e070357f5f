//! What routing must be. The ranges are those of bgp-speaker's configuration.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::limits::{MAX_ADVERTISEMENTS, MAX_COMMUNITIES, MAX_PEERS};
use crate::name;
use crate::routing::{Advertisement, BfdProfile, Peer, RemoteAs, Routing, Scope};

const HOLD_TIMES: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(65_535);
const RETRIES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);
const RESTARTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(4095);
const BFD_INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
const MAX_PASSWORD_BYTES: usize = 80;
/// Stands for a longer number towards speakers of short ones (RFC 6793 section 9).
const AS_TRANS: u32 = 23_456;

/// Tells `add` the field and the reason of everything that is wrong.
pub(super) fn check(routing: &Routing, mut add: impl FnMut(String, String)) {
    let Routing { peers, advertisements, bfd_profiles } = routing;
    for (field, count, max) in [
        ("peers", peers.len(), MAX_PEERS),
        ("advertisements", advertisements.len(), MAX_ADVERTISEMENTS),
        ("BFD profiles", bfd_profiles.len(), MAX_ADVERTISEMENTS),
    ] {
        if count > max {
            add(field.to_owned(), format!("are {count}, at most {max} are allowed"));
        }
    }
    unique("peer", peers.iter().map(|peer| peer.name.as_str()), &mut add);
    unique("advertisement", advertisements.iter().map(|one| one.name.as_str()), &mut add);
    let profiles = unique("BFD profile", bfd_profiles.iter().map(|one| one.name.as_str()), &mut add);
    for one in peers {
        peer(one, &profiles, &mut |field, reason| add(format!("peer {:?}: {field}", one.name), reason));
    }
    let peers: BTreeSet<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
    for one in advertisements {
        advertisement(one, &peers, &mut |field, reason| {
            add(format!("advertisement {:?}: {field}", one.name), reason);
        });
    }
    for one in bfd_profiles {
        profile(one, &mut |field, reason| add(format!("BFD profile {:?}: {field}", one.name), reason));
    }
}

fn unique<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a str>,
    add: &mut impl FnMut(String, String),
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    for name in names {
        if let Err(error) = name::check(name) {
            add(format!("{kind} {name:?}: name"), error.to_string());
        }
        if !seen.insert(name) {
            add(format!("{kind} {name:?}: name"), "is there twice".to_owned());
        }
    }
    seen
}

fn peer(peer: &Peer, profiles: &BTreeSet<&str>, add: &mut impl FnMut(&str, String)) {
    match (peer.address, peer.interface.as_deref()) {
        (None, None) => add("address", "is missing, and so is `interface`".to_owned()),
        (Some(_), Some(_)) => add("address", "stands beside `interface`: only one of them counts".to_owned()),
        (Some(address), None) if !is_unicast(address) => add("address", format!("{address} is not unicast")),
        (None, Some(name)) if name.is_empty() || name.len() > 15 => {
            add("interface", format!("{name:?} is no interface: it has 1 to 15 bytes"));
        }
        _ => {}
    }
    let remote = if let RemoteAs::Number(number) = peer.remote_as { number } else { 1 };
    for (field, number) in [("remote_as", remote), ("local_as", peer.local_as)] {
        if matches!(number, 0 | AS_TRANS) {
            add(field, format!("{number} is nobody's AS number"));
        }
    }
    if peer.router_id.is_some_and(|id| id.is_unspecified()) {
        add("router_id", "0.0.0.0 is no BGP identifier".to_owned());
    }
    if peer.port == 0 {
        add("port", "0 is no port".to_owned());
    }
    if let Some((own, address)) = peer.local_address.zip(peer.address)
        && own.is_ipv4() != address.is_ipv4()
    {
        add("local_address", format!("{own} is of another family than {address}"));
    }
    within("hold_time", peer.hold_time.filter(|time| !time.is_zero()), &HOLD_TIMES, add);
    within("connect_retry", peer.connect_retry, &RETRIES, add);
    within("graceful_restart", peer.graceful_restart.filter(|time| !time.is_zero()), &RESTARTS, add);
    if peer.password.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_PASSWORD_BYTES) {
        add("password", format!("has 1 to {MAX_PASSWORD_BYTES} bytes"));
    }
    if peer.multihop.is_some_and(|ttl| ttl < 2) {
        add("multihop", "is less than 2".to_owned());
    }
    if let Some(name) = peer.bfd_profile.as_deref().filter(|name| !profiles.contains(name)) {
        add("bfd_profile", format!("no profile is called {name:?}"));
    }
}

fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast() && v6.to_ipv4_mapped().is_none(),
    }
}

fn advertisement(one: &Advertisement, peers: &BTreeSet<&str>, add: &mut impl FnMut(&str, String)) {
    if let Scope::Only(names) = &one.peers
        && let Some(name) = names.iter().find(|name| !peers.contains(name.as_str()))
    {
        add("peers", format!("no peer is called {name:?}"));
    }
    for (field, length, max) in
        [("aggregation_v4", one.aggregation_v4, 32), ("aggregation_v6", one.aggregation_v6, 128)]
    {
        if length > max {
            add(field, format!("{length} is out of range: 0 to {max}"));
        }
    }
    for (field, count) in [
        ("communities", one.communities.len()),
        ("extended_communities", one.extended_communities.len()),
        ("large_communities", one.large_communities.len()),
    ] {
        if count > MAX_COMMUNITIES {
            add(field, format!("are {count}, at most {MAX_COMMUNITIES} are allowed"));
        }
    }
}

fn profile(profile: &BfdProfile, add: &mut impl FnMut(&str, String)) {
    within("receive", Some(profile.receive), &BFD_INTERVALS, add);
    within("transmit", Some(profile.transmit), &BFD_INTERVALS, add);
    within("echo", profile.echo, &BFD_INTERVALS, add);
    if profile.multiplier == 0 {
        add("multiplier", "is 0".to_owned());
    }
}

fn within(
    field: &str,
    time: Option<Duration>,
    allowed: &RangeInclusive<Duration>,
    add: &mut impl FnMut(&str, String),
) {
    if let Some(time) = time.filter(|time| !allowed.contains(time)) {
        add(field, format!("{time:?} is out of range: {:?} to {:?}", allowed.start(), allowed.end()));
    }
}
