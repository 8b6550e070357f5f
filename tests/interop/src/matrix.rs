//! Which feature works with which daemon.

mod sides;
mod table;

use guideway_lab::router::Kind;

pub use sides::{announced_by_daemon, sides};
pub use table::{MARKS, markdown};

/// A row of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A session over IPv4 that carries both families.
    V4,
    /// A session over IPv6 that carries both families.
    V6,
    /// IPv4 routes with IPv6 next hops over an IPv6 session (RFC 8950).
    V4OverV6,
    /// A session between link-local addresses, IPv4 routes with IPv6 next hops.
    LinkLocal,
    /// TCP-MD5 (RFC 2385).
    Md5,
    /// GTSM (RFC 5082) at both ends.
    Gtsm,
    /// The daemon takes whoever connects from a prefix.
    DynamicThere,
    /// The speaker takes whoever connects from a prefix.
    DynamicHere,
    /// Both dial at the same moment and the speaker's identifier is the higher one: its connection stays.
    CollisionOurs,
    /// Both dial at the same moment and the daemon's identifier is the higher one: its connection stays.
    CollisionTheirs,
    /// The daemon asks for everything again (RFC 2918, RFC 7313).
    Refresh,
    /// The speaker is killed and started again, and the daemon keeps its routes meanwhile (RFC 4724).
    GracefulRestart,
}

impl Feature {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::V4,
        Self::V6,
        Self::V4OverV6,
        Self::LinkLocal,
        Self::Md5,
        Self::Gtsm,
        Self::DynamicThere,
        Self::DynamicHere,
        Self::CollisionOurs,
        Self::CollisionTheirs,
        Self::Refresh,
        Self::GracefulRestart,
    ];

    /// Its name in the table.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::V4 => "IPv4 session, both families",
            Self::V6 => "IPv6 session, both families",
            Self::V4OverV6 => "IPv4 routes over IPv6 next hops (RFC 8950)",
            Self::LinkLocal => "link-local session, RFC 8950",
            Self::Md5 => "TCP-MD5",
            Self::Gtsm => "GTSM at both ends",
            Self::DynamicThere => "dynamic neighbours, at the daemon",
            Self::DynamicHere => "dynamic neighbours, at the speaker",
            Self::CollisionOurs => "collision, the speaker's connection stays",
            Self::CollisionTheirs => "collision, the daemon's connection stays",
            Self::Refresh => "route refresh",
            Self::GracefulRestart => "graceful restart of the speaker",
        }
    }
}

/// A cell of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It works, which a test of this name proves in every run.
    Works,
    /// The daemon does something else, for this reason, and the test proves what can be had with it.
    Instead {
        /// Why it is not what the row says.
        because: &'static str,
        /// What is proved.
        proved: &'static str,
    },
    /// The daemon cannot, for this reason; there is nothing to prove.
    Cannot(&'static str),
}

const NO_COLLISION: Cell = Cell::Instead {
    because: "it holds one connection with a neighbour at a time and closes the other one before an OPEN, so that \
              identifiers are never compared",
    proved: "both dial at the same moment, one session stands and stays",
};

const COLLISION_BY_CHANCE: Cell = Cell::Instead {
    because: "4.2 compares identifiers only when it has the OPEN on its own connection already; before, it gives that \
              connection up for any that comes in",
    proved: "both dial at the same moment, one session stands and stays",
};

/// The table.
#[must_use]
pub fn cell(kind: Kind, feature: Feature) -> Cell {
    match (kind, feature) {
        (Kind::GoBgp | Kind::OpenBgpd, Feature::CollisionOurs | Feature::CollisionTheirs) => NO_COLLISION,
        (Kind::ExaBgp, Feature::CollisionOurs | Feature::CollisionTheirs) => COLLISION_BY_CHANCE,
        (Kind::GoBgp, Feature::Refresh) => Cell::Instead {
            because: "3.10 never sends a ROUTE-REFRESH: it keeps every path that it has heard",
            proved: "it answers the speaker's",
        },
        (Kind::OpenBgpd, Feature::Refresh) => Cell::Instead {
            because: "7.7 asks, but does not answer (BIRD's requests neither)",
            proved: "the speaker answers it",
        },
        (Kind::OpenBgpd, Feature::V4OverV6 | Feature::LinkLocal) => {
            Cell::Cannot("7.7 has no RFC 8950: it neither offers nor takes IPv6 next hops of IPv4 routes")
        }
        (Kind::ExaBgp, Feature::LinkLocal) => Cell::Cannot(
            "4.2 takes no interface beside a link-local address, and so can neither dial nor listen on one",
        ),
        (Kind::ExaBgp, Feature::GracefulRestart) => Cell::Instead {
            because: "it keeps no table, so there is nothing that it could keep while the speaker is away",
            proved: "the new OPEN says that the speaker restarted and that it went on forwarding",
        },
        _ => Cell::Works,
    }
}
