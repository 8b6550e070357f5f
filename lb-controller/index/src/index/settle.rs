//! What forwarders serve comes back.

use std::ops::Bound;

use guideway_controller_core::{Content, SetName, Vip, VipName};
use guideway_controller_ipam::{AddressRange, Mark, ReservedBy, ServiceKey};

use super::{Contact, Index, Kept, Withdrawal};

/// What comes with or after a prefix.
pub(super) fn from(prefix: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Included(prefix), Bound::Unbounded)
}

/// The Service of a VIP.
fn owner(vip: &Vip) -> ServiceKey {
    let mut parts = vip.owner.splitn(3, '/').chain(std::iter::repeat(""));
    let mut part = || parts.next().unwrap_or_default();
    ServiceKey::new(part(), part(), part())
}

/// Contents that are remembered.
const MOST_MADE: usize = 4096;

impl Index {
    /// What the forwarders serve while nothing is known of the clusters yet, or nothing where nothing was ever committed: VIPs
    /// of a cluster stay until it is [synced](crate::Change::Synced), and moves between shards go on where they were. To be
    /// called before the first [`project`](Index::project), unless nobody knows what is served.
    pub fn resume(&mut self, served: &Content) {
        self.served_is_known = true;
        self.resumed = Some(served.clone());
        let names: Vec<_> = self.clusters.keys().cloned().collect();
        for name in names {
            self.keep(&name);
        }
    }

    /// All live forwarders serve `served`, and routers had the time to take note: what is not in it is withdrawn. The
    /// addresses that it no longer has are free, Services that wait for it are released, forwarders that left a shard
    /// stop announcing. Call [`project`](Index::project) afterwards when the answer is true.
    ///
    /// Only contents that were projected count; others, on the way to one, are ignored.
    pub fn settled(&mut self, served: &Content) -> bool {
        let Some(mark) = self.made.get(&served.digest()).copied() else { return self.is_dirty() };
        self.settled = Some(served.digest());
        self.made.retain(|_, made| *made >= mark);
        self.settle(mark, served);
        self.is_dirty()
    }

    /// Remembers the content as it is now.
    pub(super) fn made_content(&mut self) -> Mark {
        let mark = self.ipam.mark();
        self.last_made = Some(mark);
        self.made.insert(self.content.digest(), mark);
        if self.made.len() > MOST_MADE {
            let mut marks: Vec<Mark> = self.made.values().copied().collect();
            marks.sort_unstable();
            let middle = marks.get(MOST_MADE / 2).copied().unwrap_or_default();
            self.made.retain(|_, made| *made >= middle);
        }
        mark
    }

    pub(super) fn settle(&mut self, mark: Mark, served: &Content) {
        if !self.ipam.withdrawn(mark).is_empty() {
            self.dirty.extend(self.waiting.iter().cloned());
        }
        let services = &mut self.services;
        let mut out: Vec<ServiceKey> = Vec::new();
        self.leaving.retain(|key| {
            let Some(entry) = services.get_mut(key) else { return false };
            match &mut entry.withdrawal {
                Withdrawal::Since(since, addresses) if *since < Some(mark) => {
                    entry.withdrawal = Withdrawal::Done(std::mem::take(addresses));
                    out.push(key.clone());
                    false
                }
                Withdrawal::Since(..) => true,
                Withdrawal::None | Withdrawal::Done(_) => false,
            }
        });
        self.dirty.extend(out);
        self.settle_shards(served);
    }

    /// Takes over what was served of a cluster of which nothing is known yet.
    pub(super) fn keep(&mut self, cluster: &str) {
        let Some(served) = self.resumed.clone() else { return };
        let Some(state) = self.clusters.get_mut(cluster).filter(|state| state.contact == Contact::Syncing)
        else {
            return;
        };
        let prefix = format!("{cluster}/");
        let sets = served.sets().range::<_, str>(from(&prefix));
        let sets = sets.take_while(|(name, _)| name.as_str().starts_with(&prefix));
        let vips = served.vips().range::<_, str>(from(&prefix));
        let vips: Vec<_> = vips.take_while(|(name, _)| name.as_str().starts_with(&prefix)).collect();
        state.kept = Kept { sets: Vec::new(), vips: vips.iter().map(|(name, _)| (*name).clone()).collect() };
        for (name, set) in sets {
            state.kept.sets.push(name.clone());
            // It comes from a content, where it has this name.
            let _ = self.content.put_set(set.clone());
        }
        for (_, vip) in vips {
            self.ipam.reserve(vip.address.addr(), ReservedBy::Service(owner(vip)));
            if let Some(shard) = served.shards().get(&vip.shard) {
                self.content.put_shard(shard.clone());
            }
            self.content.put_vip(vip.clone());
        }
    }

    pub(super) fn forget_kept(&mut self, cluster: &str) {
        let Some(state) = self.clusters.get_mut(cluster) else { return };
        let Kept { sets, vips } = std::mem::take(&mut state.kept);
        let held = state.held.take().unwrap_or_default();
        held.iter().flat_map(AddressRange::addresses).for_each(|address| self.ipam.end_reservation(address));
        for vip in vips.iter().filter_map(|name| self.content.vips().get(name)) {
            self.shards.touched.insert(vip.shard.clone());
            self.ipam.end_reservation(vip.address.addr());
        }
        self.remove(&sets, &vips);
    }

    pub(super) fn remove(&mut self, sets: &[SetName], vips: &[VipName]) {
        for name in vips {
            self.work.items += u64::from(self.content.remove_vip(name));
        }
        for name in sets {
            self.work.items += u64::from(self.content.remove_set(name));
        }
    }
}
