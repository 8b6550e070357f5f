//! Own share of an announcement: from a VIP that works to the bytes for its peers. `cargo bench -p guideway-bgp-rib`.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_bgp_rib::policy::{
    Announcements, Export, ExportSession, LinkBandwidth, Node, NodeExport, NodeState, PeerExport,
    RouteSettings, Vip,
};
use guideway_bgp_rib::{Cursor, Group};
use guideway_bgp_wire::{Community, Context, Families, Family, NextHop, Nlri};
use ipnet::IpNet;

const VIPS: u32 = 10_000;
const ROUNDS: usize = 21;

/// The tables of a speaker whose peers are in one or several groups.
struct Speaker {
    announcements: Announcements,
    groups: Vec<(Export, Group, Vec<Cursor>)>,
}

impl Speaker {
    fn new(groups: u8, peers: usize) -> Self {
        let settings = RouteSettings {
            communities: vec![Community::new(65001, 100), Community::NO_EXPORT],
            link_bandwidth: Some(LinkBandwidth::Live),
            ..RouteSettings::default()
        };
        let node = Arc::new(Node::new(NodeExport { settings, ..NodeExport::default() }));
        let group = |number| {
            let session = ExportSession {
                local_as: 65001,
                external: true,
                role: None,
                families: Families::NONE.with(Family::Ipv4),
                next_hop_v4: Some(NextHop::V4([192, 0, 2, number].into())),
                next_hop_v6: None,
            };
            let state = NodeState { capacity: Some(1_250_000_000), ..NodeState::default() };
            let export = Export::new(node.clone(), PeerExport::default(), session, state);
            let mut group = Group::new(Family::Ipv4, Context::default());
            let cursors = (0..peers).map(|_| group.join()).collect();
            (export, group, cursors)
        };
        Self { announcements: Announcements::new(node.clone()), groups: (1..=groups).map(group).collect() }
    }

    /// Octets for all peers.
    fn set(&mut self, vips: impl IntoIterator<Item = (IpNet, Option<Vip>)>) -> usize {
        let changed = vips.into_iter().flat_map(|(prefix, vip)| self.announcements.set(prefix, vip));
        let changed: BTreeSet<IpNet> = changed.collect();
        for (export, group, _) in &mut self.groups {
            for prefix in &changed {
                let candidate = self.announcements.candidate(prefix);
                let route = candidate.and_then(|candidate| export.route(&candidate));
                group.set(Nlri::new(*prefix), route).expect("the route fits");
            }
        }
        let mut octets = 0;
        for (_, group, cursors) in &mut self.groups {
            for cursor in cursors {
                while let Some(bytes) = group.next(cursor) {
                    octets += bytes.len();
                }
            }
        }
        octets
    }
}

fn vip(number: u32) -> IpNet {
    let [_, a, b, c] = number.to_be_bytes();
    IpNet::new_assert([10, a, b, c].into(), 32)
}

fn all(vip_is: Option<Vip>) -> impl Iterator<Item = (IpNet, Option<Vip>)> {
    (0..VIPS).map(move |number| (vip(number), vip_is))
}

/// Least and median time of some rounds, and the result.
fn measure<T, R>(mut prepare: impl FnMut() -> T, mut run: impl FnMut(&mut T) -> R) -> (Times, R) {
    let mut rounds: Vec<(Duration, R)> = (0..ROUNDS)
        .map(|_| {
            let mut subject = prepare();
            let begun = Instant::now();
            let result = black_box(run(&mut subject));
            (begun.elapsed(), result)
        })
        .collect();
    rounds.sort_by_key(|(time, _)| *time);
    let least = rounds[0].0;
    let (median, result) = rounds.swap_remove(ROUNDS / 2);
    (Times { least, median }, result)
}

/// The least is what it takes; the median is what else the machine did.
#[derive(Debug)]
struct Times {
    least: Duration,
    median: Duration,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.3} ms (median {:.3} ms)",
            self.least.as_secs_f64() * 1e3,
            self.median.as_secs_f64() * 1e3
        )
    }
}

/// Resident octets of this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn main() {
    for groups in [1, 4] {
        let before = resident();
        let mut speaker = Speaker::new(groups, 1);
        speaker.set(all(Some(Vip::Announced)));
        println!(
            "memory of {VIPS} VIPs in {groups} group(s): {} KiB",
            resident().saturating_sub(before) / 1024
        );
        // It stays, so that the next one does not use its memory again.
        std::mem::forget(speaker);
    }
    for (groups, peers) in [(1, 1), (1, 4), (4, 1)] {
        let name = format!("{groups} group(s) of {peers} peer(s)");
        let empty = || Speaker::new(groups, peers);
        let full = || {
            let mut speaker = empty();
            speaker.set(all(Some(Vip::Announced)));
            speaker
        };
        let (time, octets) = measure(empty, |speaker| speaker.set(all(Some(Vip::Announced))));
        println!("{name}: {VIPS} VIPs announced in {time}, {octets} octets");
        let (time, octets) = measure(full, |speaker| speaker.set(all(None)));
        println!("{name}: {VIPS} VIPs withdrawn in {time}, {octets} octets");
        let one = VIPS + 1;
        let (time, octets) = measure(full, |speaker| speaker.set([(vip(one), Some(Vip::Announced))]));
        println!("{name}: one VIP of {VIPS} announced in {time}, {octets} octets");
        let (time, octets) = measure(full, |speaker| speaker.set([(vip(7), None)]));
        println!("{name}: one VIP of {VIPS} withdrawn in {time}, {octets} octets");
        // A peer that comes anew is told everything.
        let (time, octets) = measure(full, |speaker| {
            let (_, group, _) = &mut speaker.groups[0];
            let cursor = group.join();
            std::iter::from_fn(|| group.next(&cursor)).map(|bytes| bytes.len()).sum::<usize>()
        });
        println!("{name}: dump for a new peer in {time}, {octets} octets");
    }
    // As one call, for who has a whole table.
    let (time, _) = measure(
        || {
            let mut speaker = Speaker::new(1, 0);
            speaker.set(all(Some(Vip::Announced)));
            let (_, group, _) = speaker.groups.remove(0);
            let table: BTreeMap<_, _> =
                group.routes().into_iter().map(|(nlri, route)| (nlri, route.clone())).collect();
            (group, table)
        },
        |(group, table)| group.replace(table).is_ok_and(|changed| !changed),
    );
    println!("{VIPS} equal routes compared in {time}");
}
