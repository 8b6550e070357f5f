//! Elements of the map [`LINKS`](guideway_abi::LINKS): which holds what. Pure.

use guideway_abi::{LINKS_MAX, LinkRecord};

/// What the elements hold. Element 0 is never used.
#[derive(Clone, Debug)]
pub(super) struct Links {
    records: Vec<LinkRecord>,
}

/// Where a record is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It stands there already.
    Stands(u16),
    /// In an element that no leg ever referred to.
    Free(u16),
    /// In an element that no leg refers to any more: a packet may still do, until a grace period has passed.
    Left(u16),
}

impl Links {
    /// As an earlier agent left them.
    pub(super) fn new(mut records: Vec<LinkRecord>) -> Self {
        records.resize(LINKS_MAX as usize, LinkRecord::default());
        Self { records }
    }

    /// Where to find `record`; none when every element is in use. `is_used` tells whether a leg refers to an element.
    pub(super) fn place(&self, record: &LinkRecord, is_used: impl Fn(u16) -> bool) -> Option<Place> {
        let indexes = || (1_u16..).zip(self.records.iter().skip(1));
        let stands = indexes().find(|(_, other)| *other == record);
        if let Some((index, _)) = stands {
            return Some(Place::Stands(index));
        }
        let free = indexes().find(|(index, other)| other.ifindex == 0 && !is_used(*index));
        if let Some((index, _)) = free {
            return Some(Place::Free(index));
        }
        indexes().find(|(index, _)| !is_used(*index)).map(|(index, _)| Place::Left(index))
    }

    /// `record` has been written to an element.
    pub(super) fn written(&mut self, index: u16, record: LinkRecord) {
        if let Some(element) = self.records.get_mut(usize::from(index)) {
            *element = record;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn record(ifindex: u32) -> LinkRecord {
        LinkRecord { ifindex, mtu: 1500, mac: [2, 0, 0, 0, 0, 1], ..LinkRecord::default() }
    }

    #[test]
    fn equal_records_share_and_what_is_in_use_stays() {
        let mut links = Links::new(vec![LinkRecord::default(), record(7)]);
        assert_eq!(links.place(&record(7), |_| false), Some(Place::Stands(1)));
        assert_eq!(links.place(&LinkRecord { mtu: 9000, ..record(7) }, |_| false), Some(Place::Free(2)));
        for index in 2..256 {
            links.written(index, record(u32::from(index) + 100));
        }
        assert_eq!(links.place(&record(8), |_| true), None);
        assert_eq!(links.place(&record(8), |index| index != 40), Some(Place::Left(40)));
        assert_eq!(links.records[0], LinkRecord::default());
    }

    proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is asked for, an element that a leg refers to keeps its record.
        #[test]
        fn used_elements_are_never_overwritten(asked in proptest::collection::vec((1_u32..600, any::<bool>()), 1..400)) {
            let mut links = Links::new(Vec::new());
            let mut used: BTreeSet<u16> = BTreeSet::new();
            for (ifindex, keep) in asked {
                let place = links.place(&record(ifindex), |index| used.contains(&index));
                let index = match place {
                    None => {
                        prop_assert_eq!(used.len(), 255);
                        used.pop_first();
                        continue;
                    }
                    Some(Place::Stands(index)) => {
                        prop_assert_eq!(links.records[usize::from(index)], record(ifindex));
                        index
                    }
                    Some(Place::Free(index) | Place::Left(index)) => {
                        prop_assert!(index != 0 && !used.contains(&index));
                        links.written(index, record(ifindex));
                        index
                    }
                };
                if keep {
                    used.insert(index);
                }
            }
        }
    }
}
