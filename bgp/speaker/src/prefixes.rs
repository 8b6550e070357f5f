//! The set of prefixes to announce.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// A set that many tasks hold; it is replaced, never changed.
pub(crate) type Prefixes = Arc<BTreeSet<IpNet>>;

/// The prefixes of the agent's message, and the texts that are nothing to announce. An address stands for its host
/// prefix; a prefix is in CIDR notation, without host bits.
pub(crate) fn from_texts(texts: &[String]) -> (BTreeSet<IpNet>, Vec<&str>) {
    // In one go, which packs the set more densely than one by one does.
    let mut prefixes = Vec::with_capacity(texts.len());
    let mut refused = Vec::new();
    for text in texts {
        match parse(text) {
            Some(prefix) if can_be_announced(&prefix) => {
                prefixes.push(prefix);
            }
            _ => refused.push(text.as_str()),
        }
    }
    (prefixes.into_iter().collect(), refused)
}

fn parse(text: &str) -> Option<IpNet> {
    let prefix = match text.contains('/') {
        true => text.parse().ok()?,
        false => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    (prefix == prefix.trunc()).then_some(prefix)
}

/// No prefix, however long or short, that has an address in common with one of these: routers ignore such addresses or
/// answer with an error, and whoever announces them takes traffic that is not its own.
pub(crate) fn can_be_announced(prefix: &IpNet) -> bool {
    /// "This network", loopback, multicast and what is reserved, the broadcast address included.
    const RESERVED_V4: [([u8; 4], u8); 3] = [([0; 4], 8), ([127, 0, 0, 0], 8), ([224, 0, 0, 0], 3)];
    /// The unspecified address and loopback, IPv4-mapped addresses, link-local ones, multicast.
    const RESERVED_V6: [([u16; 8], u8); 4] = [
        ([0; 8], 127),
        ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
        ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
        ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    ];
    let overlaps = |address: IpAddr, length| {
        let reserved = IpNet::new_assert(address, length);
        reserved.contains(prefix) || prefix.contains(&reserved)
    };
    match prefix {
        IpNet::V4(_) => !RESERVED_V4.into_iter().any(|(address, length)| overlaps(address.into(), length)),
        IpNet::V6(_) => !RESERVED_V6.into_iter().any(|(address, length)| overlaps(address.into(), length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(texts: &[&str]) -> (Vec<String>, Vec<String>) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let (prefixes, refused) = from_texts(&texts);
        let refused = refused.into_iter().map(str::to_owned).collect();
        (prefixes.iter().map(ToString::to_string).collect(), refused)
    }

    #[test]
    fn addresses_become_host_prefixes_and_rubbish_is_named() {
        let (prefixes, refused) = taken(&[
            "203.0.113.10",
            "2001:db8::10",
            "203.0.113.10",
            "x",
            "0.0.0.0",
            "224.0.0.1",
            "127.0.0.1",
            "::",
        ]);
        assert_eq!(prefixes, ["203.0.113.10/32", "2001:db8::10/128"]);
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
        assert_eq!(taken(&more), (vec![], more.map(str::to_owned).to_vec()));
    }

    #[test]
    fn prefixes_are_announced_as_they_are() {
        let good = ["203.0.113.128/25", "203.0.113.10/32", "10.0.0.0/8", "2001:db8::/32", "2001:db8::1/128"];
        let (mut prefixes, refused) = taken(&good);
        prefixes.sort_unstable();
        let mut expected = good.map(str::to_owned);
        expected.sort_unstable();
        assert_eq!((prefixes, refused), (expected.to_vec(), vec![]));
    }

    #[test]
    fn prefixes_that_nobody_may_announce_are_refused() {
        let bad = [
            "0.0.0.0/0",
            "::/0",
            "126.0.0.0/7",
            "128.0.0.0/1",
            "239.0.0.0/8",
            "203.0.113.129/25",
            "203.0.113.0/33",
            "203.0.113.0/",
            "/24",
            "::/96",
            "fe80::/64",
            "8000::/1",
            "2001:db8::1/64",
            "::ffff:0:0/97",
        ];
        assert_eq!(taken(&bad), (vec![], bad.map(str::to_owned).to_vec()));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_named(texts in proptest::collection::vec("[0-9a-f:./x]{0,20}", 0..8)) {
            let (prefixes, refused) = from_texts(&texts);
            prop_assert!(prefixes.len() + refused.len() <= texts.len());
            for prefix in prefixes {
                prop_assert_eq!(prefix, prefix.trunc());
                prop_assert!(!prefix.addr().is_loopback() && !prefix.addr().is_multicast() && prefix.prefix_len() > 0);
            }
        }
    }
}
