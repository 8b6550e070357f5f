//! Who answers for a VIP on a link.

use guideway_dataplane_config::Seed;

use crate::{ForwarderName, VipName, rendezvous};

/// The one of `live` that owns `vip`; `None` when there is none. A forwarder that goes loses its VIPs to all others, and
/// no VIP moves between those.
#[must_use]
pub fn owner<'a>(
    seed: &Seed,
    vip: &VipName,
    live: impl IntoIterator<Item = &'a ForwarderName>,
) -> Option<&'a ForwarderName> {
    rendezvous::best(seed, "l2", vip.as_str(), live.into_iter(), 1).pop()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_the_vips_of_the_dead_move() {
        let seed = Seed::new([3; 16]);
        let live: BTreeSet<ForwarderName> = (0..8).map(|n| format!("lb{n}").parse().unwrap()).collect();
        let mut rest = live.clone();
        let dead = rest.pop_first().unwrap();
        let mut moved = 0;
        for number in 0..1000 {
            let vip: VipName = format!("vip{number}").parse().unwrap();
            let before = owner(&seed, &vip, &live).unwrap();
            let after = owner(&seed, &vip, &rest).unwrap();
            assert!(before == after || *before == dead);
            moved += usize::from(before != after);
        }
        assert!((75..175).contains(&moved), "{moved} of 1000 are an eighth");
        assert_eq!(owner(&seed, &"vip".parse().unwrap(), []), None);
    }
}
