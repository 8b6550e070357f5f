//! Whoever joins knows what sets were before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use guideway_controller_core::message::PastSet;
use guideway_controller_core::{Generation, Term};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::coordinator::Role;

use super::World;
use crate::check::Violation;
use crate::scenario::{Links, WITNESS, witness};

/// At least so many earlier states of a set are told.
const TOLD: usize = 4;

/// What leaders committed while they led: by controller, process and term.
pub(super) type Reigns = BTreeMap<(usize, u64, Term), Vec<(Generation, IpAddr)>>;

/// What a forwarder's process was told.
#[derive(Debug, Default)]
pub(super) struct KnownPast {
    /// It has found nothing to serve, and installed nothing.
    is_new: bool,
    told: BTreeSet<IpAddr>,
}

impl KnownPast {
    pub(super) fn new(is_new: bool) -> Self {
        Self { is_new, told: BTreeSet::new() }
    }

    pub(super) fn is_told(&mut self, sets: &[PastSet]) {
        self.told.extend(sets.iter().filter_map(|past| witness(&past.set)));
    }
}

impl World {
    pub(super) fn has_committed(&mut self, controller: usize, stamp: Stamp) {
        let process = &self.controllers[controller];
        let (Role::Leading(term), Some(machine)) = (process.role(), process.machine()) else { return };
        let set = machine.content(stamp.generation).and_then(|content| content.sets().get(WITNESS));
        if let Some(address) = set.and_then(|set| witness(set)) {
            let reign = self.reigns.entry((controller, process.epoch, term)).or_default();
            reign.push((stamp.generation, address));
        }
    }

    /// What a forwarder installs first was preceded by what it was told, as far as its leader has seen that. Where single
    /// messages are lost nobody promises it.
    pub(super) fn knows_the_past(&mut self, number: usize, stamp: Stamp) -> Result<(), Violation> {
        let forwarder = &mut self.forwarders[number];
        let is_new = std::mem::take(&mut forwarder.past.is_new);
        if !is_new || self.scenario.links == Links::Datagrams {
            return Ok(());
        }
        let forwarder = &self.forwarders[number];
        let Some(machine) = forwarder.machine() else { return Ok(()) };
        let connection = machine.connection().and_then(|connection| self.connections.get(&connection));
        let Some(connection) = connection else { return Ok(()) };
        let reign = (connection.controller, connection.controller_epoch, machine.kept().highest_term);
        let Some(reign) = self.reigns.get(&reign) else { return Ok(()) };
        let Some(at) = reign.iter().position(|(generation, _)| *generation == stamp.generation) else {
            return Ok(());
        };
        let replaced = reign[..=at].windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| pair[0].1);
        let replaced: Vec<IpAddr> = replaced.collect();
        let missing = replaced.iter().rev().take(TOLD).find(|was| !forwarder.past.told.contains(was));
        match missing {
            Some(was) => Err(Violation::NotTold { forwarder: number, stamp, was: *was }),
            None => Ok(()),
        }
    }
}
