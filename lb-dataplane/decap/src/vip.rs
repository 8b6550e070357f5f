//! A VIP of this backend.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address that clients can reach this backend by: unicast, and of more than this machine or link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Vip(IpAddr);

impl Vip {
    pub(crate) const fn address(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for Vip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Vip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: IpAddr = text.parse().map_err(|_| {
            "not an IPv4 or IPv6 address; write it without a port and without a prefix length".to_owned()
        })?;
        let address = address.to_canonical();
        let link_local_or_broadcast = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        if address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || link_local_or_broadcast
        {
            return Err("not an address that clients beyond this link can reach".to_owned());
        }
        Ok(Self(address))
    }
}

#[cfg(test)]
mod tests {
    use super::Vip;

    #[test]
    fn only_addresses_that_can_be_vips_are_taken() {
        for good in ["203.0.113.10", "10.0.0.1", "2001:db8::10", "fd00::1"] {
            assert_eq!(good.parse::<Vip>().unwrap().to_string(), good);
        }
        assert_eq!("::ffff:192.0.2.1".parse::<Vip>().unwrap().to_string(), "192.0.2.1");
        for bad in [
            "",
            "x",
            "203.0.113.10:80",
            "203.0.113.10/32",
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.1.1",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(bad.parse::<Vip>().is_err(), "{bad}");
        }
    }
}
