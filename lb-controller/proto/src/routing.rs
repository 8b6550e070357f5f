//! What reaches the BGP speakers.

use std::time::Duration;

use guideway_controller_core::limits::{
    MAX_ADVERTISEMENTS, MAX_COMMUNITIES, MAX_FORWARDERS, MAX_NAME_BYTES, MAX_PEERS,
};
use guideway_controller_core::{
    Advertisement, BfdProfile, Community, ExtendedCommunity, ForwarderName, LargeCommunity, Peer, PoolName,
    RemoteAs, Routing, Scope,
};

use crate::error::{At, WireError};
use crate::v1::peer::RemoteAs as WireRemoteAs;
use crate::{read, v1};

pub(crate) fn wire(routing: &Routing) -> v1::Routing {
    v1::Routing {
        peers: routing.peers.iter().map(peer_wire).collect(),
        advertisements: routing.advertisements.iter().map(advertisement_wire).collect(),
        bfd_profiles: routing.bfd_profiles.iter().map(profile_wire).collect(),
    }
}

pub(crate) fn read(routing: &v1::Routing) -> Result<Routing, WireError> {
    Ok(Routing {
        peers: read::limited(&routing.peers, MAX_PEERS).and_then(|all| read::list(all, peer)).at("peers")?,
        advertisements: read::limited(&routing.advertisements, MAX_ADVERTISEMENTS)
            .and_then(|all| read::list(all, advertisement))
            .at("advertisements")?,
        bfd_profiles: read::limited(&routing.bfd_profiles, MAX_ADVERTISEMENTS)
            .and_then(|all| read::list(all, profile))
            .at("bfd_profiles")?,
    })
}

fn only<T: Ord + ToString>(scope: &Scope<T>) -> Option<v1::Only> {
    match scope {
        Scope::All => None,
        Scope::Only(names) => Some(v1::Only { names: names.iter().map(ToString::to_string).collect() }),
    }
}

fn scope<T: Ord>(
    only: Option<&v1::Only>,
    new: impl Fn(&str) -> Result<T, WireError>,
) -> Result<Scope<T>, WireError> {
    let Some(v1::Only { names }) = only else { return Ok(Scope::All) };
    let names = read::limited(names, MAX_FORWARDERS)?;
    Ok(Scope::Only(read::list(names, |name| new(name))?.into_iter().collect()))
}

fn forwarder(name: &str) -> Result<ForwarderName, WireError> {
    Ok(ForwarderName::new(name)?)
}

fn name(text: &str) -> Result<String, WireError> {
    read::text(text, MAX_NAME_BYTES)
}

fn peer_wire(peer: &Peer) -> v1::Peer {
    let remote_as = match peer.remote_as {
        RemoteAs::Number(number) => WireRemoteAs::Number(number),
        RemoteAs::External => WireRemoteAs::Unnumbered(v1::Unnumbered::External.into()),
        RemoteAs::Internal => WireRemoteAs::Unnumbered(v1::Unnumbered::Internal.into()),
    };
    v1::Peer {
        name: peer.name.clone(),
        forwarders: only(&peer.forwarders),
        address: peer.address.map(read::address_bytes),
        interface: peer.interface.clone(),
        remote_as: Some(remote_as),
        local_as: peer.local_as,
        router_id: peer.router_id.map(u32::from),
        port: peer.port.into(),
        local_address: peer.local_address.map(read::address_bytes),
        hold_time_ns: peer.hold_time.map(read::nanoseconds),
        connect_retry_ns: peer.connect_retry.map(read::nanoseconds),
        password: peer.password.clone(),
        multihop: peer.multihop.map(u32::from),
        graceful_restart_ns: peer.graceful_restart.map(read::nanoseconds),
        bfd_profile: peer.bfd_profile.clone(),
        dual_family: peer.dual_family,
    }
}

fn peer(peer: &v1::Peer) -> Result<Peer, WireError> {
    let optional_name = |text: &Option<String>| text.as_deref().map(name).transpose();
    let duration = |nanoseconds: Option<u64>| nanoseconds.map(Duration::from_nanos);
    Ok(Peer {
        name: name(&peer.name).at("name")?,
        forwarders: scope(peer.forwarders.as_ref(), forwarder).at("forwarders")?,
        address: peer.address.as_deref().map(read::address).transpose().at("address")?,
        interface: optional_name(&peer.interface).at("interface")?,
        remote_as: remote_as(peer.remote_as).at("remote_as")?,
        local_as: peer.local_as,
        router_id: peer.router_id.map(Into::into),
        port: read::narrow(peer.port).at("port")?,
        local_address: peer.local_address.as_deref().map(read::address).transpose().at("local_address")?,
        hold_time: duration(peer.hold_time_ns),
        connect_retry: duration(peer.connect_retry_ns),
        password: optional_name(&peer.password).at("password")?,
        multihop: peer.multihop.map(read::narrow).transpose().at("multihop")?,
        graceful_restart: duration(peer.graceful_restart_ns),
        bfd_profile: optional_name(&peer.bfd_profile).at("bfd_profile")?,
        dual_family: peer.dual_family,
    })
}

fn remote_as(found: Option<WireRemoteAs>) -> Result<RemoteAs, WireError> {
    match read::required(found)? {
        WireRemoteAs::Number(number) => Ok(RemoteAs::Number(number)),
        WireRemoteAs::Unnumbered(number) => match v1::Unnumbered::try_from(number) {
            Ok(v1::Unnumbered::External) => Ok(RemoteAs::External),
            Ok(v1::Unnumbered::Internal) => Ok(RemoteAs::Internal),
            Ok(v1::Unnumbered::Unspecified) => Err(WireError::new("is missing")),
            Err(_) => Err(read::unknown(number)),
        },
    }
}

fn advertisement_wire(advertisement: &Advertisement) -> v1::Advertisement {
    v1::Advertisement {
        name: advertisement.name.clone(),
        pools: only(&advertisement.pools),
        forwarders: only(&advertisement.forwarders),
        peers: only(&advertisement.peers),
        aggregation_v4: advertisement.aggregation_v4.into(),
        aggregation_v6: advertisement.aggregation_v6.into(),
        local_pref: advertisement.local_pref,
        communities: advertisement.communities.iter().map(|community| community.0).collect(),
        extended_communities: advertisement
            .extended_communities
            .iter()
            .map(|community| community.0)
            .collect(),
        large_communities: advertisement
            .large_communities
            .iter()
            .flat_map(|LargeCommunity(a, b, c)| [*a, *b, *c])
            .collect(),
    }
}

fn advertisement(advertisement: &v1::Advertisement) -> Result<Advertisement, WireError> {
    let large = read::limited(&advertisement.large_communities, 3 * MAX_COMMUNITIES)
        .and_then(|all| match all.as_chunks() {
            (chunks, []) => Ok(chunks),
            _ => Err(WireError::new(format_args!("has {} numbers: each community has 3", all.len()))),
        })
        .at("large_communities")?;
    Ok(Advertisement {
        name: name(&advertisement.name).at("name")?,
        pools: scope(advertisement.pools.as_ref(), |name| Ok(PoolName::new(name)?)).at("pools")?,
        forwarders: scope(advertisement.forwarders.as_ref(), forwarder).at("forwarders")?,
        peers: scope(advertisement.peers.as_ref(), name).at("peers")?,
        aggregation_v4: length(advertisement.aggregation_v4, 32).at("aggregation_v4")?,
        aggregation_v6: length(advertisement.aggregation_v6, 128).at("aggregation_v6")?,
        local_pref: advertisement.local_pref,
        communities: read::limited(&advertisement.communities, MAX_COMMUNITIES)
            .at("communities")?
            .iter()
            .copied()
            .map(Community)
            .collect(),
        extended_communities: read::limited(&advertisement.extended_communities, MAX_COMMUNITIES)
            .at("extended_communities")?
            .iter()
            .copied()
            .map(ExtendedCommunity)
            .collect(),
        large_communities: large.iter().map(|[a, b, c]| LargeCommunity(*a, *b, *c)).collect(),
    })
}

fn length(number: u32, max: u8) -> Result<u8, WireError> {
    let length = read::narrow(number)?;
    if length <= max {
        Ok(length)
    } else {
        Err(WireError::new(format_args!("{length} is out of range: 0 to {max}")))
    }
}

fn profile_wire(profile: &BfdProfile) -> v1::BfdProfile {
    v1::BfdProfile {
        name: profile.name.clone(),
        receive_ns: read::nanoseconds(profile.receive),
        transmit_ns: read::nanoseconds(profile.transmit),
        multiplier: profile.multiplier.into(),
        echo_ns: profile.echo.map(read::nanoseconds),
        passive: profile.passive,
        minimum_ttl: profile.minimum_ttl.map(u32::from),
    }
}

fn profile(profile: &v1::BfdProfile) -> Result<BfdProfile, WireError> {
    Ok(BfdProfile {
        name: name(&profile.name).at("name")?,
        receive: read::duration(profile.receive_ns),
        transmit: read::duration(profile.transmit_ns),
        multiplier: read::narrow(profile.multiplier).at("multiplier")?,
        echo: profile.echo_ns.map(read::duration),
        passive: profile.passive,
        minimum_ttl: profile.minimum_ttl.map(read::narrow).transpose().at("minimum_ttl")?,
    })
}
