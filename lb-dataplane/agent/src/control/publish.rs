//! Shows what is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_abi::FLOW_WAYS;
use guideway_dataplane_config::BackendSet;
use guideway_dataplane_plan::{BootTime, Installed, Leaving, SetLayout, Usage};
use ipnet::IpNet;
use tokio::time::Instant;

use super::inherited::UNAWARE;
use super::recovery::Recovery;
use super::{Clock, Control, InForce, Interfaces};
use crate::announce::{Announce, Announcements};
use crate::apply::MapStore;
use crate::desired::{probe_of, used_sets};
use crate::view::{BackendView, LimitView, SetView, View, VipView};

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// The installed generation, as far as it is known.
    pub(super) fn generation(&self) -> u64 {
        let installed = self.installed.as_ref().map(|installed| installed.active().generation());
        installed.or(self.in_force.as_ref().map(|in_force| in_force.layout.generation)).unwrap_or_default()
    }

    /// Publishes view and announcements.
    pub(super) fn publish(&mut self) {
        // Apart, since it changes as the rest is looked at.
        let mut recovery = std::mem::take(&mut self.recovery);
        let before = self.outputs.view.load();
        let mut view = View {
            config_path: self.config_path.display().to_string(),
            pin_root: before.pin_root.clone(),
            program_tag: before.program_tag.clone(),
            generation: self.generation(),
            digest: self.installed.as_ref().map(Installed::digest).unwrap_or_default(),
            interfaces: self.interfaces.clone(),
            last_reload: self.last_reload.clone(),
            apply_error: self.apply_error.clone(),
            history: self.show_history(self.in_force.as_ref()),
            rolled_back_to: self.rolled_back_to(),
            controller: self.controller.clone(),
            fence: self.fence.clone().or_else(|| self.unaware.as_ref().map(|_| UNAWARE.to_owned())),
            ..View::default()
        };
        if let Some(in_force) = &self.in_force {
            self.show(in_force, &mut recovery, &mut view);
            let prefixes = view
                .vips
                .iter()
                .filter(|vip| vip.announced && vip.announce.bgp)
                .map(|vip| vip.address)
                .collect();
            let announcements = Announcements::new(view.generation, prefixes, &view.interfaces);
            self.outputs.announcer.publish(Announcements { on_link: on_link(&view.vips), ..announcements });
            let pools = in_force.config.pools().iter().copied();
            let prefixes: BTreeSet<IpNet> = view.vips.iter().map(|vip| vip.address).chain(pools).collect();
            self.outputs.null_routes.send_if_modified(|current| {
                let differs = current.as_deref() != Some(&prefixes);
                *current = Some(Arc::new(prefixes));
                differs
            });
        }
        // Whoever may serve nothing has to say so, or the speaker would hold on to what it heard last.
        if self.in_force.is_none() && view.fence.is_some() {
            let none = Announcements::new(view.generation, BTreeSet::new(), &view.interfaces);
            self.outputs.announcer.publish(none);
        }
        self.outputs.view.store(Arc::new(view));
        self.recovery = recovery;
    }

    fn show(&self, in_force: &InForce, recovery: &mut Recovery, view: &mut View) {
        let InForce { config, desired, layout, .. } = in_force;
        view.started = true;
        view.digest = layout.digest;
        view.installed = self.installed.clone().map(|installed| (desired.clone(), installed));
        view.sets = used_sets(config)
            .zip(&layout.sets)
            .map(|(set, installed)| self.show_set(set, installed.as_ref()))
            .collect();
        let places: HashMap<&str, usize> =
            used_sets(config).enumerate().map(|(place, set)| (set.name.as_str(), place)).collect();
        let now = Instant::now();
        for (set, view) in used_sets(config).zip(&mut view.sets) {
            view.recovers = recovery.waits(set, view, now);
        }
        recovery.keep(&used_sets(config).map(|set| set.name.as_str()).collect());
        // One that another set has is shown there.
        for leaving in layout.leaving.iter().filter(|leaving| !leaving.is_member) {
            let (set, backend) = self.show_leaving(leaving);
            match set.and_then(|set| view.sets.get_mut(*places.get(set)?)) {
                Some(set) => set.leaving.push(backend),
                None => view.leaving.push(backend),
            }
        }
        let fence = view.fence.clone();
        let announce = |place: usize| match (&fence, in_force.source.announces()) {
            (Some(reason), _) => Announce { bgp: false, l2: None, why_not: reason.clone() },
            (None, Some(announces)) => announces.get(place).cloned().unwrap_or(Announce::BY_BGP),
            (None, None) => Announce::BY_BGP,
        };
        view.vips = config
            .vips()
            .iter()
            .zip(layout.vips.iter().zip(&layout.flow_entries))
            .enumerate()
            .filter_map(|(place, (vip, (index, flow_entries)))| {
                let announce = announce(place);
                let set = *places.get(vip.backend_set.name.as_str())?;
                Some(VipView {
                    name: vip.name.clone(),
                    address: vip.address,
                    ports: vip.ports,
                    protocol: vip.protocol.as_str(),
                    affinity: vip.affinity.as_str(),
                    affinity_timeout: vip.affinity.timeout(),
                    flow_entries: *flow_entries,
                    sources: vip.sources.clone(),
                    set,
                    index: Some(index.0),
                    served: view.sets.get(set)?.served,
                    announced: false,
                    announce,
                })
            })
            .collect();
        if view.can_announce() {
            let served: BTreeSet<IpNet> = view
                .vips
                .iter()
                .filter(|vip| {
                    vip.served
                        && vip.announce.is_any()
                        && !view.sets.get(vip.set).is_some_and(|set| set.recovers)
                })
                .map(|vip| vip.address)
                .collect();
            for vip in &mut view.vips {
                vip.announced = vip.announce.is_any() && served.contains(&vip.address);
            }
        }
        view.limits = limits(&layout.usage, self.forwarder.capacities());
    }

    fn show_set(&self, set: &BackendSet, installed: Option<&SetLayout>) -> SetView {
        let backends = set.backends.iter().enumerate().map(|(place, backend)| BackendView {
            name: backend.name.clone(),
            address: backend.address,
            weight: backend.weight,
            probe: probe_of(set, backend.address).and_then(|key| self.checker.watch(&key)),
            index: installed.and_then(|installed| Some(installed.backends.get(place)?.0.into())),
            slots: installed.and_then(|installed| installed.slots.get(place).copied()).unwrap_or_default(),
            leaving: false,
        });
        SetView {
            name: set.name.clone(),
            table_size: set.table_size.slots(),
            encapsulation: set.encapsulation.as_str(),
            second_hop: set.second_hop,
            drain_window: set.drain_window,
            served: installed.is_some_and(|installed| installed.table.is_some()),
            recovers: false,
            unsettled: installed.map_or(0, |installed| installed.unsettled),
            held: installed.map_or(0, |installed| installed.held),
            at_risk: installed.map_or(0, |installed| installed.at_risk),
            settles_at: installed.and_then(|installed| installed.until).map(|until| self.on_the_wall(until)),
            backends: backends.collect(),
            leaving: Vec::new(),
        }
    }

    /// A backend that left, with the name of the set that it was in, if that is known.
    fn show_leaving(&self, leaving: &Leaving) -> (Option<&str>, BackendView) {
        let known = self.departed.get(leaving.address);
        let probe = known.and_then(|known| known.probes().next()).and_then(|key| self.checker.watch(key));
        let backend = BackendView {
            name: known.map(|known| known.name.clone()).unwrap_or_default(),
            address: leaving.address,
            weight: 0,
            probe,
            index: Some(leaving.index.0.into()),
            slots: 0,
            leaving: true,
        };
        (known.map(|known| known.set.as_str()), backend)
    }

    fn on_the_wall(&self, time: BootTime) -> SystemTime {
        let wait = Duration::from_secs(time.0).saturating_sub(self.forwarder.since_boot());
        SystemTime::now() + wait
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let view = self.outputs.view.load();
        let (backends, healthy) = view.backend_totals();
        format!(
            "generation {}: {} of {} VIPs served, {healthy} of {backends} backends healthy",
            view.generation,
            view.vips.iter().filter(|vip| vip.served).count(),
            view.vips.len(),
        )
    }
}

/// The links of those that are announced there.
fn on_link(vips: &[VipView]) -> BTreeMap<IpNet, BTreeSet<String>> {
    let mut on_link: BTreeMap<IpNet, BTreeSet<String>> = BTreeMap::new();
    for vip in vips.iter().filter(|vip| vip.announced) {
        if let Some(interfaces) = &vip.announce.l2 {
            let interfaces: BTreeSet<String> = interfaces.iter().cloned().collect();
            // One that means all links means them for the others of its address too.
            let known = on_link.entry(vip.address).or_insert_with(|| interfaces.clone());
            match known.is_empty() || interfaces.is_empty() {
                true => known.clear(),
                false => known.extend(interfaces),
            }
        }
    }
    on_link
}

fn limits(usage: &Usage, capacities: guideway_abi::Capacities) -> Vec<LimitView> {
    let Usage { vips, backends, tables_large, tables_small, flow_buckets, .. } = *usage;
    let entries = |buckets: u32| u64::from(buckets) * FLOW_WAYS as u64;
    [
        ("vips", vips.into(), capacities.vips.into()),
        // The first element is never used and counts as one that is, as in the configuration.
        ("backends", u64::from(backends) + 1, capacities.backends.into()),
        ("tables_65537", tables_large.into(), capacities.tables_large.into()),
        ("tables_16381", tables_small.into(), capacities.tables_small.into()),
        ("flows", entries(flow_buckets), entries(capacities.flow_buckets)),
    ]
    .into_iter()
    .map(|(name, used, capacity)| LimitView { name, used, capacity })
    .collect()
}
