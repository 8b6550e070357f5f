//! The set of prefixes to announce.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// A set that many tasks hold; it is replaced, never changed.
pub(crate) type Prefixes = Arc<BTreeSet<IpNet>>;

/// Host prefixes of the addresses of the agent's message, and the texts that are no addresses to announce.
pub(crate) fn from_addresses(addresses: &[String]) -> (BTreeSet<IpNet>, Vec<&str>) {
    let mut prefixes = BTreeSet::new();
    let mut refused = Vec::new();
    for text in addresses {
        match text.parse::<IpAddr>() {
            Ok(address) if can_be_announced(address) => {
                prefixes.insert(IpNet::from(address));
            }
            _ => refused.push(text.as_str()),
        }
    }
    (prefixes, refused)
}

/// Addresses that routers ignore or answer with an error.
fn can_be_announced(address: IpAddr) -> bool {
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return false;
    }
    match address {
        // 0.0.0.0/8 and 240.0.0.0/4, the broadcast address included.
        IpAddr::V4(address) => (1..240).contains(&address.octets()[0]),
        IpAddr::V6(address) => !address.is_unicast_link_local() && address.to_ipv4_mapped().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_host_prefixes_and_rubbish_is_named() {
        let addresses =
            ["203.0.113.10", "2001:db8::10", "203.0.113.10", "x", "0.0.0.0", "224.0.0.1", "127.0.0.1", "::"];
        let addresses = addresses.map(str::to_owned);
        let (prefixes, refused) = from_addresses(&addresses);
        let texts: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["203.0.113.10/32", "2001:db8::10/128"]);
        assert_eq!(refused, ["x", "0.0.0.0", "224.0.0.1", "127.0.0.1", "::"]);
        let more = [
            "0.1.2.3",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.1.1.1",
            "fe80::1%up0",
        ];
        let more = more.map(str::to_owned);
        let (prefixes, refused) = from_addresses(&more);
        assert!(prefixes.is_empty() && refused.len() == more.len(), "{prefixes:?}");
    }
}
