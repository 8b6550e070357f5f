//! A controller, some forwarders, a store and a network without delay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::{Cost, FromForwarder, Hello, PastSet, ToForwarder};
use guideway_controller_core::{
    Advertise, Budget, Content, Digest, ForwarderName, Generation, Pool, Routing, Vip,
};
use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, EncapsulationKind, Ports, Protocol, Seed, TableSize,
};

use crate::coordinator::{self, Notice};
use crate::follower::{self, Found, Kept};
use crate::{ConnectionId, Coordinator, Follower, FollowerSettings, Record, Settings, Stamp};
use crate::{Stored, Version, WriteFault};

pub(super) fn name(number: usize) -> ForwarderName {
    format!("lb-{number}").parse().unwrap()
}

/// Where a forwarder passes connections of others on.
pub(super) fn relay(number: usize) -> SocketAddr {
    (Ipv4Addr::from(0xc000_0200 + u32::try_from(number).unwrap()), 9490).into()
}

/// A content with this in it, and VIPs of the set `a` or `b`, which have the same backends in other shares.
pub(super) fn content(pool: &str, sets: &str) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    content.put_pool(Pool { name: pool.parse().unwrap(), prefixes: Vec::new() });
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
        content.put_set(set).unwrap();
    }
    for (number, set) in sets.chars().enumerate() {
        content.put_vip(Vip {
            name: format!("vip {number}").parse().unwrap(),
            address: format!("192.0.2.{number}/32").parse().unwrap(),
            ports: Ports::One(80),
            protocol: Protocol::Tcp,
            set: set.to_string().parse().unwrap(),
            affinity: Affinity::None,
            flow_entries: None,
            sources: Vec::new(),
            shard: "all".parse().unwrap(),
            advertise: Advertise { bgp: true, l2: None },
            owner: String::new(),
        });
    }
    content
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Writes {
    #[default]
    Done,
    /// Done, and the answer is lost.
    DoneInDoubt,
    /// Not done, and nobody knows.
    LostInDoubt,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) record: Option<Record>,
    pub(super) version: u64,
    pub(super) writes: Writes,
    /// How often something was written.
    pub(super) count: usize,
}

pub(super) struct Forwarder {
    pub(super) machine: Follower,
    pub(super) connection: Option<ConnectionId>,
    pub(super) kept: Kept,
    pub(super) contents: BTreeMap<Stamp, Content>,
    pub(super) prepared: Option<Stamp>,
    pub(super) installed: Option<Stamp>,
    /// Since when it had each.
    pub(super) since: BTreeMap<Stamp, Instant>,
    pub(super) announced: Option<Stamp>,
    /// It prepares nothing, and says nothing about it.
    pub(super) is_silent: bool,
    /// Its disk does not answer.
    pub(super) is_stuck: bool,
    /// It sends no content.
    pub(super) is_mute: bool,
    /// Why it refuses.
    pub(super) refuses: Option<String>,
    /// Through whom it would reach controllers.
    pub(super) relays: BTreeSet<SocketAddr>,
    /// What it was told last of what sets were before.
    pub(super) past: Arc<Vec<PastSet>>,
}

pub(super) struct Bed {
    start: Instant,
    pub(super) now: Instant,
    pub(super) leader: Option<Coordinator>,
    pub(super) forwarders: Vec<Forwarder>,
    pub(super) store: Store,
    pub(super) notices: Vec<Notice>,
    pub(super) found: Vec<(Generation, Option<Content>)>,
    /// What forwarders were told, in order.
    pub(super) said: Vec<(usize, ToForwarder)>,
    pub(super) resigned: bool,
    /// The leader dies before this many more actions.
    pub(super) dies_after: Option<usize>,
    connections: u64,
    /// Of the store, on their way.
    answers: VecDeque<coordinator::Event>,
    up: VecDeque<(usize, ConnectionId, FromForwarder)>,
    down: VecDeque<(usize, ConnectionId, ToForwarder)>,
    /// Everything that was committed.
    committed: Vec<Stamp>,
    /// What each generation is.
    digests: BTreeMap<Generation, Digest>,
}

impl Bed {
    pub(super) fn new(forwarders: usize) -> Self {
        let start = Instant::now();
        let mut bed = Self {
            start,
            now: start,
            leader: None,
            forwarders: Vec::new(),
            store: Store::default(),
            notices: Vec::new(),
            found: Vec::new(),
            said: Vec::new(),
            resigned: false,
            dies_after: None,
            answers: VecDeque::new(),
            connections: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            committed: Vec::new(),
            digests: BTreeMap::new(),
        };
        (0..forwarders).for_each(|_| bed.add_forwarder());
        bed
    }

    /// With a leader who has gathered all.
    pub(super) fn led(forwarders: usize) -> Self {
        let mut bed = Self::new(forwarders);
        bed.start_leader("one", &content("first", "aaa"));
        bed.pass(Duration::from_secs(3));
        bed
    }

    pub(super) fn add_forwarder(&mut self) {
        let forwarder = Forwarder {
            machine: Follower::new(FollowerSettings::default(), Found::default()),
            connection: None,
            kept: Kept::default(),
            contents: BTreeMap::new(),
            prepared: None,
            installed: None,
            since: BTreeMap::new(),
            announced: None,
            is_silent: false,
            is_stuck: false,
            is_mute: false,
            refuses: None,
            relays: BTreeSet::new(),
            past: Arc::default(),
        };
        self.forwarders.push(forwarder);
        self.follower(self.forwarders.len() - 1, follower::Event::Start);
        self.dial_all();
        self.run();
    }

    pub(super) fn start_leader(&mut self, leader: &str, desired: &Content) {
        let budget = Budget { moved_permille: 1000, disturbed: 1 };
        self.start(Settings::new(leader.to_owned(), budget), desired);
    }

    pub(super) fn start(&mut self, settings: Settings, desired: &Content) {
        self.leader = Some(Coordinator::new(settings));
        self.tell(coordinator::Event::Desired(desired.clone()));
        self.tell(coordinator::Event::BecameLeader);
        self.dial_all();
        self.run();
    }

    pub(super) fn wants(&mut self, desired: &Content) {
        self.tell(coordinator::Event::Desired(desired.clone()));
        self.run();
    }

    pub(super) fn tell(&mut self, event: coordinator::Event) {
        let Some(leader) = &mut self.leader else { return };
        let actions = leader.handle(event, self.now);
        for action in actions {
            if let Some(left) = &mut self.dies_after {
                if *left == 0 {
                    self.kill_leader();
                    return;
                }
                *left -= 1;
            }
            self.act(action);
        }
        // The store answers when everything else is on its way.
        if let Some(answer) = self.answers.pop_front() {
            self.tell(answer);
        }
    }

    pub(super) fn kill_leader(&mut self) {
        self.leader = None;
        self.dies_after = None;
        self.answers.clear();
        self.up.clear();
        // What is on its way arrives.
        self.run();
        for number in 0..self.forwarders.len() {
            self.cut(number);
        }
        self.run();
    }

    /// The connection breaks, and both know.
    pub(super) fn cut(&mut self, number: usize) {
        if let Some(connection) = self.forwarders[number].connection.take() {
            self.follower(number, follower::Event::Disconnected { connection });
            self.tell(coordinator::Event::Disconnected { forwarder: name(number), connection });
        }
    }

    /// The process dies and starts again, with what it kept.
    pub(super) fn restart(&mut self, number: usize) {
        self.cut(number);
        let forwarder = &mut self.forwarders[number];
        let read = |stamp: Stamp| forwarder.contents.get(&stamp).cloned();
        let found = Found {
            kept: forwarder.kept,
            committed: forwarder.kept.committed.and_then(read),
            prepared: forwarder.prepared.and_then(|stamp| Some((stamp.generation, read(stamp)?))),
        };
        forwarder.machine = Follower::new(FollowerSettings::default(), found);
        self.follower(number, follower::Event::Start);
        self.run();
    }

    fn time_of_day(&self, at: Instant) -> SystemTime {
        SystemTime::UNIX_EPOCH + (at - self.start)
    }

    pub(super) fn dial_all(&mut self) {
        for number in 0..self.forwarders.len() {
            self.dial(number);
        }
    }

    pub(super) fn dial(&mut self, number: usize) {
        if self.leader.is_none() || self.forwarders[number].connection.is_some() {
            return;
        }
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        self.forwarders[number].connection = Some(connection);
        let kept = self.forwarders[number].since.iter();
        let kept = kept.map(|(stamp, at)| (stamp.generation, stamp.digest, self.time_of_day(*at)));
        let relays = BTreeSet::from([relay(number)]);
        let hello = Hello { kept: kept.collect(), relays, ..Hello::default() };
        self.follower(number, follower::Event::Connected { connection, hello });
    }

    fn act(&mut self, action: coordinator::Action) {
        use coordinator::{Action, Event};
        match action {
            Action::ReadRecord { request } => {
                let version = (self.store.version > 0).then(|| Version(self.store.version.to_string()));
                let result = Ok(Stored { record: self.store.record.clone(), version });
                self.answers.push_back(Event::RecordRead { request, result });
            }
            Action::WriteRecord { request, record, expected } => {
                let result = self.write(record, expected);
                self.answers.push_back(Event::RecordWritten { request, result });
            }
            Action::Send { forwarder, connection, message } => {
                if let ToForwarder::Prepare { generation, delta, .. } = &message {
                    let digest = *self.digests.entry(*generation).or_insert(delta.result);
                    assert_eq!(digest, delta.result, "generation {generation} is two things");
                }
                let number = (0..self.forwarders.len()).find(|number| name(*number) == forwarder).unwrap();
                self.said.push((number, message.clone()));
                self.down.push_back((number, connection, message));
            }
            Action::Disconnect { forwarder, connection, .. } => {
                let number = (0..self.forwarders.len()).find(|number| name(*number) == forwarder).unwrap();
                if self.forwarders[number].connection == Some(connection) {
                    self.forwarders[number].connection = None;
                    self.follower(number, follower::Event::Disconnected { connection });
                }
            }
            Action::Resign => self.resigned = true,
            Action::Found { generation, content } => self.found.push((generation, content)),
            Action::Notice(notice) => self.notices.push(notice),
        }
    }

    fn write(&mut self, record: Record, expected: Option<Version>) -> Result<Version, WriteFault> {
        let store = &mut self.store;
        let version = (store.version > 0).then(|| Version(store.version.to_string()));
        let unknown = Err(WriteFault::Unknown("no answer".to_owned()));
        if store.writes == Writes::LostInDoubt {
            return unknown;
        }
        if expected != version {
            return Err(WriteFault::Conflict);
        }
        if let Some(stamp) = record.committed {
            self.committed.push(stamp);
        }
        store.record = Some(record);
        store.version += 1;
        store.count += 1;
        if store.writes == Writes::DoneInDoubt { unknown } else { Ok(Version(store.version.to_string())) }
    }

    pub(super) fn follower(&mut self, number: usize, event: follower::Event) {
        use follower::{Action, Event};
        for action in self.forwarders[number].machine.handle(event, self.now) {
            let forwarder = &mut self.forwarders[number];
            match action {
                Action::Send { connection, message } => self.up.push_back((number, connection, message)),
                Action::Disconnect { connection, .. } => {
                    forwarder.connection = None;
                    self.tell(coordinator::Event::Disconnected { forwarder: name(number), connection });
                }
                Action::Prepare { stamp, content } => {
                    if forwarder.is_silent {
                        continue;
                    }
                    let result = match &forwarder.refuses {
                        Some(why) => Err(vec![why.clone()]),
                        None => Ok(Cost { moved: 1, at_risk: 1, flows_at_risk: number as u64 }),
                    };
                    if result.is_ok() {
                        forwarder.contents.insert(stamp, content);
                        forwarder.prepared = Some(stamp);
                    }
                    self.follower(number, Event::Prepared { stamp, result });
                }
                Action::Discard { .. } => forwarder.prepared = None,
                Action::Keep(kept) => {
                    forwarder.kept = kept;
                    if forwarder.is_stuck {
                        continue;
                    }
                    self.follower(number, Event::Kept { result: Ok(kept) });
                }
                Action::Install { stamp, .. } => {
                    assert!(self.committed.contains(&stamp), "{stamp} is not committed");
                    assert!(forwarder.installed.is_none_or(|before| before.generation <= stamp.generation));
                    assert_eq!(forwarder.kept.committed, Some(stamp));
                    forwarder.installed = Some(stamp);
                    forwarder.since.insert(stamp, self.now);
                    self.follower(number, Event::Installed { stamp, result: Ok(1) });
                }
                Action::Fetch { .. } if forwarder.is_mute => {}
                Action::Fetch { generation } => {
                    let found = forwarder.contents.iter().find(|(stamp, _)| stamp.generation == generation);
                    let content = found.map(|(_, content)| content.clone());
                    self.follower(number, Event::Fetched { generation, content });
                }
                Action::Announce(stamp) => forwarder.announced = Some(stamp),
                Action::Withdraw(_) => forwarder.announced = None,
                Action::Relays(relays) => forwarder.relays = relays,
                Action::Past(sets) => forwarder.past = sets,
            }
        }
    }

    /// Delivers messages until there are none.
    pub(super) fn run(&mut self) {
        for _ in 0..100_000 {
            if let Some((number, connection, message)) = self.down.pop_front() {
                self.follower(number, follower::Event::Received { connection, message });
            } else if let Some((number, connection, message)) = self.up.pop_front() {
                let forwarder = name(number);
                self.tell(match message {
                    FromForwarder::Hello(hello) => {
                        let time_of_day = self.time_of_day(self.now);
                        coordinator::Event::Connected { forwarder, connection, hello, time_of_day }
                    }
                    message => coordinator::Event::Received { forwarder, connection, message },
                });
            } else {
                return;
            }
        }
        panic!("they talk for ever");
    }

    /// Lets time pass, timer by timer.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100_000 {
            let leader = self.leader.as_ref().and_then(Coordinator::poll_timeout);
            let followers = self.forwarders.iter().filter_map(|forwarder| forwarder.machine.poll_timeout());
            let next = followers.chain(leader).min().filter(|at| *at <= end);
            let Some(next) = next else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if leader.is_some_and(|at| at <= self.now) {
                self.tell(coordinator::Event::Timeout);
            }
            for number in 0..self.forwarders.len() {
                if self.forwarders[number].machine.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.follower(number, follower::Event::Timeout);
                }
            }
            self.run();
        }
        panic!("timers run for ever");
    }

    pub(super) fn committed(&self) -> Option<Stamp> {
        self.store.record.as_ref().and_then(|record| record.committed)
    }

    /// Whether everybody serves and announces this.
    pub(super) fn all_serve(&self, content: &Content) -> bool {
        self.forwarders.iter().all(|forwarder| {
            let installed = forwarder.installed.filter(|stamp| stamp.digest == content.digest());
            installed.is_some() && forwarder.announced == installed
        })
    }
}
