//! What differs between two contents, for people.

use std::collections::{BTreeMap, BTreeSet};

use guideway_controller_admin::v1;
use guideway_controller_core::{Content, Pool, Routing, Shard, Vip, diff};
use guideway_dataplane_config::{Backend, BackendSet};

/// Changes that are told one by one.
const MOST: usize = 10_000;

/// Changes, VIPs first, each kind by name; and how many more there are.
pub(super) fn changes(from: &Content, to: &Content) -> (Vec<v1::Change>, u64) {
    let delta = diff(from, to).changes;
    let mut list = List::default();
    if delta.seed.is_some() {
        list.add("seed", "", "changed", "flows of every set move".to_owned());
    }
    if let Some(routing) = &delta.routing {
        list.add("routing", "", "changed", routing_detail(from.routing(), routing));
    }
    for vip in &delta.vips {
        let old = from.vips().get(&vip.name);
        let detail = old.map_or_else(|| vip_text(vip), |old| vip_detail(old, vip));
        list.add("vip", vip.name.as_str(), how(old.is_some()), detail);
    }
    for name in &delta.removed_vips {
        list.add(
            "vip",
            name.as_str(),
            "removed",
            from.vips().get(name).map(|vip| vip_text(vip)).unwrap_or_default(),
        );
    }
    for set in &delta.sets {
        let old = from.sets().get(set.name.as_str());
        let detail =
            old.map_or_else(|| format!("{} backends", set.backends.len()), |old| set_detail(old, set));
        list.add("set", &set.name, how(old.is_some()), detail);
    }
    for name in &delta.removed_sets {
        list.add("set", name.as_str(), "removed", String::new());
    }
    for shard in &delta.shards {
        let old = from.shards().get(&shard.name);
        let nobody = Shard { members: BTreeSet::new(), leaving: BTreeSet::new(), ..(**shard).clone() };
        let detail = shard_detail(old.map_or(&nobody, |old| old), shard);
        list.add("shard", shard.name.as_str(), how(old.is_some()), detail);
    }
    for name in &delta.removed_shards {
        list.add("shard", name.as_str(), "removed", String::new());
    }
    for pool in &delta.pools {
        let old = from.pools().get(&pool.name);
        let nothing = Pool { prefixes: Vec::new(), ..(**pool).clone() };
        let detail = pool_detail(old.map_or(&nothing, |old| old), pool);
        list.add("pool", pool.name.as_str(), how(old.is_some()), detail);
    }
    for name in &delta.removed_pools {
        list.add("pool", name.as_str(), "removed", String::new());
    }
    (list.changes, list.left_out)
}

#[derive(Default)]
struct List {
    changes: Vec<v1::Change>,
    left_out: u64,
}

impl List {
    fn add(&mut self, what: &str, name: &str, how: &str, detail: String) {
        if self.changes.len() == MOST {
            self.left_out += 1;
            return;
        }
        self.changes.push(v1::Change {
            what: what.to_owned(),
            name: name.to_owned(),
            how: how.to_owned(),
            detail,
        });
    }
}

const fn how(was_there: bool) -> &'static str {
    if was_there { "changed" } else { "added" }
}

fn vip_text(vip: &Vip) -> String {
    format!("{} {} {}", vip.address, vip.protocol, vip.ports)
}

fn vip_detail(old: &Vip, new: &Vip) -> String {
    let mut parts = Vec::new();
    if vip_text(old) != vip_text(new) {
        parts.push(format!("{} in place of {}", vip_text(new), vip_text(old)));
    }
    if old.set != new.set {
        parts.push(format!("set {} in place of {}", new.set, old.set));
    }
    if old.shard != new.shard {
        parts.push(format!("shard {} in place of {}", new.shard, old.shard));
    }
    if old.affinity != new.affinity {
        parts.push(format!("affinity {} in place of {}", new.affinity.as_str(), old.affinity.as_str()));
    }
    for (differs, what) in [
        (old.flow_entries != new.flow_entries, "flow entries"),
        (old.sources != new.sources, "source ranges"),
        (old.advertise.bgp != new.advertise.bgp, "BGP"),
        (old.advertise.l2 != new.advertise.l2, "L2"),
        (old.owner != new.owner, "owner"),
    ] {
        parts.extend(differs.then(|| what.to_owned()));
    }
    parts.join(", ")
}

fn set_detail(old: &BackendSet, new: &BackendSet) -> String {
    fn by_name(set: &BackendSet) -> BTreeMap<&str, &Backend> {
        set.backends.iter().map(|backend| (backend.name.as_str(), backend)).collect()
    }
    let (before, after) = (by_name(old), by_name(new));
    let added = after.keys().filter(|name| !before.contains_key(*name)).count();
    let removed = before.keys().filter(|name| !after.contains_key(*name)).count();
    let both = || after.iter().filter_map(|(name, new)| Some((before.get(name)?, new)));
    let weights = both().filter(|(old, new)| old.weight != new.weight).count();
    let addresses = both().filter(|(old, new)| old.address != new.address).count();
    let mut parts = Vec::new();
    for (count, what) in
        [(added, "more"), (removed, "fewer"), (weights, "with another weight"), (addresses, "moved")]
    {
        if count > 0 {
            let noun = if count == 1 { "backend" } else { "backends" };
            parts.push(format!("{count} {noun} {what}"));
        }
    }
    for (differs, what) in [
        (old.table_size != new.table_size, "table size"),
        (old.encapsulation != new.encapsulation, "encapsulation"),
        (old.second_hop != new.second_hop, "second hop"),
        (old.drain_window != new.drain_window, "drain window"),
        (old.health_check != new.health_check, "health check"),
    ] {
        parts.extend(differs.then(|| what.to_owned()));
    }
    parts.join(", ")
}

fn shard_detail(old: &Shard, new: &Shard) -> String {
    let mut parts = plus_minus(&old.members, &new.members);
    let leaving: Vec<String> =
        new.leaving.difference(&old.leaving).map(|name| format!("{name} leaves")).collect();
    parts.extend(leaving);
    let gone = old.leaving.iter().filter(|name| !new.announces(name.as_str()));
    parts.extend(gone.map(|name| format!("{name} has left")));
    parts.join(", ")
}

fn pool_detail(old: &Pool, new: &Pool) -> String {
    let set = |pool: &Pool| pool.prefixes.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    plus_minus(&set(old), &set(new)).join(", ")
}

fn routing_detail(old: &Routing, new: &Routing) -> String {
    let mut parts = Vec::new();
    for (differs, what) in [
        (old.peers != new.peers, "peers"),
        (old.advertisements != new.advertisements, "advertisements"),
        (old.bfd_profiles != new.bfd_profiles, "BFD profiles"),
    ] {
        parts.extend(differs.then(|| what.to_owned()));
    }
    parts.join(", ")
}

/// `+new` and `-old`.
fn plus_minus<T: Ord + std::fmt::Display>(old: &BTreeSet<T>, new: &BTreeSet<T>) -> Vec<String> {
    let plus = new.difference(old).map(|item| format!("+{item}"));
    let minus = old.difference(new).map(|item| format!("-{item}"));
    plus.chain(minus).collect()
}
