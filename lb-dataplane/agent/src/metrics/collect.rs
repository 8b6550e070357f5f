//! Metrics that are read off the view and the kernel's maps at each scrape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use guideway_abi::TrafficStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tokio::sync::watch;

use crate::health::Health;
use crate::route::Found;
use crate::view::{BackendView, ControllerView, Counts, InterfaceView, SetView, Shared, View, address_text};

#[derive(Debug)]
pub(super) struct Collected {
    pub(super) view: Shared,
    pub(super) counts: Arc<dyn Counts>,
    pub(super) ways: watch::Receiver<Found>,
    pub(super) links: watch::Receiver<guideway_l2::Status>,
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let view = self.view.load();
        encode_node(&view, &mut encoder)?;
        {
            let found = self.ways.borrow();
            let mut one = |name, help, value: usize| {
                gauges(&mut encoder, name, help, |family| family.put(&[], value as u64))
            };
            one("next_hops", "Next hops towards backends", found.next_hops)?;
            let without_route = "Backends to which the kernel has no route";
            one("backends_without_route", without_route, found.without_route())?;
            let without_leg = "Backends whose way the agent cannot tell, so that the program asks the kernel for each packet";
            one("backends_without_leg", without_leg, found.unresolved())?;
            let current = "1 while the program goes by the ways that the agent found";
            one("routes_current", current, usize::from(found.is_current))?;
        }
        self.encode_links(&mut encoder)?;
        self.encode_packets(&mut encoder)?;
        self.encode_vips(&view, &mut encoder)?;
        self.encode_backends(&view, &mut encoder)
    }
}

fn encode_node(view: &View, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    gauges(encoder, "build_info", "Always 1; the version of the agent as a label", |family| {
        family.put(&[("version", env!("CARGO_PKG_VERSION"))], 1)
    })?;
    gauges(encoder, "program_info", "Always 1; the tag of the loaded program as a label", |family| {
        family.put(&[("tag", &view.program_tag)], 1)
    })?;
    gauges(encoder, "generation", "The installed generation, 0 when none is", |family| {
        family.put(&[], view.generation)
    })?;
    gauges(
        encoder,
        "digest_info",
        "Always 1; the digest of the installed generation as a label, equal on forwarders that hold equal tables",
        |family| family.put(&[("digest", &format!("{:016x}", view.digest))], 1),
    )?;
    let mut interfaces = |name, help, value: fn(&InterfaceView) -> bool| {
        gauges(encoder, name, help, |family| {
            view.interfaces.iter().try_for_each(|interface| {
                let labels = [("interface", interface.name.as_str()), ("mode", interface.mode)];
                family.put(&labels, value(interface).into())
            })
        })
    };
    interfaces("interface_attached", "1 when the forwarder program is attached", |interface| {
        interface.attached
    })?;
    let usable = "1 when packets that come in by the interface are balanced";
    interfaces("interface_usable", usable, |interface| interface.problem.is_none())?;
    gauges(
        encoder,
        "config_accepted",
        "1 when the last configuration read was accepted; 0 also until the first one is installed",
        |family| {
            family.put(&[], u64::from(view.last_reload.as_ref().is_some_and(crate::view::Reload::accepted)))
        },
    )?;
    gauges(encoder, "in_sync", "1 when the desired generation is the installed one", |family| {
        family.put(&[], u64::from(view.started && view.apply_error.is_none()))
    })?;
    let rolled_back = "1 while a configuration of the history is in force and the file says something else";
    gauges(encoder, "rolled_back", rolled_back, |family| {
        family.put(&[], u64::from(view.rolled_back_to.is_some()))
    })?;
    let followed = view.controller();
    let followed = followed.iter();
    let mut of_controller = |name, help, value: fn(&ControllerView) -> u64| {
        gauges(encoder, name, help, |family| {
            followed.clone().try_for_each(|controller| family.put(&[], value(controller)))
        })
    };
    of_controller("controller_connected", "1 while a leader is followed", |controller| {
        controller.leader.is_some().into()
    })?;
    let relayed = "1 while the leader is reached through another forwarder";
    of_controller("controller_relayed", relayed, |controller| controller.is_relayed.into())?;
    of_controller("controller_term", "The highest term of a leader that was seen", |controller| {
        controller.term
    })?;
    let committed = "The controller's number of what is in force, 0 when nothing is";
    of_controller("controller_generation", committed, |controller| {
        controller.committed.as_ref().map_or(0, |(generation, _)| *generation)
    })?;
    let fenced = "1 while nothing is announced because this forwarder does not have what is committed";
    of_controller("controller_fenced", fenced, |controller| controller.fence.is_some().into())?;
    let faults = "Things that are out of order with the controller, as lbctl status lists them";
    of_controller("controller_faults", faults, |controller| controller.faults.len() as u64)?;
    gauges(encoder, "limit_used", "Elements that the installed generation uses, by limit", |family| {
        view.limits.iter().try_for_each(|limit| family.put(&[("limit", limit.name)], limit.used))
    })?;
    gauges(encoder, "limit_capacity", "Elements that there are, by limit", |family| {
        view.limits.iter().try_for_each(|limit| family.put(&[("limit", limit.name)], limit.capacity))
    })
}

impl Collected {
    fn encode_links(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (counts, problems) = {
            let status = self.links.borrow();
            (status.counts, status.problems.len())
        };
        let answers = "Questions of neighbours (ARP, neighbour discovery) answered for addresses of VIPs";
        let announcements = "Announcements on a link that an address of a VIP is here";
        let claims = "Frames in which somebody else claimed an address of a VIP that is here";
        for (name, help, count) in [
            ("link_answers", answers, counts.answers),
            ("link_announcements", announcements, counts.announcements),
            ("link_claims", claims, counts.claims),
            (
                "link_dropped",
                "Questions not answered, since too many answers waited to be sent",
                counts.dropped,
            ),
        ] {
            family(encoder, MetricType::Counter, name, help, |family| family.put(&[], count))?;
        }
        let help = "Links on which addresses of VIPs cannot be answered for as they should be";
        gauges(encoder, "link_problems", help, |family| family.put(&[], problems as u64))
    }

    fn encode_packets(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = readable(self.counts.packets()).unwrap_or_default();
        let (events, verdicts): (Vec<_>, Vec<_>) =
            counters.into_iter().partition(|(counter, _)| counter.is_event());
        for (name, label, help, counters) in [
            ("packets", "outcome", "Packets that the program saw, by what became of them", verdicts),
            ("events", "event", "What happened to packets on their way, by event", events),
        ] {
            family(encoder, MetricType::Counter, name, help, |family| {
                counters
                    .iter()
                    .try_for_each(|(counter, count)| family.put(&[(label, counter.name())], *count))
            })?;
        }
        Ok(())
    }

    fn encode_vips(&self, view: &View, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let stats = readable(self.counts.vips()).unwrap_or_default();
        let rows: Vec<Row<4, VipRow>> = view
            .vips
            .iter()
            .map(|vip| Row {
                labels: [
                    ("vip", vip.name.clone()),
                    ("address", address_text(&vip.address)),
                    ("ports", vip.ports.to_string()),
                    ("protocol", vip.protocol.to_owned()),
                ],
                values: VipRow {
                    stats: vip.index.and_then(|index| stats.get(index as usize).copied()),
                    served: vip.served,
                    announced: vip.announced,
                    flow_entries: vip.flow_entries,
                    backends: view.sets[vip.set].backends.len() as u64,
                    healthy: view.sets[vip.set].healthy() as u64,
                },
            })
            .collect();
        let mut column = |kind, name, help, value: fn(&VipRow) -> Option<u64>| {
            family(encoder, kind, name, help, |family| rows.iter().try_for_each(|row| row.put(family, value)))
        };
        let (counter, gauge) = (MetricType::Counter, MetricType::Gauge);
        column(counter, "vip_packets", "Packets sent to backends, by VIP", |vip| Some(vip.stats?.packets))?;
        let bytes = "Bytes of the clients' IP packets sent to backends, by VIP";
        column(counter, "vip_bytes", bytes, |vip| Some(vip.stats?.bytes))?;
        let served = "1 while the VIP has a lookup table in the kernel";
        column(gauge, "vip_served", served, |vip| Some(vip.served.into()))?;
        let announced = "1 while the BGP speaker is told to announce the VIP's address or prefix";
        column(gauge, "vip_announced", announced, |vip| Some(vip.announced.into()))?;
        let entries = "Entries of the flow table that the VIP has for itself";
        column(gauge, "vip_flow_entries", entries, |vip| Some(vip.flow_entries.into()))?;
        column(gauge, "vip_backends", "Backends of the VIP", |vip| Some(vip.backends))?;
        let healthy = "Backends of the VIP that are healthy or not checked";
        column(gauge, "vip_backends_healthy", healthy, |vip| Some(vip.healthy))
    }

    fn encode_backends(&self, view: &View, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let stats = readable(self.counts.backends()).unwrap_or_default();
        // A backend that is in several sets has one element, and one pair of counters, in the kernel.
        let distinct: BTreeMap<u32, &BackendView> = view
            .sets
            .iter()
            .flat_map(|set| set.backends.iter().chain(&set.leaving))
            .chain(&view.leaving)
            .filter_map(|backend| Some((backend.index?, backend)))
            .collect();
        let rows: Vec<Row<2, Option<TrafficStats>>> = distinct
            .iter()
            .map(|(index, backend)| Row {
                labels: [("backend", backend.name.clone()), ("address", backend.address.to_string())],
                values: stats.get(*index as usize).copied(),
            })
            .collect();
        let mut column = |name, help, value: fn(&TrafficStats) -> u64| {
            family(encoder, MetricType::Counter, name, help, |family| {
                rows.iter().try_for_each(|row| row.put(family, |stats| stats.as_ref().map(value)))
            })
        };
        column("backend_packets", "Packets sent, by backend", |stats| stats.packets)?;
        column("backend_bytes", "Bytes of the clients' IP packets sent, by backend", |stats| stats.bytes)?;
        let leaving =
            "1 of a backend that the configuration no longer has and that may have flows; absent of others";
        gauges(encoder, "backend_leaving", leaving, |family| {
            let gone = distinct.values().filter(|backend| backend.leaving);
            gone.into_iter().try_for_each(|backend| {
                let address = backend.address.to_string();
                family.put(&[("backend", &backend.name), ("address", &address)], 1)
            })
        })?;
        encode_sets(view, encoder)?;

        let rows: Vec<Row<3, (&BackendView, Option<Health>)>> = view
            .sets
            .iter()
            .flat_map(|set| set.backends.iter().map(move |backend| (set, backend)))
            .map(|(set, backend)| Row {
                labels: [
                    ("set", set.name.clone()),
                    ("backend", backend.name.clone()),
                    ("address", backend.address.to_string()),
                ],
                values: (backend, backend.status().and_then(|status| status.health)),
            })
            .collect();
        let healthy = "1 when the backend is healthy, 0 when it is not; absent when unknown or not checked";
        gauges(encoder, "backend_healthy", healthy, |family| {
            let value =
                |(_, health): &(_, Option<Health>)| health.map(|health| u64::from(health == Health::Healthy));
            rows.iter().try_for_each(|row| row.put(family, value))
        })?;
        gauges(encoder, "backend_slots", "Slots of the set's lookup table that hold the backend", |family| {
            rows.iter().try_for_each(|row| row.put(family, |(backend, _)| Some(backend.slots.into())))
        })
    }
}

fn encode_sets(view: &View, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut slots = |name, help, value: fn(&SetView) -> u32| {
        gauges(encoder, name, help, |family| {
            view.sets.iter().try_for_each(|set| family.put(&[("set", &set.name)], value(set).into()))
        })
    };
    let unsettled = "Slots of the set of which a live flow may be on an earlier backend";
    slots("set_unsettled_slots", unsettled, |set| set.unsettled)?;
    let held = "Slots of the set that keep their backend for now although another one is due";
    slots("set_held_slots", held, |set| set.held)?;
    let at_risk = "Slots of the set whose established flows the installed generation has moved";
    slots("set_at_risk_slots", at_risk, |set| set.at_risk)
}

struct VipRow {
    stats: Option<TrafficStats>,
    served: bool,
    announced: bool,
    flow_entries: u32,
    backends: u64,
    healthy: u64,
}

/// The labels and values of one object.
struct Row<const LABELS: usize, V> {
    labels: [(&'static str, String); LABELS],
    values: V,
}

impl<const LABELS: usize, V> Row<LABELS, V> {
    fn put(&self, family: &mut Family<'_>, value: impl Fn(&V) -> Option<u64>) -> fmt::Result {
        let labels = self.labels.each_ref().map(|(name, value)| (*name, value.as_str()));
        value(&self.values).map_or(Ok(()), |value| family.put(&labels, value))
    }
}

/// A metric to which samples are added.
struct Family<'a> {
    encoder: MetricEncoder<'a>,
    kind: MetricType,
}

impl Family<'_> {
    fn put(&mut self, labels: &[(&str, &str)], value: u64) -> fmt::Result {
        if labels.is_empty() {
            return Self::sample(&mut self.encoder, self.kind, value);
        }
        let labels = labels.to_vec();
        Self::sample(&mut self.encoder.encode_family(&labels)?, self.kind, value)
    }

    fn sample(encoder: &mut MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
        match kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, u64, u64>(&value, None),
            _ => encoder.encode_gauge(&value),
        }
    }
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    kind: MetricType,
    name: &str,
    help: &str,
    fill: impl FnOnce(&mut Family<'_>) -> fmt::Result,
) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, kind)?;
    fill(&mut Family { encoder, kind })
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    fill: impl FnOnce(&mut Family<'_>) -> fmt::Result,
) -> fmt::Result {
    family(encoder, MetricType::Gauge, name, help, fill)
}

/// A map that cannot be read leaves its samples out; zero would be a lie.
fn readable<T>(read: std::io::Result<T>) -> Option<T> {
    read.inspect_err(|error| tracing::debug!(%error, "a counter cannot be read")).ok()
}
