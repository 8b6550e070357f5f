//! What people are told.

use guideway_controller_core::{Disruption, ForwarderName, Generation, Term};

use crate::record::Stamp;

/// Something that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This controller leads from now on.
    Leads(Term),
    /// It does not any more.
    LeadsNoMore,
    /// The record cannot be read or written, for this reason; it is tried again.
    StoreFault(String),
    /// A generation is being prepared on this many forwarders.
    Proposed(Stamp, usize),
    /// It waits for an operator.
    Held(Stamp, Disruption),
    /// It is committed: forwarders install it from now on.
    Committed(Stamp),
    /// All forwarders that are connected and not behind serve it.
    Done(Stamp),
    /// It will not be committed.
    Aborted(Stamp, Aborted),
    /// A forwarder is told to withdraw its VIPs, because it does not have this generation.
    Fenced(ForwarderName, Generation),
    /// It serves what is committed.
    CaughtUp(ForwarderName, Stamp),
    /// It cannot serve what is committed, for these reasons.
    Incapable(ForwarderName, Stamp, Vec<String>),
    /// An operator's wish cannot be fulfilled, for this reason.
    Declined(String),
}

impl Notice {
    /// Whether somebody has to do something, or things stay as they are.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        match self {
            Self::StoreFault(_) | Self::Incapable(..) => true,
            Self::Aborted(_, why) => why.is_trouble(),
            _ => false,
        }
    }
}

/// Why a generation is not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aborted {
    /// A forwarder refused it, for these reasons.
    Refused(ForwarderName, Vec<String>),
    /// Fewer than half of the forwarders could prepare it in time: this many of these.
    TooFew(usize, usize),
    /// Something else is wanted meanwhile.
    Superseded,
}

impl Aborted {
    /// Whether changes wait until forwarders, or what is wanted of them, are other ones.
    #[must_use]
    pub const fn is_trouble(&self) -> bool {
        match self {
            Self::Refused(..) | Self::TooFew(..) => true,
            Self::Superseded => false,
        }
    }
}
