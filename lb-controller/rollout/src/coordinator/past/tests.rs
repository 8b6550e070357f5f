use guideway_controller_core::{Advertise, Routing, diff};
use guideway_dataplane_config::{Affinity, Backend, EncapsulationKind, Ports, Protocol, Seed, TableSize};

use super::*;

const WINDOW: Duration = Duration::from_secs(60);

/// A set with this backend.
fn set(name: &str, backend: u8) -> BackendSet {
    BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        drain_window: WINDOW,
        health_check: None,
        backends: [Backend { name: "b".to_owned(), address: [10, 0, 0, backend].into(), weight: 1 }].into(),
    }
}

fn content(sets: impl IntoIterator<Item = BackendSet>) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    for set in sets {
        content.put_set(set).unwrap();
    }
    content
}

/// What a leader commits, one after the other.
struct Committed {
    past: Past,
    content: Content,
    start: Instant,
    now: Instant,
}

impl Committed {
    fn new(sets: impl IntoIterator<Item = BackendSet>) -> Self {
        let now = Instant::now();
        Self { past: Past::default(), content: content(sets), start: now, now }
    }

    /// After so many seconds.
    fn next(&mut self, seconds: u64, content: Content) {
        self.now += Duration::from_secs(seconds);
        let changes = diff(&self.content, &content).changes;
        self.past.note(&self.content, &content, &changes, self.now);
        self.content = content;
        self.is_sound();
    }

    fn put(&mut self, seconds: u64, set: BackendSet) {
        let mut content = self.content.clone();
        content.put_set(set).unwrap();
        self.next(seconds, content);
    }

    /// Both indexes say the same.
    fn is_sound(&self) {
        let entries = self.past.entries.iter().map(|(order, entry)| (entry.name.clone(), *order));
        let listed = self.past.of_set.iter();
        let listed = listed.flat_map(|(name, orders)| orders.iter().map(|order| (name.clone(), *order)));
        let (mut entries, mut listed): (Vec<_>, Vec<_>) = (entries.collect(), listed.collect());
        entries.sort();
        listed.sort();
        assert_eq!(entries, listed);
        assert!(self.past.of_set.values().all(|orders| (1..=MAX_OF_SET).contains(&orders.len())));
    }

    /// Set, last octet of its backend and seconds since it was replaced.
    fn list(&mut self) -> Vec<(String, u8, u64)> {
        let list = self.past.list(Some(&self.content), self.now);
        let short = |past: &PastSet| {
            let address = past.set.backends.first().map(|backend| backend.address);
            let Some(std::net::IpAddr::V4(address)) = address else { panic!() };
            (past.set.name.clone(), address.octets()[3], past.ago.as_secs())
        };
        list.iter().map(short).collect()
    }
}

fn is(list: &[(&str, u8, u64)]) -> Vec<(String, u8, u64)> {
    list.iter().map(|(name, backend, ago)| ((*name).to_owned(), *backend, *ago)).collect()
}

fn first(set: &mut BackendSet) -> &mut Backend {
    &mut Arc::make_mut(&mut set.backends)[0]
}

#[test]
fn what_counts_as_a_change_of_tables() {
    type Edit = fn(&mut BackendSet);
    let cases: &[(&str, Edit, bool)] = &[
        ("nothing", |_| {}, false),
        ("name", |set| first(set).name = "c".to_owned(), true),
        ("address", |set| first(set).address = [10, 0, 0, 9].into(), true),
        ("weight", |set| first(set).weight = 0, true),
        (
            "one more",
            |set| set.backends = [first(set).clone(), first(&mut self::set("", 9)).clone()].into(),
            true,
        ),
        ("none", |set| set.backends = [].into(), true),
        ("window", |set| set.drain_window = Duration::from_secs(1), false),
        ("encapsulation", |set| set.encapsulation = EncapsulationKind::IpIp, false),
        ("second hop", |set| set.second_hop = false, false),
        ("size", |set| set.table_size = TableSize::Large, true),
    ];
    for (what, edit, counts) in cases {
        let mut committed = Committed::new([set("a", 1), set("b", 1)]);
        let mut after = set("a", 1);
        edit(&mut after);
        committed.put(1, after);
        let expected = if *counts { is(&[("a", 1, 0)]) } else { Vec::new() };
        assert_eq!(committed.list(), expected, "{what}");
        assert_eq!(committed.past.version > 0, *counts, "{what}");
    }
}

#[test]
fn what_is_forgotten_of_a_set() {
    type Edit = fn(&mut Content);
    type Listed = &'static [(&'static str, u8, u64)];
    let cases: &[(&str, Edit, Listed)] = &[
        ("nothing", |_| {}, &[("a", 1, 2), ("b", 1, 1)]),
        ("removed", |content| _ = content.remove_set(&"a".parse().unwrap()), &[("b", 1, 1)]),
        (
            "no second hop",
            |content| content.put_set(BackendSet { second_hop: false, ..set("a", 3) }).unwrap(),
            &[("b", 1, 1)],
        ),
        (
            "another size",
            |content| content.put_set(BackendSet { table_size: TableSize::Large, ..set("a", 2) }).unwrap(),
            &[("a", 1, 2), ("b", 1, 1), ("a", 2, 0)],
        ),
        (
            "another seed",
            |content| content.put_seed(Seed::new([8; 16])),
            &[("a", 1, 2), ("b", 1, 1), ("a", 2, 0), ("b", 2, 0)],
        ),
        (
            "another seed and other backends",
            |content| {
                content.put_seed(Seed::new([8; 16]));
                content.put_set(set("a", 3)).unwrap();
                content.remove_set(&"b".parse().unwrap());
            },
            &[("a", 1, 2), ("a", 2, 0)],
        ),
    ];
    for (what, edit, expected) in cases {
        let mut committed = Committed::new([set("a", 1), set("b", 1)]);
        committed.put(0, set("a", 2));
        committed.put(1, set("b", 2));
        let mut content = committed.content.clone();
        let version = committed.past.version;
        edit(&mut content);
        committed.next(1, content);
        assert_eq!(committed.list(), is(expected), "{what}");
        assert_eq!(committed.past.version != version, *what != "nothing", "{what}");
    }
}

/// Forwarders look after flows from a change on for as long as the set says then, and what they hold for longer.
#[test]
fn the_window_is_that_of_the_set_that_takes_the_place() {
    let within = |seconds| BackendSet { drain_window: Duration::from_secs(seconds), ..set("a", 2) };
    for (before, after) in [(100, 10), (10, 100)] {
        let mut committed =
            Committed::new([BackendSet { drain_window: Duration::from_secs(before), ..set("a", 1) }]);
        committed.put(0, within(after));
        let counts = Duration::from_secs(3 * after);
        committed.now = committed.start + counts - Duration::from_nanos(1);
        assert_eq!(committed.list(), is(&[("a", 1, 3 * after - 1)]));
        committed.now = committed.start + counts + FRESH;
        assert_eq!(committed.list(), []);
        assert!(committed.past.entries.is_empty() && committed.past.of_set.is_empty());
    }
    // Beyond what the clock can say.
    let mut committed = Committed::new([set("a", 1)]);
    committed.put(0, within(u64::MAX));
    committed.now += Duration::from_secs(1 << 30);
    assert_eq!(committed.list(), is(&[("a", 1, 1 << 30)]));
}

#[test]
fn a_change_makes_room() {
    let mut committed = Committed::new([set("a", 1), set("b", 1)]);
    committed.put(0, set("a", 2));
    committed.put(180, set("b", 2));
    assert_eq!(committed.past.entries.len(), 1);
    let version = committed.past.version;
    committed.now += 3 * WINDOW;
    assert_eq!(committed.list(), []);
    assert_eq!(committed.past.version, version, "nothing is to be told anew for that");
}

#[test]
fn the_newest_of_a_set_stay() {
    let mut committed = Committed::new([set("a", 1), set("b", 1)]);
    committed.put(1, set("b", 2));
    let changes = u8::try_from(MAX_OF_SET).unwrap() + 2;
    for backend in 2..2 + changes {
        committed.put(1, set("a", backend));
    }
    let of_a: Vec<_> = (3..=changes).map(|backend| ("a", backend, u64::from(changes - backend))).collect();
    assert_eq!(committed.list(), is(&[&[("b", 1, u64::from(changes))], &of_a[..]].concat()));
    // There and back is two changes.
    committed.put(1, set("b", 1));
    committed.put(1, set("b", 2));
    let of_b: Vec<_> = committed.list().into_iter().filter(|(name, ..)| name == "b").collect();
    assert_eq!(of_b, is(&[("b", 1, u64::from(changes) + 2), ("b", 2, 1), ("b", 1, 0)]));
}

#[test]
fn the_oldest_of_all_go() {
    let mut past = Past::default();
    let now = Instant::now();
    let was = Was { set: Arc::new(set("a", 1)), unhealthy: Vec::new(), seed: Seed::new([7; 16]) };
    for number in 0..MAX_PAST_SETS + 2 {
        past.push(&number.to_string().parse().unwrap(), was.clone(), WINDOW, now);
    }
    assert_eq!((past.entries.len(), past.of_set.len()), (MAX_PAST_SETS, MAX_PAST_SETS));
    assert!(!past.of_set.contains_key("1") && past.of_set.contains_key("2"));
    assert_eq!(past.list(None, now).len(), MAX_PAST_SETS);
}

#[test]
fn a_list_is_made_once_and_anew_when_it_is_old() {
    let mut committed = Committed::new([set("a", 1)]);
    committed.put(0, set("a", 2));
    let list = |committed: &mut Committed| committed.past.list(None, committed.now);
    let first = list(&mut committed);
    committed.now += Duration::from_millis(999);
    assert!(Arc::ptr_eq(&first, &list(&mut committed)));
    committed.now += Duration::from_millis(1);
    let second = list(&mut committed);
    assert_eq!((first[0].ago, second[0].ago), (Duration::ZERO, Duration::from_secs(1)));
    committed.put(0, set("a", 3));
    assert_eq!(list(&mut committed).len(), 2);
}

/// A set with three backends.
fn three(name: &str) -> BackendSet {
    let backend =
        |number: u8| Backend { name: format!("b{number}"), address: [10, 0, number, 1].into(), weight: 1 };
    BackendSet { backends: (0..3).map(backend).collect(), ..set(name, 1) }
}

impl Committed {
    /// After so many seconds forwarders take these for dead.
    fn hear(&mut self, seconds: u64, name: &str, dead: &[&str], is_behind: bool) {
        self.now += Duration::from_secs(seconds);
        let dead = dead.iter().map(|dead| (*dead).to_owned()).collect();
        self.past.note_health(&name.parse().unwrap(), dead, Some(&self.content), is_behind, self.now);
        self.is_sound();
    }

    /// Set, backends, places of the dead ones and seconds since it was replaced.
    fn told(&mut self) -> Vec<(String, usize, Vec<u32>, u64)> {
        let list = self.past.list(Some(&self.content), self.now);
        let short = |past: &PastSet| {
            (past.set.name.clone(), past.set.backends.len(), past.unhealthy.clone(), past.ago.as_secs())
        };
        list.iter().map(short).collect()
    }
}

fn are(list: &[(&str, usize, &[u32], u64)]) -> Vec<(String, usize, Vec<u32>, u64)> {
    list.iter().map(|(name, count, dead, ago)| ((*name).to_owned(), *count, dead.to_vec(), *ago)).collect()
}

#[test]
fn backends_that_were_dead_for_a_while_are_told() {
    let mut committed = Committed::new([three("a"), three("b")]);
    committed.hear(0, "a", &[], false);
    assert_eq!((committed.told(), committed.past.version), (vec![], 0), "that all live is no news");
    committed.hear(1, "a", &["b1"], false);
    // What is so now ends now as far as anybody who comes can tell.
    assert_eq!(committed.told(), are(&[("a", 3, &[], 0), ("a", 3, &[1], 0)]));
    let version = committed.past.version;
    committed.hear(5, "a", &["b1"], false);
    assert_eq!(committed.past.version, version);
    committed.hear(5, "a", &["b1", "b2", "nobody"], false);
    committed.hear(5, "a", &[], false);
    assert_eq!(committed.told(), are(&[("a", 3, &[], 15), ("a", 3, &[1], 5), ("a", 3, &[1, 2], 0)]));
    // A change of the configuration replaces what was dead, too.
    committed.hear(1, "a", &["b0"], false);
    committed.put(1, BackendSet { backends: three("a").backends[..2].into(), ..three("a") });
    let told = committed.told();
    assert_eq!(told[3..], are(&[("a", 3, &[], 1), ("a", 3, &[0], 0), ("a", 2, &[0], 0)]));
}

#[test]
fn what_nobody_looks_after_is_not_told_either() {
    let mut committed = Committed::new([BackendSet { second_hop: false, ..three("a") }]);
    committed.hear(1, "a", &["b1"], false);
    committed.hear(1, "unknown", &["b1"], false);
    assert_eq!(committed.told(), []);
    committed.hear(1, "unknown", &[], false);
    assert_eq!(committed.past.unhealthy.len(), 1);
    // It has a second hop now, and the backend is dead still.
    committed.put(1, three("a"));
    assert_eq!(committed.told(), are(&[("a", 3, &[1], 0)]));
    committed.past.forget_all();
    assert_eq!(committed.told(), are(&[("a", 3, &[1], 0)]), "what is so now is no past");
}

/// A forwarder that has not installed what is committed gives flows by what was before, without the dead.
#[test]
fn one_that_is_behind_acts_on_the_earlier_set() {
    let two = BackendSet { backends: three("a").backends[..2].into(), ..three("a") };
    let mut committed = Committed::new([two]);
    committed.put(1, three("a"));
    committed.hear(1, "a", &["b1"], true);
    let expected = are(&[("a", 2, &[], 1), ("a", 3, &[], 0), ("a", 2, &[1], 0), ("a", 3, &[1], 0)]);
    assert_eq!(committed.told(), expected);
}

#[test]
fn a_backend_that_comes_and_goes_does_not_hide_a_change() {
    let mut committed = Committed::new([set("a", 1)]);
    committed.put(0, three("a"));
    for _ in 0..MAX_OF_SET {
        committed.hear(0, "a", &["b1"], false);
        committed.hear(0, "a", &[], false);
    }
    let told = committed.told();
    assert_eq!((told.len(), &told[0]), (MAX_OF_SET, &are(&[("a", 1, &[], 0)])[0]));
}

/// A VIP of this number at a set.
fn vip(number: u8, set: &str) -> Vip {
    Vip {
        name: format!("vip-{number}").parse().unwrap(),
        address: format!("203.0.113.{number}/32").parse().unwrap(),
        ports: Ports::One(80),
        protocol: Protocol::Tcp,
        set: set.parse().unwrap(),
        affinity: Affinity::None,
        flow_entries: None,
        sources: Vec::new(),
        shard: "all".parse().unwrap(),
        advertise: Advertise { bgp: true, l2: None },
        owner: String::new(),
    }
}

/// For those who have never seen a VIP at the set that it had.
#[test]
fn vips_that_go_to_another_set_bring_what_theirs_was() {
    type Edit = fn(&mut Content);
    type Listed = &'static [(&'static str, u8, u64)];
    let cases: &[(&str, Edit, Listed)] = &[
        ("none goes", |content| content.put_vip(vip(9, "b")), &[("a", 1, 5)]),
        ("to one that is there", |content| content.put_vip(vip(1, "b")), &[("a", 1, 5), ("b", 2, 0)]),
        (
            "to one that changes",
            |content| {
                content.put_set(set("b", 8)).unwrap();
                content.put_vip(vip(1, "b"));
            },
            &[("a", 1, 5), ("b", 7, 0), ("b", 2, 0)],
        ),
        (
            "to a new one",
            |content| {
                content.put_set(set("c", 9)).unwrap();
                content.put_vip(vip(1, "c"));
            },
            &[("a", 1, 5), ("c", 1, 5), ("c", 2, 0)],
        ),
        (
            "all to one that is the same but for the name",
            |content| {
                content.put_set(set("c", 2)).unwrap();
                content.put_vip(vip(1, "c"));
                content.put_vip(vip(2, "c"));
                content.remove_set(&"a".parse().unwrap());
            },
            &[("c", 1, 5)],
        ),
        (
            "from several to a new one",
            |content| {
                content.put_set(set("c", 9)).unwrap();
                (1..=3).for_each(|number| content.put_vip(vip(number, "c")));
            },
            &[("a", 1, 5), ("c", 1, 5), ("c", 7, 0), ("c", 2, 0)],
        ),
        (
            "with another seed",
            |content| {
                content.put_seed(Seed::new([8; 16]));
                content.put_set(set("c", 2)).unwrap();
                content.put_vip(vip(1, "c"));
            },
            &[("a", 1, 5), ("a", 2, 0), ("b", 7, 0), ("c", 1, 5), ("c", 2, 0)],
        ),
        (
            "to one without agents",
            |content| {
                content.put_set(BackendSet { second_hop: false, ..set("c", 9) }).unwrap();
                content.put_vip(vip(1, "c"));
            },
            &[("a", 1, 5)],
        ),
        (
            "another VIP of its name",
            |content| content.put_vip(Vip { ports: Ports::One(81), ..vip(1, "b") }),
            &[("a", 1, 5)],
        ),
    ];
    for (what, edit, expected) in cases {
        let mut committed = Committed::new([set("a", 1), set("b", 7)]);
        for (number, set) in [(1, "a"), (2, "a"), (3, "b")] {
            committed.content.put_vip(vip(number, set));
        }
        committed.put(0, set("a", 2));
        let mut content = committed.content.clone();
        edit(&mut content);
        committed.next(5, content);
        assert_eq!(committed.list(), is(expected), "{what}");
        // What it had then counts no longer than there.
        committed.now = committed.start + 3 * WINDOW;
        assert!(committed.list().iter().all(|(.., ago)| *ago == (3 * WINDOW).as_secs() - 5), "{what}");
    }
}
