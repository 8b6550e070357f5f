//! What is counted, and whether the controller is of use.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use guideway_bgp_daemon::http::Pages;
use guideway_controller_core::Generation;
use guideway_controller_rollout::coordinator::{Role, State};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use tokio::sync::watch;

use crate::forwarders::Admission;
use crate::rollout::Driver;
use crate::sources::{Contacts, Feed};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Staged {
    stage: &'static str,
}

/// What is counted; clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    stages: Family<Staged, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let times = || {
            let bounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0];
            Histogram::new(bounds)
        };
        Self { stages: Family::new_with_constructor(times) }
    }
}

impl Metrics {
    /// Changes have come to a stage, this long after the first of them was seen.
    pub(crate) fn came(&self, stage: &'static str, time: Duration) {
        self.stages.get_or_create(&Staged { stage }).observe(time.as_secs_f64());
    }
}

/// What `/metrics` and `/readyz` are made of.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// How the rollout is.
    pub(crate) state: watch::Receiver<Arc<State>>,
    /// How clusters are.
    pub(crate) contacts: Contacts,
    /// Who was refused.
    pub(crate) admission: Admission,
    /// The queue of changes; another one each time when the lead was lost.
    pub(crate) feed: Arc<ArcSwapOption<Feed>>,
}

impl Sight {
    /// Of a driver.
    pub(crate) fn new(driver: &Driver, admission: Admission) -> Self {
        Self {
            metrics: Arc::default(),
            state: driver.state.clone(),
            contacts: Contacts::default(),
            admission,
            feed: Arc::default(),
        }
    }
}

impl Pages for Sight {
    fn collector(&self) -> Box<dyn Collector> {
        Box::new(self.clone())
    }

    /// A controller that waits for its turn is ready: it could lead.
    fn not_ready(&self) -> Vec<String> {
        let silent = |(name, contact): (_, crate::sources::Contact)| {
            (!contact.synced).then(|| {
                let reason = contact.error().unwrap_or_else(|| "it is being listed".to_owned());
                format!("nothing is known of cluster {name} yet: {reason}")
            })
        };
        self.contacts.all(Instant::now()).into_iter().filter_map(silent).collect()
    }

    fn prefix(&self) -> &'static str {
        "guideway_controller"
    }
}

impl Collector for Sight {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let state = Arc::clone(&self.state.borrow());
        let depth = self.feed.load().as_ref().map_or(0, |feed| feed.depth());
        let committed = state.committed.map_or(0, |stamp| stamp.generation.0);
        let leading = matches!(state.role, Role::Leading(_));
        let connected = state.forwarders.values().filter(|forwarder| forwarder.connected).count();
        let stuck = state.aborted.as_ref().is_some_and(|(_, why)| why.is_trouble());
        for (name, help, value) in [
            ("queue_depth", "Changes that wait for the projector", number(depth)),
            ("leading", "1 while this controller leads", leading.into()),
            ("committed_generation", "The generation that forwarders are to serve", signed(committed)),
            ("forwarders_connected", "Forwarders that are connected", number(connected)),
            ("rollout_in_progress", "1 while a generation is on its way", state.rollout.is_some().into()),
            (
                "stuck",
                "1 while no change reaches forwarders, because they do not take what is wanted",
                stuck.into(),
            ),
        ] {
            let gauge = ConstGauge::<i64>::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let generations = state.forwarders.iter().map(|(name, forwarder)| {
            let Generation(generation) = forwarder.standing.committed.map(|(at, _)| at).unwrap_or_default();
            (vec![("forwarder", name.to_string())], signed(generation))
        });
        let help = "The generation that a forwarder serves";
        family(&mut encoder, "forwarder_generation", help, generations.collect())?;
        let current = state
            .forwarders
            .iter()
            .map(|(name, forwarder)| (vec![("forwarder", name.to_string())], forwarder.current.into()));
        let help = "1 for a forwarder that serves what is committed";
        family(&mut encoder, "forwarder_current", help, current.collect())?;
        let clusters = self.contacts.all(Instant::now());
        let reachable = clusters
            .iter()
            .map(|(name, contact)| (vec![("cluster", name.to_string())], contact.reachable.into()));
        let help = "1 for a cluster that answers, 0 for one that stays as it was";
        family(&mut encoder, "cluster_reachable", help, reachable.collect())?;
        let help = "Calls and connections of forwarders that were refused";
        let refused = ConstCounter::<u64>::new(0).metric_type();
        let mut refused = encoder.encode_descriptor("refused", help, None, refused)?;
        for (why, count) in self.admission.counts() {
            ConstCounter::<u64>::new(count).encode(refused.encode_family(&[("reason", why.as_str())])?)?;
        }
        let help = "Time from the sight of a change until it came so far";
        let unit = Some(&Unit::Seconds);
        self.metrics.stages.encode(encoder.encode_descriptor(
            "propagation",
            help,
            unit,
            self.metrics.stages.metric_type(),
        )?)
    }
}

type Rows = Vec<(Vec<(&'static str, String)>, i64)>;

fn family(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, rows: Rows) -> fmt::Result {
    let kind = ConstGauge::<i64>::new(0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in rows {
        ConstGauge::<i64>::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use guideway_controller_core::Digest;
    use guideway_controller_core::message::Standing;
    use guideway_controller_rollout::Stamp;
    use guideway_controller_rollout::coordinator::{Aborted, ForwarderState};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn what_is_documented_is_served_and_nothing_else() {
        let standing =
            Standing { committed: Some((Generation(7), Digest::from_bytes([1; 32]))), ..Standing::default() };
        let forwarder = ForwarderState { connected: true, standing, ..ForwarderState::default() };
        let forwarders = [("fw1".parse().unwrap(), forwarder)].into_iter().collect();
        let stamp = Stamp { generation: Generation(8), digest: Digest::from_bytes([2; 32]) };
        let aborted = Some((stamp, Aborted::Refused("fw1".parse().unwrap(), vec!["too much".to_owned()])));
        let (_show, state) = watch::channel(Arc::new(State { forwarders, aborted, ..State::default() }));
        let sight = Sight {
            metrics: Arc::default(),
            state,
            contacts: Contacts::default(),
            admission: Admission::default(),
            feed: Arc::default(),
        };
        sight.metrics.came("projected", Duration::from_millis(3));
        let mut registry = Registry::with_prefix(sight.prefix());
        registry.register_collector(sight.collector());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let served: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        let documented: BTreeSet<&str> = include_str!("../../../docs/controller.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `guideway_controller_"))
            .filter_map(|line| line.split('`').next())
            .map(|name| name.strip_suffix("_total").unwrap_or(name))
            .collect();
        let served: BTreeSet<&str> =
            served.iter().map(|name| name.strip_prefix("guideway_controller_").unwrap()).collect();
        assert_eq!(served, documented);
        assert!(text.contains("guideway_controller_stuck 1"), "{text}");
        assert!(text.contains("guideway_controller_forwarder_generation{forwarder=\"fw1\"} 7"), "{text}");
        assert!(
            text.contains("guideway_controller_propagation_seconds_count{stage=\"projected\"} 1"),
            "{text}"
        );
    }
}
