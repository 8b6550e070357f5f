//! What a client wants of a session.

use std::net::IpAddr;
use std::time::Duration;

use guideway_bfd::Authentication;
use guideway_bfd::auth::Kind;
use guideway_bgp_admin::bfd::v1;

/// A session. It is told from others by `local`, `remote`, `interface` and `multihop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Own address; `None`: what the kernel chooses.
    pub local: Option<IpAddr>,
    /// The peer.
    pub remote: IpAddr,
    /// Where the peer is; needed when `remote` is link-local.
    pub interface: Option<String>,
    /// Over routers (RFC 5883) rather than on a link (RFC 5881).
    pub multihop: bool,
    /// How often this side wants to send.
    pub desired_min_tx: Duration,
    /// How often at most the peer may send.
    pub required_min_rx: Duration,
    /// After how many missing packets the peer takes this side for gone.
    pub detect_mult: u8,
    /// How packets are authenticated.
    pub authentication: Option<Authentication>,
    /// How often at most the peer may send echo packets for this side to return; `None`: not at all.
    pub echo_rx: Option<Duration>,
    /// How often this side sends echo packets if the peer returns them; `None`: never.
    pub echo_tx: Option<Duration>,
    /// The least TTL of a received packet when `multihop`; 0: any. Without `multihop` it is always 255.
    pub min_ttl: u8,
    /// The peer has to speak first: the Passive role of RFC 5880 section 6.1.
    pub passive: bool,
}

impl Spec {
    /// 300 ms times 3 in both directions, on a link, in the Active role, without authentication and echo.
    #[must_use]
    pub fn new(remote: IpAddr) -> Self {
        Self {
            local: None,
            remote,
            interface: None,
            multihop: false,
            desired_min_tx: Duration::from_millis(300),
            required_min_rx: Duration::from_millis(300),
            detect_mult: 3,
            authentication: None,
            echo_rx: None,
            echo_tx: None,
            min_ttl: 0,
            passive: false,
        }
    }

    pub(crate) fn to_proto(&self) -> v1::Spec {
        v1::Spec {
            local: self.local.map(|local| local.to_string()).unwrap_or_default(),
            remote: self.remote.to_string(),
            interface: self.interface.clone().unwrap_or_default(),
            multihop: self.multihop,
            desired_min_tx_us: micros(self.desired_min_tx),
            required_min_rx_us: micros(self.required_min_rx),
            detect_mult: u32::from(self.detect_mult),
            authentication: self.authentication.as_ref().map(authentication),
            required_min_echo_rx_us: self.echo_rx.map_or(0, micros),
            echo_tx_us: self.echo_tx.map_or(0, micros),
            min_ttl: u32::from(self.min_ttl),
            passive: self.passive,
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn authentication(authentication: &Authentication) -> v1::Authentication {
    let kind = match authentication.kind() {
        Kind::Simple => v1::authentication::Kind::Simple,
        Kind::KeyedMd5 => v1::authentication::Kind::KeyedMd5,
        Kind::MeticulousMd5 => v1::authentication::Kind::MeticulousMd5,
        Kind::KeyedSha1 => v1::authentication::Kind::KeyedSha1,
        Kind::MeticulousSha1 => v1::authentication::Kind::MeticulousSha1,
    };
    let key = |key: &guideway_bfd::auth::Key| v1::Key { id: key.id().into(), secret: key.secret().to_vec() };
    v1::Authentication { kind: kind.into(), keys: authentication.keys().iter().map(key).collect() }
}
