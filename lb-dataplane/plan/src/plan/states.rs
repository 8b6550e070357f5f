//! What each backend may be sent.

use std::collections::HashMap;

use guideway_abi::{BackendStates, STATES_PER_ELEMENT, backend_state};
use guideway_packet::Address;

use super::backends::Backends;
use super::resolve::Resolved;
use crate::{BackendIndex, Desired, Installed, Member};

/// Health of the backends that are members of no set any more.
pub(super) struct Leaving(HashMap<[u8; 16], bool>);

impl Leaving {
    pub(super) fn new(desired: &Desired) -> Self {
        let health = |member: &Member| (Address::from(member.address).to_bytes(), member.healthy);
        Self(desired.leaving.iter().map(health).collect())
    }

    /// Of which nobody says that they are unhealthy.
    pub(super) fn is_alive(&self, address: &[u8; 16]) -> bool {
        self.0.get(address).copied().unwrap_or(true)
    }
}

/// The state of a backend.
pub(crate) fn state_of(states: &[BackendStates], index: u16) -> u8 {
    let per_element = STATES_PER_ELEMENT as usize;
    let element = states.get(usize::from(index) / per_element);
    element.map_or(backend_state::DEAD, |element| element.states[usize::from(index) % per_element])
}

/// The states of all members, and of `leaving`. A backend of several sets has the best state that any of them gives it.
pub(super) fn states(
    resolved: &Resolved,
    backends: &Backends,
    leaving: impl Iterator<Item = (BackendIndex, bool)>,
    installed: &Installed,
) -> Vec<BackendStates> {
    let mut states = vec![BackendStates::default(); installed.capacities.state_elements() as usize];
    let mut raise = |index: BackendIndex, state: u8| {
        let per_element = STATES_PER_ELEMENT as usize;
        if let Some(element) = states.get_mut(usize::from(index.0) / per_element) {
            let place = &mut element.states[usize::from(index.0) % per_element];
            *place = state.max(*place);
        }
    };
    for (index, is_alive) in leaving {
        raise(index, if is_alive { backend_state::DRAINING } else { backend_state::DEAD });
    }
    for ((set, members), upcoming) in resolved.sets.iter().zip(&backends.of_sets).zip(&backends.upcoming) {
        for (member, index) in set.set.members.iter().zip(&**members) {
            raise(
                *index,
                match (member.healthy, member.weight.0) {
                    (false, _) => backend_state::DEAD,
                    (true, 0) => backend_state::DRAINING,
                    (true, _) => backend_state::SERVING,
                },
            );
        }
        // Packets may be for them already, but no new flows.
        for (member, index) in set.set.upcoming_members().iter().zip(&**upcoming) {
            raise(*index, if member.healthy { backend_state::DRAINING } else { backend_state::DEAD });
        }
    }
    states
}
