//! Addresses, interfaces and communities.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Wrong, shown, words};
use crate::AddressRange;
use crate::metallb::{CommunityName, CommunityValue};

/// A prefix, whose host bits do not matter, or the first and the last address with `-` between.
pub(crate) fn address_range(text: &str) -> Result<AddressRange, Wrong> {
    let remedy =
        "write a prefix as in 192.0.2.0/24, or the first and the last address as in 192.0.2.10-192.0.2.20";
    let trimmed = text.trim_matches(' ');
    let (first, last) = if let Some((first, last)) = trimmed.split_once('-') {
        let read = |part: &str| -> Result<IpAddr, Wrong> {
            let part = part.trim_matches(' ');
            part.parse().map_err(|_| Wrong::new(format!("{} is no address", shown(part)), remedy))
        };
        (read(first)?, read(last)?)
    } else if let Ok(net) = trimmed.parse::<IpNet>() {
        (net.network(), net.broadcast())
    } else {
        let remedy = match trimmed.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => format!("write {address}/32 for one address"),
            Ok(IpAddr::V6(address)) => format!("write {address}/128 for one address"),
            Err(_) => remedy.to_owned(),
        };
        return Err(Wrong::new(format!("{} is no range of addresses", shown(text)), remedy));
    };
    if first.is_ipv4() != last.is_ipv4() {
        return Err(Wrong::new(format!("{} mixes IPv4 and IPv6", shown(text)), remedy));
    }
    if first > last {
        let remedy = format!("write {last}-{first}");
        return Err(Wrong::new(format!("{first} is above {last}"), remedy));
    }
    if let Some(reserved) = RESERVED.iter().find(|reserved| reserved.meets(first, last)) {
        let problem = format!("{} has addresses of {}", shown(text), reserved.what);
        return Err(Wrong::new(problem, "write unicast addresses that routers forward"));
    }
    Ok(AddressRange { first, last })
}

/// Addresses that no Service can have.
struct Reserved {
    first: IpAddr,
    last: IpAddr,
    what: &'static str,
}

const fn v4(first: [u8; 4], last: [u8; 4], what: &'static str) -> Reserved {
    let [a, b, c, d] = first;
    let [e, f, g, h] = last;
    Reserved {
        first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        last: IpAddr::V4(Ipv4Addr::new(e, f, g, h)),
        what,
    }
}

const fn v6(first: u128, last: u128, what: &'static str) -> Reserved {
    Reserved {
        first: IpAddr::V6(Ipv6Addr::from_bits(first)),
        last: IpAddr::V6(Ipv6Addr::from_bits(last)),
        what,
    }
}

const RESERVED: &[Reserved] = &[
    v4([0, 0, 0, 0], [0, 255, 255, 255], "0.0.0.0/8"),
    v4([127, 0, 0, 0], [127, 255, 255, 255], "127.0.0.0/8, the loopback"),
    v4([224, 0, 0, 0], [255, 255, 255, 255], "224.0.0.0/3, multicast and reserved"),
    v6(0, 1, "::/127, unspecified and loopback"),
    v6(0xffff_0000_0000, 0xffff_ffff_ffff, "::ffff:0:0/96, IPv4-mapped"),
    v6(0xfe80 << 112, (0xfec0 << 112) - 1, "fe80::/10, link-local"),
    v6(0xff00 << 112, u128::MAX, "ff00::/8, multicast"),
];

impl Reserved {
    fn meets(&self, first: IpAddr, last: IpAddr) -> bool {
        self.first.is_ipv4() == first.is_ipv4() && self.first <= last && first <= self.last
    }
}

/// A unicast address; a link-local one is fine for a neighbour.
pub(crate) fn address(text: &str) -> Result<IpAddr, Wrong> {
    let remedy = "write a unicast address as in 192.0.2.1 or 2001:db8::1";
    let address: IpAddr =
        text.parse().map_err(|_| Wrong::new(format!("{} is no address", shown(text)), remedy))?;
    let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    if !link_local && let Some(reserved) = RESERVED.iter().find(|reserved| reserved.meets(address, address)) {
        return Err(Wrong::new(format!("{address} is one of {}", reserved.what), remedy));
    }
    Ok(address)
}

pub(crate) fn router_id(text: &str) -> Result<Ipv4Addr, Wrong> {
    match text.parse::<Ipv4Addr>() {
        Ok(id) if !id.is_unspecified() => Ok(id),
        _ => Err(Wrong::new(
            format!("{} is no BGP identifier", shown(text)),
            "write it as in 10.0.0.1, not 0.0.0.0",
        )),
    }
}

/// As the kernel: 1 to 15 bytes without `/`, `:` and white space.
pub(crate) fn interface(text: &str) -> Result<(), Wrong> {
    let fine = (1..=15).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if fine {
        return Ok(());
    }
    let remedy = "write 1 to 15 characters without `/`, `:` and spaces";
    Err(Wrong::new(format!("{} is no name of an interface", shown(text)), remedy))
}

const COMMUNITIES: &str = "write two numbers up to 65535 as in 65001:100, or three as in large:65001:1:2";

/// RFC 1997 and RFC 8092, as MetalLB writes them.
pub(crate) fn community(text: &str) -> Result<CommunityValue, Wrong> {
    let wrong = || Wrong::new(format!("{} is no community", shown(text)), COMMUNITIES);
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.splitn(5, ':').collect();
    match parts[..] {
        [high, low] if [high, low].iter().all(digits) => {
            let (high, low) = (high.parse().map_err(|_| wrong())?, low.parse().map_err(|_| wrong())?);
            Ok(CommunityValue::Standard(high, low))
        }
        ["large", global, first, second] if [global, first, second].iter().all(digits) => {
            Ok(CommunityValue::Large(
                global.parse().map_err(|_| wrong())?,
                first.parse().map_err(|_| wrong())?,
                second.parse().map_err(|_| wrong())?,
            ))
        }
        _ => Err(wrong()),
    }
}

/// A text with `:` is a community, any other one the name of one.
pub(crate) fn community_name(text: &str) -> Result<CommunityName, Wrong> {
    if text.contains(':') {
        return community(text).map(CommunityName::Value);
    }
    let fine = words::plain(text, 253).is_ok() && text.chars().all(|c| c.is_ascii_graphic());
    if fine {
        return Ok(CommunityName::Alias(text.to_owned()));
    }
    let remedy = format!("{COMMUNITIES}, or a name that a Community resource has");
    Err(Wrong::new(format!("{} is no community", shown(text)), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let table = [
            ("192.0.2.0/24", "192.0.2.0-192.0.2.255"),
            ("192.0.2.7/24", "192.0.2.0-192.0.2.255"),
            ("192.0.2.7/32", "192.0.2.7-192.0.2.7"),
            ("192.0.2.10-192.0.2.20", "192.0.2.10-192.0.2.20"),
            (" 192.0.2.10 - 192.0.2.20 ", "192.0.2.10-192.0.2.20"),
            ("2001:db8::/120", "2001:db8::-2001:db8::ff"),
            ("2001:db8::1-2001:db8::1", "2001:db8::1-2001:db8::1"),
        ];
        for (text, expected) in table {
            assert_eq!(address_range(text).unwrap().to_string(), expected, "{text}");
        }
        let wrong = [
            ("", "is no range"),
            ("192.0.2.1", "is no range"),
            ("192.0.2.20-192.0.2.10", "192.0.2.20 is above 192.0.2.10"),
            ("192.0.2.1-2001:db8::1", "mixes"),
            ("192.0.2.1-", "\"\" is no address"),
            ("192.0.2.0/33", "is no range"),
            ("224.0.0.0/24", "224.0.0.0/3"),
            ("0.0.0.0/0", "0.0.0.0/8"),
            ("126.0.0.0-128.0.0.0", "the loopback"),
            ("::/0", "::/127"),
            ("::ffff:192.0.2.0/120", "IPv4-mapped"),
            ("fe80::/64", "link-local"),
        ];
        for (text, problem) in wrong {
            let wrong = address_range(text).unwrap_err();
            assert!(wrong.problem.contains(problem), "{text}: {wrong:?}");
        }
        assert_eq!(address_range("192.0.2.1").unwrap_err().remedy, "write 192.0.2.1/32 for one address");
    }

    #[test]
    fn communities() {
        assert_eq!(community("65001:100").unwrap(), CommunityValue::Standard(65001, 100));
        assert_eq!(community("large:4294967295:1:2").unwrap(), CommunityValue::Large(u32::MAX, 1, 2));
        for bad in ["", "65536:1", "1:65536", "1", "1:2:3", "large:1:2", "large:1:2:3:4", "+1:2", "1:", "a:b"]
        {
            community(bad).unwrap_err();
        }
        assert_eq!(community_name("NO_ADVERTISE").unwrap(), CommunityName::Alias("NO_ADVERTISE".to_owned()));
        community_name("no advertise").unwrap_err();
    }

    #[test]
    fn addresses_and_interfaces() {
        address("fe80::1").unwrap();
        for bad in ["", "fe80::1%eth0", "0.0.0.0", "224.0.0.5", "::1", "::ffff:1.2.3.4", "255.255.255.255"] {
            address(bad).unwrap_err();
        }
        for bad in ["", "a/b", "a b", "..", "sixteen-letters-"] {
            interface(bad).unwrap_err();
        }
    }
}
