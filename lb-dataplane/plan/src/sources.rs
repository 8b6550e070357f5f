//! Who may dial VIPs, as borders between addresses: `docs/forwarding.md`, section 2.1.

use std::collections::HashMap;
use std::net::IpAddr;

use guideway_abi::SourceBorder;
use ipnet::IpNet;

use crate::key::Net;

/// Borders of a VIP that the forwarder looks at.
pub(crate) const BORDERS_MAX: u32 = 65_535;

/// The addresses that may dial a VIP: each border is the first address behind it. Below the first one nobody may, behind
/// each border the opposite of what was before it is true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Borders(Box<[u128]>);

impl Borders {
    /// The borders of `sources`, of which those of another family than the VIP's match no packet; `None` when everybody
    /// may dial it.
    pub(crate) fn new(sources: &[IpNet], is_v6: bool) -> Option<Self> {
        if sources.is_empty() {
            return None;
        }
        let mut nets: Vec<Net> = sources.iter().map(|source| Net::from(*source)).collect();
        nets.retain(|net| net.is_v6 == is_v6);
        nets.sort_unstable_by_key(|net| net.start);
        let last = Net::all(is_v6).end();
        let mut borders = Vec::new();
        // The end of the stretch that was begun; its border comes when nothing touches it.
        let mut end: Option<u128> = None;
        for net in nets {
            match end {
                Some(before) if before == last || net.start <= before + 1 => {
                    end = Some(before.max(net.end()));
                }
                before => {
                    borders.extend(before.map(|before| before + 1));
                    borders.push(net.start);
                    end = Some(net.end());
                }
            }
        }
        borders.extend(end.filter(|end| *end != last).map(|end| end + 1));
        (borders != [0]).then(|| Self(borders.into()))
    }

    /// Whether `source` may dial the VIP, which is of its family.
    pub(crate) fn admit(&self, source: IpAddr) -> bool {
        let address = Net::host(source).start;
        self.0.partition_point(|border| *border <= address) % 2 == 1
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u128> {
        self.0.iter().copied()
    }
}

/// Where the borders of a VIP stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// The map's content, in which equal lists of borders stand once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool<'a> {
    pub(crate) borders: Vec<SourceBorder>,
    known: HashMap<&'a Borders, Place>,
}

impl<'a> Pool<'a> {
    /// Where these borders stand.
    pub(crate) fn add(&mut self, borders: &'a Borders) -> Place {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let place = Place { first: number(self.borders.len()), count: number(borders.len()) };
        *self.known.entry(borders).or_insert_with(|| {
            self.borders.extend(borders.iter().map(element));
            place
        })
    }
}

/// Elements that these VIPs need.
pub(crate) fn count<'a>(vips: impl Iterator<Item = &'a Borders>) -> usize {
    let mut pool = Pool::default();
    for borders in vips {
        pool.add(borders);
    }
    pool.borders.len()
}

#[allow(clippy::cast_possible_truncation)] // halves are meant
fn element(border: u128) -> SourceBorder {
    SourceBorder { start: [(border >> 64) as u64, border as u64] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn borders(texts: &[&str], is_v6: bool) -> Option<Vec<u128>> {
        let nets: Vec<IpNet> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Borders::new(&nets, is_v6).map(|borders| borders.iter().collect())
    }

    #[test]
    fn stretches_are_joined() {
        let ten = 10 << 24;
        let cases: [(&[&str], &[u128]); 8] = [
            (&["10.0.0.0/24"], &[ten, ten + 256]),
            (&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.0/24", "10.0.0.7/32"], &[ten, ten + 512]),
            (&["10.0.0.0/30", "10.0.0.5/32", "10.0.0.4/32"], &[ten, ten + 6]),
            (&["10.0.0.0/32", "10.0.0.2/32"], &[ten, ten + 1, ten + 2, ten + 3]),
            (&["255.255.255.255/32"], &[0xffff_ffff]),
            (&["128.0.0.0/1", "255.0.0.0/8"], &[0x8000_0000]),
            (&["10.1.2.3/8", "::ffff:10.1.0.0/112"], &[ten, ten + (1 << 24)]),
            (&["2001:db8::/32"], &[]),
        ];
        for (texts, expected) in cases {
            assert_eq!(borders(texts, false).as_deref(), Some(expected), "{texts:?}");
        }
        assert_eq!(borders(&["ffff::/16"], true), Some(vec![0xffff << 112]));
        let low = borders(&["::/1", "8000::/2"], true);
        assert_eq!(low, Some(vec![0, 0xc000 << 112]));
    }

    #[test]
    fn everybody_is_no_restriction() {
        let everybody: [(&[&str], bool); 5] = [
            (&[], false),
            (&["0.0.0.0/0"], false),
            (&["10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"], false),
            (&["::/0"], true),
            (&["::/1", "8000::/1", "2001:db8::/32"], true),
        ];
        for (texts, is_v6) in everybody {
            assert_eq!(borders(texts, is_v6), None, "{texts:?}");
        }
    }

    #[test]
    fn equal_lists_stand_once() {
        let list = |text: &str| Borders::new(&[text.parse().unwrap()], false).unwrap();
        let (a, b, c) = (list("10.0.0.0/8"), list("11.0.0.0/8"), list("10.9.9.9/8"));
        let mut pool = Pool::default();
        let places = [&a, &b, &c].map(|borders| pool.add(borders));
        assert_eq!(places.map(|place| (place.first, place.count)), [(0, 2), (2, 2), (0, 2)]);
        assert_eq!(pool.borders.len(), 4);
    }

    proptest! {
        #[test]
        fn as_by_hand(nets in proptest::collection::vec((any::<u8>(), 120_u8..=128), 1..12), is_v6: bool) {
            let net = |(host, length): &(u8, u8)| -> IpNet {
                match is_v6 {
                    true => format!("2001:db8::{host:x}/{length}"),
                    false => format!("10.0.0.{host}/{}", length - 96),
                }
                .parse()
                .unwrap()
            };
            let nets: Vec<IpNet> = nets.iter().map(net).collect();
            let borders = Borders::new(&nets, is_v6).unwrap();
            prop_assert!(borders.0.is_sorted_by(|a, b| a < b));
            for host in 0..=255_u8 {
                let address: IpAddr = match is_v6 {
                    true => format!("2001:db8::{host:x}"),
                    false => format!("10.0.0.{host}"),
                }
                .parse()
                .unwrap();
                prop_assert_eq!(borders.admit(address), nets.iter().any(|net| net.contains(&address)), "{}", address);
            }
        }
    }
}
