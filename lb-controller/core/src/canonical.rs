//! The bytes that stand for an item in the digest.
//!
//! Every field is written, in one order. Numbers are big endian and have a fixed width, texts and lists are preceded by
//! their length (`u32`), what is optional by a byte, and each item begins with the byte of its kind, so that no two items
//! have the same bytes. A changed encoding needs another [`FORMAT`]: forwarders and controllers of different versions then
//! see different digests rather than the same one for different things.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use guideway_dataplane_config::{
    Affinity, BackendSet, EncapsulationKind, HealthCheck, Ports, Probe, Protocol, Seed,
};
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use crate::routing::{Advertisement, BfdProfile, Peer, RemoteAs, Routing, Scope};
use crate::{Digest, Pool, Shard, Vip};

/// Changes with the encoding.
const FORMAT: u8 = 1;
/// Nearly all items are shorter than this many bytes.
const MOST: usize = 512;

/// What has a place in the digest.
pub(crate) trait Canonical {
    /// Writes every field.
    fn write(&self, out: &mut Bytes);
}

/// The bytes of `item`.
pub(crate) fn bytes(item: &impl Canonical) -> Vec<u8> {
    let mut out = Bytes(Vec::with_capacity(MOST));
    out.byte(FORMAT);
    item.write(&mut out);
    out.0
}

/// What `item` adds to the digest.
pub(crate) fn digest(seed: &Seed, item: &impl Canonical) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(seed.bytes());
    hasher.update(bytes(item));
    Digest::from_bytes(hasher.finalize().into())
}

/// Bytes that are written one after the other.
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn boolean(&mut self, value: bool) {
        self.byte(value.into());
    }

    fn short(&mut self, number: u16) {
        self.0.extend(number.to_be_bytes());
    }

    fn number(&mut self, number: u32) {
        self.0.extend(number.to_be_bytes());
    }

    fn length(&mut self, length: usize) {
        self.number(u32::try_from(length).unwrap_or(u32::MAX));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => {
                self.byte(4);
                self.0.extend(v4.octets());
            }
            IpAddr::V6(v6) => {
                self.byte(6);
                self.0.extend(v6.octets());
            }
        }
    }

    fn net(&mut self, net: IpNet) {
        self.address(net.addr());
        self.byte(net.prefix_len());
    }

    /// Nanoseconds.
    fn duration(&mut self, duration: Duration) {
        self.0.extend(duration.as_nanos().to_be_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.boolean(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.length(items.len());
        items.for_each(|item| write(self, item));
    }

    fn names<T: AsText>(&mut self, names: &BTreeSet<T>) {
        self.list(names.iter(), |out, name| out.text(name.text()));
    }

    fn scope<T: AsText + Ord>(&mut self, scope: &Scope<T>) {
        let only = match scope {
            Scope::All => None,
            Scope::Only(names) => Some(names),
        };
        self.optional(only, Self::names);
    }
}

trait AsText {
    fn text(&self) -> &str;
}

impl AsText for String {
    fn text(&self) -> &str {
        self
    }
}

impl AsText for crate::ForwarderName {
    fn text(&self) -> &str {
        self.as_str()
    }
}

impl AsText for crate::PoolName {
    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Canonical for BackendSet {
    fn write(&self, out: &mut Bytes) {
        out.byte(b'S');
        out.text(&self.name);
        out.number(self.table_size.slots());
        out.byte(match self.encapsulation {
            EncapsulationKind::IpIp => 0,
            EncapsulationKind::Gue => 1,
            EncapsulationKind::Gre => 2,
            EncapsulationKind::L2 => 3,
        });
        out.boolean(self.second_hop);
        out.duration(self.drain_window);
        out.optional(self.health_check.as_ref(), |out, check| check.write(out));
        out.list(self.backends.iter(), |out, backend| {
            out.text(&backend.name);
            out.address(backend.address);
            out.short(backend.weight);
        });
    }
}

impl Canonical for HealthCheck {
    fn write(&self, out: &mut Bytes) {
        match &self.probe {
            Probe::Tcp => out.byte(0),
            Probe::Http { path, host, expect } => {
                out.byte(1);
                out.text(path);
                out.optional(host.as_deref(), Bytes::text);
                out.short(*expect.start());
                out.short(*expect.end());
            }
        }
        out.short(self.port.get());
        out.duration(self.interval);
        out.duration(self.timeout);
        out.byte(self.rise.get());
        out.byte(self.fall.get());
    }
}

impl Canonical for Vip {
    fn write(&self, out: &mut Bytes) {
        out.byte(b'V');
        out.text(self.name.as_str());
        out.net(self.address);
        match self.ports {
            Ports::One(port) => {
                out.byte(0);
                out.short(port);
            }
            Ports::Range(first, last) => {
                out.byte(1);
                out.short(first);
                out.short(last);
            }
            Ports::Any => out.byte(2),
        }
        out.byte(match self.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
        });
        out.text(self.set.as_str());
        match self.affinity {
            Affinity::None => out.byte(0),
            Affinity::Flow { timeout } => {
                out.byte(1);
                out.duration(timeout);
            }
            Affinity::ClientIp { timeout } => {
                out.byte(2);
                out.duration(timeout);
            }
        }
        out.optional(self.flow_entries, Bytes::number);
        out.list(self.sources.iter(), |out, net| out.net(*net));
        out.text(self.shard.as_str());
        out.boolean(self.advertise.bgp);
        out.optional(self.advertise.l2.as_ref(), |out, l2| {
            out.optional(l2.owner.as_ref(), |out, owner| out.text(owner.as_str()));
            out.list(l2.interfaces.iter(), |out, interface| out.text(interface));
        });
        out.text(&self.owner);
    }
}

impl Canonical for Pool {
    fn write(&self, out: &mut Bytes) {
        out.byte(b'P');
        out.text(self.name.as_str());
        out.list(self.prefixes.iter(), |out, net| out.net(*net));
    }
}

impl Canonical for Shard {
    fn write(&self, out: &mut Bytes) {
        out.byte(b'H');
        out.text(self.name.as_str());
        out.names(&self.members);
        out.names(&self.leaving);
        out.optional(self.zone.as_deref(), Bytes::text);
    }
}

impl Canonical for Routing {
    fn write(&self, out: &mut Bytes) {
        out.byte(b'R');
        out.list(self.peers.iter(), |out, peer| peer.write(out));
        out.list(self.advertisements.iter(), |out, advertisement| advertisement.write(out));
        out.list(self.bfd_profiles.iter(), |out, profile| profile.write(out));
    }
}

impl Canonical for Peer {
    fn write(&self, out: &mut Bytes) {
        out.text(&self.name);
        out.scope(&self.forwarders);
        out.optional(self.address, Bytes::address);
        out.optional(self.interface.as_deref(), Bytes::text);
        match self.remote_as {
            RemoteAs::Number(number) => {
                out.byte(0);
                out.number(number);
            }
            RemoteAs::External => out.byte(1),
            RemoteAs::Internal => out.byte(2),
        }
        out.number(self.local_as);
        out.optional(self.router_id, |out, id| out.number(id.into()));
        out.short(self.port);
        out.optional(self.local_address, Bytes::address);
        out.optional(self.hold_time, Bytes::duration);
        out.optional(self.connect_retry, Bytes::duration);
        out.optional(self.password.as_deref(), Bytes::text);
        out.optional(self.multihop, Bytes::byte);
        out.optional(self.graceful_restart, Bytes::duration);
        out.optional(self.bfd_profile.as_deref(), Bytes::text);
        out.boolean(self.dual_family);
    }
}

impl Canonical for Advertisement {
    fn write(&self, out: &mut Bytes) {
        out.text(&self.name);
        out.scope(&self.pools);
        out.scope(&self.forwarders);
        out.scope(&self.peers);
        out.byte(self.aggregation_v4);
        out.byte(self.aggregation_v6);
        out.optional(self.local_pref, Bytes::number);
        out.list(self.communities.iter(), |out, community| out.number(community.0));
        out.list(self.extended_communities.iter(), |out, community| out.0.extend(community.0.to_be_bytes()));
        out.list(self.large_communities.iter(), |out, community| {
            [community.0, community.1, community.2].into_iter().for_each(|number| out.number(number));
        });
    }
}

impl Canonical for BfdProfile {
    fn write(&self, out: &mut Bytes) {
        out.text(&self.name);
        out.duration(self.receive);
        out.duration(self.transmit);
        out.byte(self.multiplier);
        out.optional(self.echo, Bytes::duration);
        out.boolean(self.passive);
        out.optional(self.minimum_ttl, Bytes::byte);
    }
}

#[cfg(test)]
mod tests;
