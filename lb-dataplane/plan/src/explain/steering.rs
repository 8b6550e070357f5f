//! How a VIP's flow finds its backend.

use std::net::IpAddr;

use guideway_abi::{NO_REGION, UNSETTLED, VipRecord, backend_state, set_flags, vip_mode};
use guideway_packet::decide::{Candidates, Decision, Doubt, Kind, Mode, asks_the_table, decide};
use guideway_packet::{Address, Addresses, flow_hash, flow_tag, outer_source_v4, outer_source_v6, slot};

use super::{Candidate, Encapsulation, EntryPlace, ExplainError, FiveTuple, Reason, Steering};
use crate::cache::{TableCache, Wanted};
use crate::digest::{identity, vip_identity};
use crate::installed::InstalledSet;
use crate::key::{Match, address};
use crate::layers::{Layer, LayerKey};
use crate::plan::state_of;
use crate::{BackendIndex, BackendSet, Desired, Installed, Protocol, SetEncapsulation};

/// A flow, its VIP and what is installed.
struct Subject<'a> {
    installed: &'a Installed,
    set: &'a BackendSet,
    hash: u32,
}

pub(super) fn steering(
    desired: &Desired,
    installed: &Installed,
    flow: &FiveTuple,
    addresses: &Addresses,
    (vip, key): (usize, &Match),
) -> Result<Steering, ExplainError> {
    let name = &desired.vips[vip].set;
    let position = desired.sets.iter().position(|set| set.name == *name);
    let place = position.ok_or_else(|| ExplainError::UnknownSet { set: name.clone() })?;
    let set = &desired.sets[place];
    let (record, there) = installed_vip(installed, vip_identity(key))
        .ok_or_else(|| ExplainError::NotInstalled { vip: desired.vips[vip].name.clone() })?;

    let header = &installed.header;
    let ports = u32::from(flow.source.port().to_be()) | u32::from(flow.destination.port().to_be()) << 16;
    let protocol = flow.protocol.number();
    let hash = flow_hash(&header.flow_key, addresses, ports);
    // By the client alone, when the VIP says so.
    let by = if record.mode == vip_mode::CLIENT_IP { (0, 0) } else { (ports, protocol) };
    let slot_by = |key, size| slot(flow_hash(key, addresses, by.0), size);
    let at = slot_by(&header.flow_key, set.table_size.get());
    let slot_in = |layer: &Layer| {
        let key = match layer.key {
            LayerKey::Present => &header.flow_key,
            LayerKey::Earlier => &header.previous_flow_key,
        };
        slot_by(key, u32::try_from(layer.slots.len()).unwrap_or(u32::MAX)) as usize
    };

    let mode = match record.mode {
        vip_mode::STICKY => Mode::Sticky,
        vip_mode::CLIENT_IP => Mode::ClientIp,
        _ => Mode::Plain,
    };
    let subject = Subject { installed, set, hash };
    let candidates = candidates(installed, there, at as usize, slot_in);
    let doubt = doubt(there, &record, at as usize);
    let (first, later) = match flow.protocol {
        Protocol::Tcp => (Kind::Syn, Kind::Established),
        Protocol::Udp => (Kind::Datagram, Kind::Datagram),
    };
    let asks = asks_the_table(mode, doubt, first) && record.flow_base != NO_REGION;
    let packet = |kind| {
        let candidates = candidates.as_ref()?;
        Some(subject.encapsulation(&decide(mode, doubt, kind, candidates, None)))
    };
    Ok(Steering {
        vip,
        set: place,
        flow_hash: hash,
        slot: at,
        preferred: preferred(desired, set, at)?,
        reason: match (mode, doubt, flow.protocol) {
            (Mode::Sticky | Mode::ClientIp, ..) => Reason::Tracked,
            (_, Doubt::Settled, _) => Reason::Settled,
            (_, Doubt::Nothing, _) | (_, _, Protocol::Udp) => Reason::Unsettled,
            (_, Doubt::SecondHop, _) => Reason::UnsettledSecondHop,
            (_, Doubt::Entries, _) => Reason::UnsettledEntries,
        },
        candidates: candidates.as_ref().map(|candidates| subject.list(candidates)).unwrap_or_default(),
        entry: asks.then(|| entry(&record, flow_tag(header.tag_key, addresses, by.0, by.1))),
        first_packet: packet(first),
        later_packet: packet(later),
    })
}

/// A VIP's record and its set.
fn installed_vip(installed: &Installed, identity: u64) -> Option<(VipRecord, &InstalledSet)> {
    let record = *installed.vips.records.iter().find(|record| record.identity == identity)?;
    Some((record, installed.sets.get(usize::from(record.set))?.as_ref()?))
}

fn candidates(
    installed: &Installed,
    set: &InstalledSet,
    slot: usize,
    slot_in: impl Fn(&Layer) -> usize,
) -> Option<Candidates> {
    let is_alive = |backend| state_of(&installed.states, backend) != backend_state::DEAD;
    let [current, previous @ ..] = set.layers.as_ref()?.candidates(slot, slot_in, is_alive);
    Some(Candidates { current, previous })
}

fn doubt(set: &InstalledSet, vip: &VipRecord, slot: usize) -> Doubt {
    let is_unsettled = set.layers.as_ref().is_some_and(|layers| layers.current[slot] & UNSETTLED != 0);
    match (is_unsettled, set.record.flags & set_flags::SECOND_HOP != 0, vip.flow_base != NO_REGION) {
        (false, ..) => Doubt::Settled,
        (true, true, _) => Doubt::SecondHop,
        (true, false, true) => Doubt::Entries,
        (true, false, false) => Doubt::Nothing,
    }
}

#[allow(clippy::cast_possible_truncation)] // the lower half is meant
fn entry(vip: &VipRecord, tag: u64) -> EntryPlace {
    EntryPlace { bucket: vip.flow_base + (tag as u32 & vip.flow_mask), tag }
}

/// The slot's owner when all are healthy.
fn preferred(desired: &Desired, set: &BackendSet, slot: u32) -> Result<Option<usize>, ExplainError> {
    let wanted = Wanted { seed: &desired.seed, set: &set.name, size: set.table_size, members: &set.members };
    let tables =
        TableCache::new().filled(vec![wanted]).map_err(|(set, source)| ExplainError::Set { set, source })?;
    Ok(tables.first().and_then(|table| table.preferred(slot)))
}

impl Subject<'_> {
    fn address(&self, backend: u16) -> IpAddr {
        let record = self.installed.backends.get(usize::from(backend));
        address(record.map(|record| record.address).unwrap_or_default())
    }

    fn member(&self, backend: u16) -> Option<usize> {
        let record = self.installed.backends.get(usize::from(backend))?;
        self.set.members.iter().position(|member| identity(&member.name, member.address) == record.identity)
    }

    fn list(&self, candidates: &Candidates) -> Vec<Candidate> {
        std::iter::once(candidates.current)
            .chain(candidates.previous)
            .filter(|&backend| backend != 0)
            .map(|backend| Candidate {
                backend: BackendIndex(backend),
                address: self.address(backend),
                member: self.member(backend),
            })
            .collect()
    }

    fn encapsulation(&self, decision: &Decision) -> Encapsulation {
        let destination = self.address(decision.backend);
        let header = &self.installed.header;
        let outer_source = match destination {
            IpAddr::V4(_) => {
                let (prefix, mask) = (header.outer_source_v4_be, header.outer_source_v4_host_mask_be);
                outer_source_v4(prefix, mask, self.hash).to_ne_bytes().into()
            }
            IpAddr::V6(_) => {
                let prefix = Address::from_bytes(header.outer_source_v6).words();
                let mask = header.outer_source_v6_host_mask_be;
                let source = outer_source_v6(prefix, mask, self.hash);
                Address::from_words(source).to_bytes().into()
            }
        };
        let hops: Vec<IpAddr> =
            decision.hops.into_iter().filter(|&hop| hop != 0).map(|hop| self.address(hop)).collect();
        Encapsulation {
            backend: BackendIndex(decision.backend),
            member: self.member(decision.backend),
            encapsulation: if hops.is_empty() { self.set.encapsulation } else { SetEncapsulation::Gue },
            outer_source,
            outer_destination: destination,
            hops,
        }
    }
}
