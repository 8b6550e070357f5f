//! What new settings mean for a connection.

use super::{Link, Phase};
use crate::config::{Change, Config};
use crate::negotiate::negotiate;
use crate::offer::offer;

impl Link {
    /// Live when the own OPEN would be the same and agree to the same with the peer's.
    pub(super) fn set_config(&mut self, config: &Config) -> Change {
        let own = offer(config, self.flags);
        let same = match &self.phase {
            // The own OPEN is not sent yet.
            Phase::Listening | Phase::Parked(_) => true,
            Phase::OpenSent(sent) => *sent == own,
            Phase::OpenConfirm(agreed, _) | Phase::Established(agreed, _) => {
                // The own OPEN is part of what was agreed on.
                negotiate(config, &own, &agreed.received).as_ref() == Ok(&agreed.negotiated)
            }
        };
        if same {
            self.config = config.clone();
            Change::Live
        } else {
            Change::NeedsReset
        }
    }
}
