use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum BgpCommand {
    /// Every peer with the state of its session, and drains.
    Peers,
    /// The prefixes that are to be announced: in which state, and to whom they are.
    Routes,
    /// What a peer announces to this speaker.
    ///
    /// The speaker uses none of it; it is kept to be looked at, up to the peer's prefix limit. Exits with 1 when there is
    /// no such peer.
    AdjRibIn {
        /// A peer's name or address, as `lbctl bgp peers` shows it.
        peer: String,
        /// Only this prefix, or what holds this address.
        prefix: Option<String>,
    },
    /// What a peer was told, with every attribute.
    ///
    /// Exits with 1 when there is no such peer.
    AdjRibOut {
        /// A peer's name or address, as `lbctl bgp peers` shows it.
        peer: String,
        /// Only this prefix, or what holds this address.
        prefix: Option<String>,
    },
    /// Why a VIP is or is not announced: to each peer, since when, with which attributes and by which rule.
    ///
    /// Exits with 1 when it is announced to no peer.
    #[command(after_help = "Example:\n  lbctl bgp explain 203.0.113.10")]
    Explain {
        /// An address, or a prefix in CIDR notation.
        #[arg(value_name = "VIP|ADDRESS")]
        target: String,
    },
    /// What became of the sessions with a peer, latest last, with reasons.
    ///
    /// Exits with 1 when there is no such peer.
    History {
        /// A peer's name or address, as `lbctl bgp peers` shows it.
        peer: String,
    },
    /// Move traffic to other forwarders and then withdraw: the whole node, or one VIP.
    ///
    /// Routers are told with the graceful-shutdown community (RFC 8326) that these paths are the last to choose. When few
    /// enough flows are left, or --timeout is over, the routes are withdrawn; after a drain of the whole node the sessions
    /// end with a Cease that carries the reason. The drain lasts, also over a restart of the speaker, until `lbctl bgp
    /// undrain`. It goes on when this command is interrupted.
    ///
    /// Is this the last forwarder of a VIP, the drain is undone and refused, unless --force is given. The evidence: within
    /// a few seconds at least one router must show a path for the VIP that is not of this forwarder. A router shows one
    /// only when it prefers it and announces it back to this speaker, which routers do as long as their policy lets them
    /// export to the speaker; where they do not, use --force.
    ///
    /// Flows are counted by lb-dataplane for all VIPs together; one that cannot count is said to, and only the time
    /// decides. With -o json each step is one line. Exits with 1 when the drain is refused.
    #[command(after_help = "Examples:
  lbctl bgp drain --below 10 --timeout 5m --reason 'kernel update'
  lbctl bgp drain --vip 203.0.113.10/32
  lbctl bgp undrain")]
    Drain(DrainArgs),
    /// Announce again what a drain withdrew.
    ///
    /// Exits with 1 when there is no such drain.
    Undrain {
        /// The VIP of the drain; the whole node when it is left out.
        #[arg(long, value_name = "PREFIX")]
        vip: Option<String>,
    },
    /// End the session with a peer so that it begins again; with --soft only exchange all routes again.
    ///
    /// Exits with 1 when there is no such peer.
    Reset {
        /// A peer's name or address, as `lbctl bgp peers` shows it.
        peer: String,
        /// Keep the session: send all routes again, and ask for the peer's (RFC 2918).
        #[arg(long)]
        soft: bool,
        /// What the peer is told (RFC 9003).
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Only this VIP; the whole node when it is left out.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) vip: Option<String>,
    /// Withdraw as soon as fewer flows than this are left.
    #[arg(long, value_name = "FLOWS")]
    pub(crate) below: Option<u64>,
    /// Go on although this may be the last forwarder of a VIP.
    #[arg(long)]
    pub(crate) force: bool,
    /// Told to the routers at the end, and shown by `lbctl bgp peers`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}
