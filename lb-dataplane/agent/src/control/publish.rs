//! Shows what is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_plan::{Installed, Usage};

use super::{Control, InForce, Interfaces};
use crate::announce::Announcements;
use crate::apply::MapStore;
use crate::desired::{probe_of, used_sets};
use crate::view::{BackendView, LimitView, SetView, View, VipView};

impl<F: MapStore + Interfaces> Control<F> {
    /// The installed generation, as far as it is known.
    pub(super) fn generation(&self) -> u64 {
        let installed = self.installed.as_ref().map(|installed| installed.active().generation());
        installed.or(self.in_force.as_ref().map(|in_force| in_force.layout.generation)).unwrap_or_default()
    }

    /// Publishes view and announcements.
    pub(super) fn publish(&self) {
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
            ..View::default()
        };
        if let Some(in_force) = &self.in_force {
            self.show(in_force, &mut view);
            let addresses = view.vips.iter().filter(|vip| vip.announced).map(|vip| vip.address).collect();
            self.outputs.announcer.publish(Announcements { generation: view.generation, addresses });
            let addresses: BTreeSet<IpAddr> = view.vips.iter().map(|vip| vip.address).collect();
            self.outputs.null_routes.send_if_modified(|current| {
                let differs = current.as_deref() != Some(&addresses);
                *current = Some(Arc::new(addresses));
                differs
            });
        }
        self.outputs.view.store(Arc::new(view));
    }

    fn show(&self, in_force: &InForce, view: &mut View) {
        let InForce { config, desired, layout } = in_force;
        view.started = true;
        view.digest = layout.digest;
        view.desired = Some(desired.clone());
        view.sets = used_sets(config)
            .zip(&layout.sets)
            .map(|(set, installed)| SetView {
                name: set.name.clone(),
                table_size: set.table_size.slots(),
                served: installed.as_ref().is_some_and(|installed| installed.table.is_some()),
                backends: set
                    .backends
                    .iter()
                    .enumerate()
                    .map(|(place, backend)| BackendView {
                        name: backend.name.clone(),
                        address: backend.address,
                        weight: backend.weight,
                        probe: probe_of(set, backend.address).and_then(|key| self.checker.watch(&key)),
                        index: installed.as_ref().map(|installed| installed.backends[place].0.into()),
                        slots: installed.as_ref().map_or(0, |installed| installed.slots[place]),
                    })
                    .collect(),
            })
            .collect();
        view.vips = config
            .vips()
            .iter()
            .zip(&layout.vips)
            .filter_map(|(vip, index)| {
                let set = view.sets.iter().position(|set| set.name == vip.backend_set.name)?;
                Some(VipView {
                    name: vip.name.clone(),
                    address: vip.address,
                    port: vip.port.get(),
                    protocol: vip.protocol.as_str(),
                    set,
                    index: Some(index.0),
                    served: view.sets[set].served,
                    announced: false,
                })
            })
            .collect();
        if view.can_announce() {
            let served: BTreeSet<IpAddr> =
                view.vips.iter().filter(|vip| vip.served).map(|vip| vip.address).collect();
            for vip in &mut view.vips {
                vip.announced = served.contains(&vip.address);
            }
        }
        view.limits = limits(&layout.usage, self.forwarder.capacities());
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

fn limits(usage: &Usage, capacities: guideway_abi::Capacities) -> Vec<LimitView> {
    let Usage { vips, backends, tables_large, tables_small } = *usage;
    [
        ("vips", vips, capacities.vips),
        // The first element is never used and counts as one that is, as in the configuration.
        ("backends", backends + 1, capacities.backends),
        ("tables_65537", tables_large, capacities.tables_large),
        ("tables_16381", tables_small, capacities.tables_small),
    ]
    .into_iter()
    .map(|(name, used, capacity)| LimitView { name, used: used.into(), capacity: capacity.into() })
    .collect()
}
