//! Any history, against a model that is a map.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Prefixes that histories are about.
const PREFIXES: u32 = 12;

#[derive(Debug, Clone)]
enum Op {
    Set(u32, u32),
    Withdraw(u32),
    /// Many at once, so that there is more than one batch.
    Flood(u32),
    Drought,
    Replace(Vec<(u32, u32)>),
    Join,
    Leave(usize),
    /// To the other group, and the first one's number.
    Move(usize),
    Refresh(usize, bool),
    Next(usize),
    Hold(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..PREFIXES, 0..3u32).prop_map(|(prefix, med)| Op::Set(prefix, med)),
        5 => (0..PREFIXES).prop_map(Op::Withdraw),
        1 => (0..3u32).prop_map(Op::Flood),
        1 => Just(Op::Drought),
        1 => vec((0..PREFIXES, 0..3u32), 0..8).prop_map(Op::Replace),
        2 => Just(Op::Join),
        1 => (0..8usize).prop_map(Op::Leave),
        2 => (0..8usize).prop_map(Op::Move),
        2 => (0..8usize, any::<bool>()).prop_map(|(peer, enhanced)| Op::Refresh(peer, enhanced)),
        8 => (0..8usize).prop_map(Op::Next),
        1 => any::<bool>().prop_map(Op::Hold),
    ]
}

/// A peer, and in which of the two groups it is.
struct Peer {
    cursor: Cursor,
    group: usize,
    receiver: Receiver,
}

/// Prefixes of a flood: with a route each they are more than a batch.
fn flood() -> impl Iterator<Item = u32> {
    1_000..1_080
}

/// Routes of a flood, long ones.
fn long_route(number: u32) -> Arc<Route> {
    let mut route = (*route(number)).clone();
    let unknown = guideway_bgp_wire::RawAttribute { flags: 0xc0, kind: 200, value: vec![0; 1_000] };
    route.attributes.other = vec![unknown];
    Arc::new(route)
}

struct World {
    groups: [Group; 2],
    models: [BTreeMap<Nlri, Arc<Route>>; 2],
    peers: Vec<Peer>,
}

impl World {
    fn new() -> Self {
        Self { groups: [group(0), group(0)], models: Default::default(), peers: Vec::new() }
    }

    /// Changes go to the first group, and some to the second.
    fn set(&mut self, number: u32, route: Option<Arc<Route>>) {
        for (index, (group, model)) in self.groups.iter_mut().zip(&mut self.models).enumerate() {
            if index == 1 && number.is_multiple_of(3) {
                continue;
            }
            let nlri = nlri(number);
            let before = model.get(&nlri).cloned();
            match &route {
                Some(route) => model.insert(nlri, route.clone()),
                None => model.remove(&nlri),
            };
            assert_eq!(group.set(nlri, route.clone()).unwrap(), before != route);
        }
    }

    fn peer(&mut self, number: usize) -> Option<usize> {
        (!self.peers.is_empty()).then(|| number % self.peers.len())
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Set(prefix, med) => self.set(prefix, Some(route(med))),
            Op::Withdraw(prefix) => self.set(prefix, None),
            Op::Flood(salt) => flood().for_each(|prefix| self.set(prefix, Some(long_route(prefix + salt)))),
            Op::Drought => flood().for_each(|prefix| self.set(prefix, None)),
            Op::Replace(wanted) => {
                let wanted: BTreeMap<_, _> =
                    wanted.into_iter().map(|(prefix, med)| (nlri(prefix), route(med))).collect();
                self.groups[0].replace(&wanted).unwrap();
                self.models[0] = wanted;
            }
            Op::Join if self.peers.len() < 6 => {
                let cursor = self.groups[0].join();
                self.peers.push(Peer { cursor, group: 0, receiver: Receiver::default() });
            }
            Op::Join => {}
            Op::Leave(number) => {
                if let Some(index) = self.peer(number) {
                    let peer = self.peers.remove(index);
                    self.groups[peer.group].leave(peer.cursor);
                }
            }
            Op::Move(number) => {
                if let Some(index) = self.peer(number) {
                    let peer = self.peers.remove(index);
                    let group = 1 - peer.group;
                    let departure = self.groups[peer.group].depart(peer.cursor);
                    let cursor = self.groups[group].join_from(departure);
                    self.peers.push(Peer { cursor, group, ..peer });
                }
            }
            Op::Refresh(number, enhanced) => {
                if let Some(index) = self.peer(number) {
                    let Peer { cursor, group, .. } = &self.peers[index];
                    let enhanced = if enhanced { Enhanced::Yes } else { Enhanced::No };
                    self.groups[*group].refresh(cursor, enhanced);
                }
            }
            Op::Next(number) => {
                if let Some(index) = self.peer(number) {
                    let Peer { cursor, group, receiver } = &mut self.peers[index];
                    let bytes = self.groups[*group].next(cursor);
                    bytes.iter().for_each(|bytes| receiver.take(bytes, &Context::default()));
                }
            }
            Op::Hold(hold) => {
                let hold = if hold { Hold::Held } else { Hold::Released };
                self.groups.iter_mut().for_each(|group| group.hold(hold));
            }
        }
    }

    fn check(&mut self) {
        for (group, model) in self.groups.iter().zip(&self.models) {
            assert_eq!(&group.routes(), &model.iter().map(|(nlri, route)| (*nlri, route)).collect());
        }
        for Peer { cursor, group, receiver } in &self.peers {
            let group = &self.groups[*group];
            for (nlri, route) in group.told(cursor) {
                // A refresh may be over before the table is told again, so only what is there is compared.
                assert_eq!(receiver.routes.get(&nlri), Some(&**route), "told, and the peer does not know");
            }
            if group.is_settled(cursor) {
                assert_eq!(receiver.routes, table(group));
            }
        }
    }

    fn settle(&mut self) {
        self.apply(Op::Hold(false));
        for Peer { cursor, group, receiver } in &mut self.peers {
            let group = &mut self.groups[*group];
            receiver.settle(group, cursor);
            assert!(group.is_settled(cursor));
            assert_eq!(group.told(cursor).count(), group.len());
            assert_eq!(receiver.end_of_rib, 1);
            assert_eq!(receiver.unconfirmed, None);
        }
        self.check();
        for group in &self.groups {
            assert_eq!(group.tombstones(), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_peer_ends_up_with_the_table(ops in vec(op(), 0..60)) {
        let mut world = World::new();
        for (number, op) in ops.into_iter().enumerate() {
            world.apply(op);
            if number.is_multiple_of(5) {
                world.check();
            }
        }
        world.settle();
        // And nothing is left behind.
        for prefix in (0..PREFIXES).chain(flood()) {
            world.set(prefix, None);
        }
        world.groups[0].replace(&BTreeMap::new()).unwrap();
        world.models[0].clear();
        world.settle();
        for group in &world.groups {
            prop_assert!(group.is_empty());
            prop_assert_eq!(group.table.iter().count(), 0);
        }
    }

    #[test]
    fn peers_at_the_same_version_get_the_same_bytes(ops in vec(op(), 0..40), takes in vec(0..2usize, 0..30)) {
        let mut world = World::new();
        let twins = [world.groups[0].join(), world.groups[0].join()];
        for op in ops {
            world.apply(op);
            // The one that is ahead waits for the other one.
            let told = twins.each_ref().map(|cursor| world.groups[0].next(cursor));
            match told {
                [Some(one), Some(other)] => prop_assert!(Arc::ptr_eq(&one, &other)),
                [one, other] => prop_assert_eq!(one, other),
            }
        }
        // However the two take turns, each gets what the other got.
        let mut heard = [Vec::new(), Vec::new()];
        world.apply(Op::Hold(false));
        for prefix in flood() {
            world.set(prefix, Some(long_route(prefix + 7)));
        }
        for turn in takes.into_iter().chain([0; 20]).chain([1; 50]) {
            heard[turn].extend(world.groups[0].next(&twins[turn]));
        }
        prop_assert_eq!(heard[0].len(), heard[1].len());
        prop_assert!(heard[0].iter().zip(&heard[1]).all(|(one, other)| Arc::ptr_eq(one, other)));
    }
}
