//! What a coordinator shows.

use std::collections::BTreeMap;

use guideway_controller_core::message::{Cost, Standing};
use guideway_controller_core::{Digest, Disruption, ForwarderName, Generation, Term};

use super::Coordinator;
use super::notice::Aborted;
use crate::record::Stamp;

/// All that people may want to see, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether it leads.
    pub role: Role,
    /// What forwarders are to serve, as the record says.
    pub committed: Option<Stamp>,
    /// Whether the content of that is at hand, or a forwarder that is connected has it and is asked for it.
    pub is_forthcoming: bool,
    /// What is wanted.
    pub desired: Option<Digest>,
    /// Projections wait, because an operator went back to this generation.
    pub rolled_back_to: Option<Generation>,
    /// What is under way.
    pub rollout: Option<RolloutState>,
    /// What was not committed last, and why; until something is.
    pub aborted: Option<(Stamp, Aborted)>,
    /// Forwarders that have a connection, or had one a moment ago.
    pub forwarders: BTreeMap<ForwarderName, ForwarderState>,
}

/// Whether a controller leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It does not.
    #[default]
    Standby,
    /// It was elected, and has not written its term yet.
    Claiming,
    /// It does.
    Leading(Term),
}

/// A generation on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutState {
    /// Which one.
    pub stamp: Stamp,
    /// How far it is.
    pub phase: Phase,
    /// What it moves, by calculation.
    pub disruption: Disruption,
    /// The most that it costs a forwarder, as those say that have prepared it.
    pub cost: Cost,
    /// Forwarders that have not answered yet.
    pub waiting: Vec<ForwarderName>,
}

/// How far a generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Forwarders prepare it.
    Preparing,
    /// It is prepared, and waits for an operator.
    Held,
    /// The record is being written.
    Deciding,
    /// It is committed; forwarders install it.
    Installing,
}

/// A forwarder, as the leader knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwarderState {
    /// Whether it has a connection.
    pub connected: bool,
    /// What it said last that it has.
    pub standing: Standing,
    /// Whether it serves what is committed.
    pub current: bool,
    /// Why it cannot serve what is committed.
    pub incapable: Vec<String>,
}

impl Coordinator {
    /// What there is to see.
    #[must_use]
    pub fn state(&self) -> State {
        let committed = self.committed();
        State {
            role: self.office.role,
            committed,
            is_forthcoming: self.is_forthcoming(),
            desired: self.desired().map(guideway_controller_core::Content::digest),
            rolled_back_to: self.office.record.as_ref().and_then(|record| record.rolled_back_to),
            rollout: self.rollout_state(),
            aborted: self.last_aborted.clone(),
            forwarders: self
                .peers
                .iter()
                .map(|(name, peer)| {
                    let refusal = committed.and_then(|stamp| peer.has_refused(stamp.digest));
                    let state = ForwarderState {
                        connected: peer.connection.is_some(),
                        standing: peer.standing,
                        current: peer.is_current(committed),
                        incapable: refusal.map(|refusal| refusal.errors.clone()).unwrap_or_default(),
                    };
                    (name.clone(), state)
                })
                .collect(),
        }
    }

    /// Forwarders that count as having prepared what is under way.
    #[must_use]
    pub fn ready(&self) -> Vec<ForwarderName> {
        self.rollout.as_ref().map(|rollout| self.votes(rollout).0).unwrap_or_default()
    }

    fn rollout_state(&self) -> Option<RolloutState> {
        if let Some(rollout) = &self.rollout {
            let (_, waiting) = self.votes(rollout);
            return Some(RolloutState {
                stamp: rollout.stamp,
                phase: rollout.phase,
                disruption: rollout.disruption.clone(),
                cost: self.cost(rollout.stamp),
                waiting,
            });
        }
        let stamp = self.installing.as_ref()?.stamp;
        let waiting = self.peers.iter().filter(|(_, peer)| !peer.is_current(Some(stamp)));
        Some(RolloutState {
            stamp,
            phase: Phase::Installing,
            disruption: Disruption::default(),
            cost: Cost::default(),
            waiting: waiting.map(|(name, _)| name.clone()).collect(),
        })
    }
}
