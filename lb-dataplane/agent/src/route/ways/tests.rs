use super::super::paper::Paper;
use super::*;
use proptest::prelude::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn hop(ifindex: u32, last: u8) -> Hop {
    let link = LinkRecord { ifindex, mtu: 1500, mac: [2, 0, 0, 0, 0, 1], ..LinkRecord::default() };
    Hop { link, mac: [2, 0, 0, 0, 1, last] }
}

fn way(hops: &[Hop]) -> Way {
    let mut legs = [None; LEGS];
    for (leg, hop) in legs.iter_mut().zip(hops.iter().cycle()) {
        *leg = Some(*hop);
    }
    Way { legs, problem: None }
}

fn ways(paper: &Arc<Paper>) -> Ways {
    Ways::open(paper.clone()).unwrap()
}

#[test]
fn a_way_reaches_every_element_of_its_address() {
    let paper = Arc::new(Paper::new(vec![None, Some(address(1)), Some(address(2)), Some(address(1))]));
    let ways = ways(&paper);
    ways.set(address(1), Some(&way(&[hop(7, 1), hop(8, 2)]))).unwrap();
    let expected = [Some(([2, 0, 0, 0, 1, 1], 7, 1500)), Some(([2, 0, 0, 0, 1, 2], 8, 1500))];
    for element in [1, 3] {
        assert_eq!(paper.legs(element)[..2], expected);
    }
    assert_eq!(paper.legs(2), [None; LEGS]);
    ways.set(address(1), None).unwrap();
    assert_eq!(paper.legs(1), [None; LEGS]);
}

#[test]
fn an_element_that_gets_another_backend_never_keeps_the_old_way() {
    let paper = Arc::new(Paper::new(vec![None, Some(address(1))]));
    let ways = ways(&paper);
    ways.set(address(1), Some(&way(&[hop(7, 1)]))).unwrap();
    ways.assign(1, Some(address(9)));
    assert_eq!(paper.legs(1), [None; LEGS]);
    // The follower speaks of the old backend once more.
    ways.set(address(1), Some(&way(&[hop(8, 1)]))).unwrap();
    assert_eq!(paper.legs(1), [None; LEGS]);
    ways.set(address(9), Some(&way(&[hop(7, 9)]))).unwrap();
    assert_eq!(paper.legs(1)[0], Some(([2, 0, 0, 0, 1, 9], 7, 1500)));
    // A backend whose way is known has it from the first packet on.
    ways.assign(1, Some(address(1)));
    assert_eq!(paper.legs(1)[7], Some(([2, 0, 0, 0, 1, 1], 8, 1500)));
    ways.assign(1, None);
    assert_eq!(paper.legs(1), [None; LEGS]);
    ways.assign(99, Some(address(1)));
}

/// As after a write of the map that failed.
#[test]
fn what_the_map_has_counts() {
    let paper = Arc::new(Paper::new(vec![None, Some(address(1)), Some(address(2))]));
    let ways = ways(&paper);
    ways.set(address(1), Some(&way(&[hop(7, 1)]))).unwrap();
    ways.assign(1, Some(address(9)));
    ways.assign_all([None, Some(address(1)), Some(address(2))].into_iter());
    assert_eq!(paper.legs(1)[0], Some(([2, 0, 0, 0, 1, 1], 7, 1500)));
    assert_eq!(ways.addresses(), [address(1), address(2)]);
}

#[test]
fn a_second_agent_takes_over_legs_and_links() {
    let paper = Arc::new(Paper::new(vec![None, Some(address(1)), Some(address(2))]));
    let first = ways(&paper);
    first.set(address(1), Some(&way(&[hop(7, 1)]))).unwrap();
    first.set(address(2), Some(&way(&[hop(8, 2)]))).unwrap();
    let before = (paper.legs(1), paper.legs(2));
    let second = ways(&paper);
    assert_eq!((paper.legs(1), paper.legs(2)), before);
    second.set(address(1), Some(&way(&[hop(9, 1)]))).unwrap();
    assert_eq!(paper.legs(2), before.1);
    second.drop_others(|other| other == address(1));
    assert_eq!(paper.legs(1)[0], Some(([2, 0, 0, 0, 1, 1], 9, 1500)));
    assert_eq!(paper.legs(2), [None; LEGS]);
}

#[test]
fn a_link_that_cannot_be_written_leaves_the_backend_to_the_kernel() {
    let paper = Arc::new(Paper::new(vec![None, Some(address(1))]));
    let ways = ways(&paper);
    paper.fail(true);
    let error = ways.set(address(1), Some(&way(&[hop(7, 1)]))).unwrap_err();
    assert!(matches!(error, SetError::Write(_)));
    assert_eq!(paper.legs(1), [None; LEGS]);
    paper.fail(false);
    ways.set(address(1), Some(&way(&[hop(7, 1)]))).unwrap();
    assert!(paper.legs(1)[0].is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Interfaces and MTUs come and go; each element always shows the way of its backend. That no link changes under a
    /// leg or a packet, the paper sees to.
    #[test]
    fn links_never_change_under_a_leg(
        steps in proptest::collection::vec((1_u32..5, 1_u8..4, 1_u32..400, 1_u32..400, any::<bool>()), 1..400),
    ) {
        let paper = Arc::new(Paper::new(vec![None; 5]));
        let ways = ways(&paper);
        let mut owners = [None; 5];
        let mut known: BTreeMap<IpAddr, [u32; 2]> = BTreeMap::new();
        for (element, last, one, two, assign) in steps {
            if assign {
                ways.assign(element, Some(address(last)));
                owners[element as usize] = Some(address(last));
            } else {
                ways.set(address(last), Some(&way(&[hop(one, last), hop(two, last)]))).unwrap();
                known.insert(address(last), [one, two]);
            }
            for (element, owner) in (0..).zip(owners) {
                let expected = owner.and_then(|owner| known.get(&owner));
                let got = paper.legs(element).map(|leg| leg.map(|(_, ifindex, _)| ifindex));
                prop_assert_eq!(&got[..2], &expected.map_or([None; 2], |two| two.map(Some))[..]);
            }
        }
    }
}
