//! What a run is made of.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use guideway_controller_core::{Advertise, Budget, Content, Pool, Routing, Vip};
use guideway_controller_rollout::OverBudget;
use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, EncapsulationKind, Ports, Protocol, Seed, TableSize,
};
use guideway_sim::random::Random;

use crate::defect::Defect;

/// How one run is set up; everything else follows from the seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Of the generator.
    pub seed: u64,
    /// How many controllers there are.
    pub controllers: usize,
    /// How many forwarders there are.
    pub forwarders: usize,
    /// For how long things go wrong.
    pub trouble: Duration,
    /// For how long they do not, afterwards.
    pub calm: Duration,
    /// What the connections are.
    pub links: Links,
    /// Whether contents have a [`WITNESS`].
    pub has_witness: bool,
    /// The longest time from one fault to the next.
    pub faults: Duration,
    /// The longest time from one change of what is wanted to the next.
    pub changes: Duration,
    /// How long a new leader waits for forwarders.
    pub gather: Duration,
    /// Messages in a hundred that are lost.
    pub loss: u32,
    /// The longest time that a message takes.
    pub delay: Duration,
    /// Actions in a thousand before which a process dies.
    pub crash: u32,
    /// Requests to the store in a hundred whose outcome stays unknown.
    pub doubt: u32,
    /// What an owner fails to do in a hundred: prepare, keep, install.
    pub fault: u32,
    /// What becomes of changes above the budget.
    pub over_budget: OverBudget,
    /// What is broken on purpose.
    pub defect: Option<Defect>,
}

/// What a connection does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It keeps their order, and breaks when it loses one: TCP.
    Streams,
    /// It loses, repeats and reorders them.
    Datagrams,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut random = Random::new(seed ^ 0x517c_c1b7);
        // Now and then as many as a large site has.
        let many = random.percent(4);
        Self {
            seed,
            controllers: random.between(1, 3) as usize,
            forwarders: if many { 50 } else { random.between(1, 8) as usize },
            trouble: Duration::from_secs(u64::from(random.between(10, 40))),
            calm: Duration::from_secs(90),
            links: if random.percent(50) { Links::Streams } else { Links::Datagrams },
            faults: Duration::from_secs([1, 5, 20][random.below(3) as usize]),
            changes: Duration::from_millis([30, 300, 5000][random.below(3) as usize]),
            gather: Duration::from_millis([100, 2000][random.below(2) as usize]),
            // Without it nobody is told anything of the past, and the history of a seed is what it always was.
            has_witness: !seed.is_multiple_of(2),
            loss: [0, 1, 10][random.below(3) as usize],
            delay: Duration::from_millis([5, 100, 1500][random.below(3) as usize]),
            crash: [0, 1, 10][random.below(3) as usize],
            doubt: [0, 5, 40][random.below(3) as usize],
            fault: [0, 2, 20][random.below(3) as usize],
            over_budget: match random.below(3) {
                0 => OverBudget::Spread(Duration::from_secs(2)),
                _ => OverBudget::Hold,
            },
            defect,
        }
    }

    /// One VIP may move at a time.
    #[must_use]
    pub fn budget() -> Budget {
        Budget { moved_permille: 1000, disturbed: 1 }
    }
}

/// The set that has another backend in each content. No VIP goes there and its tables are empty, so that it disturbs nothing.
pub const WITNESS: &str = "witness";

/// What tells what [`WITNESS`] is.
#[must_use]
pub fn witness(set: &BackendSet) -> Option<IpAddr> {
    set.backends.first().filter(|_| set.name == WITNESS).map(|backend| backend.address)
}

/// Puts [`WITNESS`] into the content of a number.
pub fn put_witness(content: &mut Content, number: u64) {
    let address = Ipv6Addr::from_bits(0xfd00 << 112 | u128::from(number)).into();
    let set = BackendSet {
        name: WITNESS.to_owned(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        // Longer than any run, and than clocks jump.
        drain_window: Duration::from_secs(24 * 60 * 60),
        health_check: None,
        backends: [Backend { name: "one".to_owned(), address, weight: 0 }].into(),
    };
    if content.put_set(set).is_err() {
        unreachable!("the name is a name");
    }
}

/// The content of a number: each differs from each other one, and some are too large for some forwarders.
#[must_use]
pub fn content(number: u64) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    // Of the same backends in other shares: flows of a VIP that goes from one to the other move.
    for (set, share) in [("a", 1), ("b", 3)] {
        let backend = |number: u8, weight| Backend {
            name: format!("backend {number}"),
            address: [10, 0, 0, number].into(),
            weight,
        };
        let set = BackendSet {
            name: set.to_owned(),
            table_size: TableSize::Small,
            encapsulation: EncapsulationKind::IpIp,
            second_hop: false,
            drain_window: Duration::from_secs(60),
            health_check: None,
            backends: [backend(1, 1), backend(2, share)].into(),
        };
        if content.put_set(set).is_err() {
            unreachable!("the names are names");
        }
    }
    for vip in 0..3_u8 {
        let set = if number >> vip & 1 == 0 { "a" } else { "b" };
        let (Ok(name), Ok(set), Ok(shard)) = (format!("vip{vip}").parse(), set.parse(), "s".parse()) else {
            unreachable!("the names are names");
        };
        content.put_vip(Vip {
            name,
            address: IpAddr::from([192, 0, 2, vip]).into(),
            ports: Ports::One(80),
            protocol: Protocol::Tcp,
            set,
            affinity: Affinity::None,
            flow_entries: None,
            sources: Vec::new(),
            shard,
            advertise: Advertise { bgp: true, l2: None },
            owner: String::new(),
        });
    }
    let pools = std::iter::once(format!("number {number}")).chain((0..size(number)).map(|i| format!("p{i}")));
    for name in pools {
        if let Ok(name) = name.parse() {
            content.put_pool(Pool { name, prefixes: Vec::new() });
        }
    }
    content
}

/// How much room a content takes.
#[must_use]
pub const fn size(number: u64) -> usize {
    if number % 7 == 3 { 3 } else { 1 }
}

/// How much room a forwarder has: every seventh does not have enough for every content.
#[must_use]
pub const fn has_room(forwarder: usize, pools: usize) -> bool {
    // One pool has the number.
    forwarder % 7 != 5 || pools <= 3
}
