//! Which packets are a session's (RFC 5881 sections 3 to 5, RFC 5883 sections 4 and 5).

use std::net::IpAddr;

use crate::packet::Discard;

/// The port of control packets on a link (RFC 5881 section 4).
pub const SINGLE_HOP_PORT: u16 = 3784;
/// The port of echo packets (RFC 5881 section 4).
pub const ECHO_PORT: u16 = 3785;
/// The port of control packets over routers (RFC 5883 section 5).
pub const MULTIHOP_PORT: u16 = 4784;
/// Source ports of control packets (RFC 5881 section 4).
pub const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// The way to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hops {
    /// On one link: packets come with a TTL of 255, or a router was between (RFC 5881 section 5).
    Single,
    /// Over routers: packets come with at least this TTL. The sender starts with 255.
    Multi {
        /// 0: any.
        min_ttl: u8,
    },
}

impl Hops {
    /// Where control packets are sent.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Single => SINGLE_HOP_PORT,
            Self::Multi { .. } => MULTIHOP_PORT,
        }
    }
}

/// Between whom a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// The peer.
    pub remote: IpAddr,
    /// Own address; `None`: any.
    pub local: Option<IpAddr>,
    /// Index of the interface; `None`: any.
    pub interface: Option<u32>,
    /// The way.
    pub hops: Hops,
}

/// What the kernel says about a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address.
    pub destination: IpAddr,
    /// Index of the interface that it came over.
    pub interface: u32,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// The port that it came to.
    pub port: u16,
}

impl Endpoint {
    /// Whether a packet that came so can be the session's. RFC 5880 section 6.3 finds the session by Your Discriminator
    /// alone; that the addresses fit too keeps those out who guess it.
    ///
    /// # Errors
    ///
    /// When it has to be discarded.
    pub fn admit(&self, arrival: &Arrival) -> Result<(), Discard> {
        let fits = arrival.source == self.remote
            && arrival.port == self.hops.port()
            && self.local.is_none_or(|local| local == arrival.destination)
            && self.interface.is_none_or(|interface| interface == arrival.interface);
        if !fits {
            return Err(Discard::Endpoint);
        }
        let least = match self.hops {
            Hops::Single => u8::MAX,
            Hops::Multi { min_ttl } => min_ttl,
        };
        if arrival.ttl < least {
            return Err(Discard::Ttl { ttl: arrival.ttl, least });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_is_admitted() {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let arrival = Arrival {
            source: address("fe80::1"),
            destination: address("fe80::2"),
            interface: 4,
            ttl: 255,
            port: SINGLE_HOP_PORT,
        };
        let any = Endpoint { remote: address("fe80::1"), local: None, interface: None, hops: Hops::Single };
        let exact = Endpoint { local: Some(address("fe80::2")), interface: Some(4), ..any };
        for endpoint in [any, exact] {
            assert_eq!(endpoint.admit(&arrival), Ok(()));
            let ttl = Arrival { ttl: 254, ..arrival };
            assert_eq!(endpoint.admit(&ttl), Err(Discard::Ttl { ttl: 254, least: 255 }));
            for other in [
                Arrival { source: address("fe80::3"), ..arrival },
                Arrival { port: MULTIHOP_PORT, ..arrival },
            ] {
                assert_eq!(endpoint.admit(&other), Err(Discard::Endpoint));
            }
        }
        for other in
            [Arrival { destination: address("fe80::3"), ..arrival }, Arrival { interface: 5, ..arrival }]
        {
            assert_eq!((any.admit(&other), exact.admit(&other)), (Ok(()), Err(Discard::Endpoint)));
        }
        let far = Endpoint { hops: Hops::Multi { min_ttl: 250 }, ..any };
        let arrival = Arrival { port: MULTIHOP_PORT, ttl: 250, ..arrival };
        assert_eq!(far.admit(&arrival), Ok(()));
        assert!(far.admit(&Arrival { ttl: 249, ..arrival }).is_err());
    }
}
