//! Exclusive values (ClusterIPs, node ports) and who holds them: what to do about claims that do not fit their objects.
//!
//! A claim is written in the transaction of its object, so nothing is to be found here as long as that holds. This is
//! for a store that was restored or edited by hand, and is run when a server starts.

use std::collections::{BTreeMap, BTreeSet};

/// What puts claims right. Each write is to be made on the condition that claim and object are still as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Claims to delete: whom they name is gone, or does not want them. Claim and owner.
    pub release: Vec<(String, String)>,
    /// Claims to write: an object has the value and nobody holds it. Claim and owner.
    pub take: Vec<(String, String)>,
    /// Values that several objects have: the claim, who keeps it, and who has it without right. Nothing is done about
    /// those; somebody has to be told.
    pub contested: Vec<(String, String, Vec<String>)>,
}

/// Compares claims as they are held (claim to owner) with what objects have (owner to claims). All keys are those of
/// the store. Of several objects with one value, the one that holds it keeps it, or else the first by key.
pub fn repair(held: &BTreeMap<String, String>, wanted: &BTreeMap<String, BTreeSet<String>>) -> Repair {
    let mut wanting: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (owner, claims) in wanted {
        for claim in claims {
            wanting.entry(claim).or_default().push(owner);
        }
    }
    let mut repair = Repair::default();
    for (claim, owner) in held {
        if !wanting.get(claim.as_str()).is_some_and(|owners| owners.contains(&owner.as_str())) {
            repair.release.push((claim.clone(), owner.clone()));
        }
    }
    for (claim, owners) in wanting {
        let holder = held.get(claim).map(String::as_str).filter(|holder| owners.contains(holder));
        let keeper = match (holder, owners.first()) {
            (Some(holder), _) => holder,
            (None, Some(first)) => {
                repair.take.push((claim.to_owned(), (*first).to_owned()));
                first
            }
            (None, None) => continue,
        };
        let others: Vec<String> =
            owners.iter().filter(|owner| **owner != keeper).map(|owner| (*owner).to_owned()).collect();
        if !others.is_empty() {
            repair.contested.push((claim.to_owned(), keeper.to_owned(), others));
        }
    }
    repair
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(claim, owner)| ((*claim).to_owned(), (*owner).to_owned())).collect()
    }

    fn wanted(pairs: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        pairs
            .iter()
            .map(|(owner, claims)| {
                ((*owner).to_owned(), claims.iter().map(|claim| (*claim).to_owned()).collect())
            })
            .collect()
    }

    #[test]
    fn claims_follow_objects() {
        let fit = repair(&held(&[("ip/1", "a")]), &wanted(&[("a", &["ip/1"]), ("b", &[])]));
        assert_eq!(fit, Repair::default());
        let gone = repair(&held(&[("ip/1", "a"), ("ip/2", "b")]), &wanted(&[("b", &["ip/3"])]));
        assert_eq!(gone.release, [("ip/1".to_owned(), "a".to_owned()), ("ip/2".to_owned(), "b".to_owned())]);
        assert_eq!(gone.take, [("ip/3".to_owned(), "b".to_owned())]);
        let twice = repair(&held(&[("ip/1", "b")]), &wanted(&[("a", &["ip/1"]), ("b", &["ip/1"])]));
        assert_eq!(twice.contested, [("ip/1".to_owned(), "b".to_owned(), vec!["a".to_owned()])]);
        assert!(twice.release.is_empty() && twice.take.is_empty());
    }

    proptest! {
        #[test]
        fn once_repaired_is_right(
            holds in prop::collection::btree_map(0u8..6, 0u8..4, 0..6),
            wants in prop::collection::btree_map(0u8..4, prop::collection::btree_set(0u8..6, 0..4), 0..4),
        ) {
            let name = |number: &u8| number.to_string();
            let mut held: BTreeMap<String, String> = holds.iter().map(|(a, b)| (name(a), name(b))).collect();
            let wanted: BTreeMap<String, BTreeSet<String>> =
                wants.iter().map(|(owner, claims)| (name(owner), claims.iter().map(name).collect())).collect();
            let first = repair(&held, &wanted);
            for (claim, owner) in &first.release {
                prop_assert_eq!(held.remove(claim), Some(owner.clone()));
            }
            held.extend(first.take.iter().cloned());
            let second = repair(&held, &wanted);
            prop_assert!(second.release.is_empty() && second.take.is_empty());
            prop_assert_eq!(second.contested, first.contested);
            // Every value that somebody has is held by somebody who has it.
            for (owner, claims) in &wanted {
                for claim in claims {
                    let holder = &held[claim];
                    prop_assert!(holder == owner || wanted[holder].contains(claim));
                }
            }
        }
    }
}
