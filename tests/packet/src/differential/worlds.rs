//! Configurations and what happens to them.

use crate::case_file::{
    Change, EncapsulationSpec, FullUpcoming, FullVip, SetSpec, Step, TableSpec, UpcomingSpec, VipSpec,
    WorldSpec,
};

use ipnet::IpNet;

use super::random::Random;

const BACKENDS: &[&str] = &[
    "a", "b", "c", "d", "a6", "b6", "c6", "be4", "be6", "link4", "link6", "side4", "side6", "other4",
    "other6", "narrow4", "narrow6", "unrouted", "silent",
];
const SETS: &[&str] = &["s0", "s1", "s2", "s3", "s4"];
const ADDRESSES: &[&str] = &[
    "203.0.113.10",
    "203.0.113.11",
    "203.0.113.130",
    "203.0.113.128/25",
    "203.0.113.0/24",
    "203.0.112.0/23",
    "[2001:db8::10]",
    "[2001:db8::11]",
    "[2001:db8::/64]",
    "[2001:db8::/48]",
    "[2001:db8:0:1::/64]",
];
const PORTS: &[&str] =
    &["80", "443", "53", "0", "65535", "1-1023", "8000-8999", "8080-8089", "8085-8094", "60000-65535", "any"];
/// Clients have 198.51.100.1 to 3 or 2001:db8:ffff::1 to 3, and sometimes any other address.
const SOURCES_V4: &[&str] = &[
    "198.51.100.1/32",
    "198.51.100.2/31",
    "198.51.100.0/24",
    "198.51.100.3/32",
    "198.51.100.128/25",
    "198.51.101.0/24",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "0.0.0.0/1",
];
const SOURCES_V6: &[&str] = &[
    "2001:db8:ffff::1/128",
    "2001:db8:ffff::2/127",
    "2001:db8:ffff::/48",
    "2001:db8:ffff::3/128",
    "2001:db8:ffff::8000/113",
    "2001:db9::/32",
    "::/0",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "8000::/1",
];
const SEEDS: &[&str] = &["one", "two", "three"];
const WINDOWS: &[&str] = &["1s", "30s", "10m", "1h"];
const TIMES: &[&str] = &["1s", "5s", "16s", "17s", "29s", "30s", "31s", "10m", "601s", "2h"];
const LEGS: &[&str] = &["up0", "up0", "other0", "unknown"];
const MOST_VIPS: usize = 20;

/// What changes next.
#[derive(Default)]
pub(super) struct Worlds {
    built: bool,
}

impl Worlds {
    pub(super) fn change(&mut self, random: &mut Random, spec: &WorldSpec) -> Step {
        if !self.built {
            self.built = true;
            return install(first(random));
        }
        match random.below(12) {
            0 | 1 => Step { advance: Some((*random.of(TIMES)).to_owned()), ..Step::default() },
            2 => Step { routes_valid: Some(!random.one_in(3)), ..Step::default() },
            3 => Step { routes: Some([routes(random)].into()), ..Step::default() },
            4 => install(Change { seed: Some((*random.of(SEEDS)).to_owned()), ..Change::default() }),
            5 => install(Change { vips: [vip(random, spec)].into(), ..Change::default() }),
            6 => install(without_vip(random, spec)),
            7 => {
                let set = (set_name(random, spec), Some(whole_set(random)));
                install(Change { sets: [set].into(), ..Change::default() })
            }
            8 => install(Change { leaving: Some(dead(random)), ..Change::default() }),
            _ => install(other_members(random, spec)),
        }
    }
}

fn install(change: Change) -> Step {
    Step { install: Some(change), ..Step::default() }
}

fn first(random: &mut Random) -> Change {
    let sets = SETS.iter().map(|name| ((*name).to_owned(), Some(whole_set(random)))).collect();
    let spec = WorldSpec {
        sets: SETS.iter().map(|name| ((*name).to_owned(), SetSpec::default())).collect(),
        ..WorldSpec::default()
    };
    let vips = (0..4 + random.below(8)).map(|_| vip(random, &spec)).collect();
    let all = ["203.0.112.0/22", "2001:db8::/32", "10.1.99.0/24"].map(|pool| pool.parse().expect("a prefix"));
    let pools = all.into_iter().filter(|_| random.one_in(3)).collect();
    Change { seed: Some("one".to_owned()), sets, vips, pools: Some(pools), ..Change::default() }
}

fn set_name(random: &mut Random, spec: &WorldSpec) -> String {
    spec.sets.keys().nth(random.index(spec.sets.len())).cloned().expect("a set")
}

/// Backends that are dead for the sets that they left.
fn dead(random: &mut Random) -> Vec<String> {
    BACKENDS.iter().filter(|_| random.one_in(3)).map(|name| format!("{name} down")).collect()
}

fn members(random: &mut Random) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for _ in 0..1 + random.below(5) {
        // Mostly of the first ones, so that sets share backends.
        let name = if random.one_in(4) { *random.of(BACKENDS) } else { *random.of(&BACKENDS[..7]) };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.iter().map(|name| member(random, name)).collect()
}

fn member(random: &mut Random, name: &str) -> String {
    match random.below(8) {
        0 => format!("{name} down"),
        1 => format!("{name} weight 0"),
        2 => format!("{name} weight {}", 1 + random.below(20)),
        _ => name.to_owned(),
    }
}

fn whole_set(random: &mut Random) -> SetSpec {
    use EncapsulationSpec::{Gre, Gue, Ipip, L2};
    SetSpec {
        members: Some(members(random)),
        upcoming: None,
        encapsulation: Some(*random.of(&[Ipip, Gue, Gue, Gre, L2])),
        second_hop: Some(random.one_in(2)),
        drain_window: Some((*random.of(WINDOWS)).to_owned()),
        table: Some(if random.one_in(5) { TableSpec::Large } else { TableSpec::Small }),
    }
}

/// One backend of a set comes, goes, fails, comes back or gets another weight.
fn other_members(random: &mut Random, spec: &WorldSpec) -> Change {
    let name = set_name(random, spec);
    let mut now = spec.sets[&name].members.clone().unwrap_or_default();
    match random.below(5) {
        0 => now = members(random),
        1 if !now.is_empty() => drop(now.remove(random.index(now.len()))),
        2 | 3 if !now.is_empty() => {
            let at = random.index(now.len());
            let backend = now[at].split(' ').next().expect("a name").to_owned();
            now[at] = member(random, &backend);
        }
        _ => {
            let backend = *random.of(&BACKENDS[..7]);
            if !now.iter().any(|text| text.split(' ').next() == Some(backend)) {
                now.push(member(random, backend));
            }
        }
    }
    let upcoming = random.one_in(4).then(|| upcoming(random));
    let set = SetSpec { members: Some(now), upcoming, ..SetSpec::default() };
    Change { sets: [(name, Some(set))].into(), ..Change::default() }
}

fn upcoming(random: &mut Random) -> UpcomingSpec {
    let members = members(random);
    match random.below(3) {
        0 => UpcomingSpec::Full(FullUpcoming {
            members: Some(members),
            seed: random.one_in(2).then(|| (*random.of(SEEDS)).to_owned()),
            table: random.one_in(3).then_some(TableSpec::Large),
        }),
        _ => UpcomingSpec::Members(members),
    }
}

/// What clients dial.
pub(super) fn key(random: &mut Random) -> String {
    let protocol = if random.one_in(3) { "udp" } else { "tcp" };
    format!("{}:{}/{protocol}", random.of(ADDRESSES), random.of(PORTS))
}

fn vip(random: &mut Random, spec: &WorldSpec) -> (String, Option<VipSpec>) {
    let key = key(random);
    let is_udp = key.ends_with("udp");
    let timeout = |random: &mut Random| Some((*random.of(&["1s", "30s", "10m"])).to_owned());
    let sticky = if is_udp && random.one_in(2) { timeout(random) } else { None };
    let client_ip = if sticky.is_none() && random.one_in(4) { timeout(random) } else { None };
    let flow_entries = random.one_in(2).then(|| 1 + u32::from(random.byte(40)));
    let sources = sources(random, key.starts_with('['));
    let set = set_name(random, spec);
    (key, Some(VipSpec::Full(FullVip { set, sticky, client_ip, flow_entries, sources })))
}

/// Who may dial a VIP: mostly everybody.
pub(super) fn sources(random: &mut Random, is_v6: bool) -> Vec<IpNet> {
    if !random.one_in(3) {
        return Vec::new();
    }
    // Now and then of the family that no client of the VIP has.
    let texts = if is_v6 != random.one_in(20) { SOURCES_V6 } else { SOURCES_V4 };
    (0..=random.below(4)).map(|_| random.of(texts).parse().expect("a prefix")).collect()
}

fn without_vip(random: &mut Random, spec: &WorldSpec) -> Change {
    // Otherwise there would be ever more.
    let count = if spec.vips.len() > MOST_VIPS { 8 } else { 1 };
    let keys: Vec<&String> = spec.vips.keys().collect();
    if keys.is_empty() {
        return Change::default();
    }
    let vips = (0..count).map(|_| ((*random.of(&keys)).clone(), None)).collect();
    Change { vips, ..Change::default() }
}

fn routes(random: &mut Random) -> (String, Vec<String>) {
    let name = (*random.of(BACKENDS)).to_owned();
    (name, (0..random.below(9)).map(|_| (*random.of(LEGS)).to_owned()).collect())
}
