//! What an operator sets for one peer, as far as the session is concerned.

use std::net::Ipv4Addr;
use std::time::Duration;

use guideway_bgp_wire::{Families, Family, Role};

/// Settings of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Own AS number.
    pub local_as: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// The AS number that the peer must have.
    pub remote_as: RemoteAs,
    /// Proposed hold time.
    pub hold_time: HoldTime,
    /// How long an attempt to connect may take. Short, because a SYN that was lost is sent again by the kernel only after
    /// 1, 3, 7... seconds, while a new attempt begins with a new SYN.
    pub connect_timeout: Duration,
    /// The wait between attempts that nobody answers. A peer that answers and refuses is dialled less and less often: the
    /// wait doubles up to ten seconds, unless it is longer from the start.
    pub connect_retry: Duration,
    /// How long to wait for the peer's OPEN, and for the KEEPALIVE after it.
    pub open_time: Duration,
    /// Never dial, wait for the peer.
    pub passive: bool,
    /// Families to offer.
    pub families: Families,
    /// Offer IPv6 next hops for IPv4 routes (RFC 8950).
    pub extended_next_hop: bool,
    /// Families in which to send several paths (RFC 7911).
    pub add_path_send: Families,
    /// Families in which to receive several paths (RFC 7911).
    pub add_path_receive: Families,
    /// Own role towards the peer (RFC 9234); only external peers are told.
    pub role: Option<Role>,
    /// With a role: refuse an external peer that tells none (RFC 9234 section 4.2).
    pub strict_role: bool,
    /// Offer graceful restart (RFC 4724) with notifications (RFC 8538) for all families.
    pub graceful_restart: Option<GracefulRestart>,
    /// Offer long-lived graceful restart (RFC 9494) with this stale time, at most 16777215 s; only with `graceful_restart`.
    pub long_lived: Option<Duration>,
}

impl Config {
    /// The default of [`Config::connect_timeout`].
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
    /// The default of [`Config::connect_retry`].
    pub const CONNECT_RETRY: Duration = Duration::from_secs(1);
    /// The default of [`Config::open_time`]; RFC 4271 section 8.2.2 suggests four minutes, for which a peer that accepts
    /// and says nothing would not be dialled again.
    pub const OPEN_TIME: Duration = Duration::from_secs(30);

    /// Both families, default times, and nothing else.
    #[must_use]
    pub fn new(local_as: u32, router_id: Ipv4Addr, remote_as: RemoteAs) -> Self {
        Self {
            local_as,
            router_id,
            remote_as,
            hold_time: HoldTime::DEFAULT,
            connect_timeout: Self::CONNECT_TIMEOUT,
            connect_retry: Self::CONNECT_RETRY,
            open_time: Self::OPEN_TIME,
            passive: false,
            families: Family::ALL.into_iter().collect(),
            extended_next_hop: false,
            add_path_send: Families::NONE,
            add_path_receive: Families::NONE,
            role: None,
            strict_role: false,
            graceful_restart: None,
            long_lived: None,
        }
    }

    /// True when the peer is in another AS.
    #[must_use]
    pub fn is_external(&self) -> bool {
        match self.remote_as {
            RemoteAs::Is(asn) => asn != self.local_as,
            RemoteAs::External => true,
            RemoteAs::Internal => false,
        }
    }
}

/// Which AS number a peer must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemoteAs {
    /// This one.
    Is(u32),
    /// Any but the own one.
    External,
    /// The own one.
    Internal,
}

impl std::fmt::Display for RemoteAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Is(asn) => write!(f, "{asn}"),
            Self::External => f.write_str("external"),
            Self::Internal => f.write_str("internal"),
        }
    }
}

/// What is offered for graceful restart (RFC 4724).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GracefulRestart {
    /// How long the peer shall keep routes while it waits for the session: whole seconds, at most 4095.
    pub restart_time: Duration,
}

/// What the next OPENs say about this speaker's own restart (RFC 4724 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct RestartFlags {
    /// The R bit: this speaker has restarted, and the peer shall not wait for its End-of-RIB.
    pub restarting: bool,
    /// The F bits: the families in which packets were and are forwarded without a break.
    pub forwarding: Families,
}

/// A hold time that RFC 4271 section 4.2 allows: zero, or at least three seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldTime(u16);

impl HoldTime {
    /// 90 seconds (RFC 4271 section 10).
    pub const DEFAULT: Self = Self(90);

    /// `None` for one and two seconds.
    #[must_use]
    pub fn from_secs(seconds: u16) -> Option<Self> {
        (!matches!(seconds, 1 | 2)).then_some(Self(seconds))
    }

    /// The time in seconds.
    #[must_use]
    pub fn secs(self) -> u16 {
        self.0
    }
}

/// What a new configuration means for a session, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is the same.
    Nothing,
    /// It holds from now on; what was agreed with the peer is still true.
    Live,
    /// It holds from the next OPEN on; the session that stands was agreed on under the former one, and ends with
    /// [`crate::Stop::ConfigurationChange`].
    NeedsReset,
}
