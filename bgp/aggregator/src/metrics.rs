//! Prometheus metrics and health over HTTP.

use std::fmt;
use std::sync::atomic::Ordering;

use guideway_bgp_daemon::http::Pages;
use guideway_bgp_fsm as fsm;
use guideway_bgp_peer::{PeerId, PeerStatus};
use guideway_bgp_rib::loc::AggregateState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::admin;
use crate::core::PeerNotes;
use crate::daemon::Shared;

impl Pages for Shared {
    fn collector(&self) -> Box<dyn Collector> {
        Box::new(Snapshot(self.clone()))
    }

    /// Of use while everything may be sent and somebody is there to be told.
    fn not_ready(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.core.held().into_iter().collect();
        let notes = self.core.notes();
        let is_router =
            |status: &&PeerStatus| notes.get(&status.id).is_some_and(|notes| notes.kind == "router");
        let statuses = self.peers.statuses();
        if !statuses.iter().filter(is_router).any(|status| status.state == fsm::State::Established) {
            reasons.push("no session with a router is established".to_owned());
        }
        reasons
    }
}

/// Turns the state into metrics at each scrape.
#[derive(Debug)]
struct Snapshot(Shared);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let shared = &self.0;
        let overview = shared.core.overview();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let mut out = Out { encoder: &mut encoder };
        let held = u64::from(overview.held.is_some());
        out.gauge("held", "1 while nothing is sent because speakers known before are waited for", held)?;
        out.gauge("speakers", "Speakers with a session", overview.speakers as u64)?;
        let stale = overview.speakers_stale as u64;
        out.gauge("speakers_stale", "Speakers without a session whose paths are kept", stale)?;
        out.gauge("prefixes", "Prefixes that speakers announce", overview.prefixes as u64)?;
        out.gauge("paths", "Paths that may be told to routers", overview.paths as u64)?;
        out.gauge(
            "paths_stale",
            "Paths that are kept while their speakers are away",
            overview.paths_stale as u64,
        )?;
        out.gauge("paths_refused", "Paths that are not taken", overview.paths_refused as u64)?;
        out.gauge("problems", "Things that do not work as configured", admin::problems(shared).len() as u64)?;
        out.counter("changes", "Changes that were put into update groups", count(&shared.counts.changes))?;
        out.counter(
            "batches",
            "How often changes were put into update groups",
            count(&shared.counts.batches),
        )?;
        let accepted = count(&shared.counts.reloads_accepted);
        out.counter("reloads_accepted", "Configurations taken over on SIGHUP", accepted)?;
        let refused = count(&shared.counts.reloads_refused);
        out.counter("reloads_refused", "Configurations refused on SIGHUP", refused)?;
        out.aggregates("aggregate_up", "1 while the aggregate is told", &overview.aggregates, |aggregate| {
            u64::from(aggregate.up)
        })?;
        out.aggregates(
            "aggregate_live",
            "Prefixes in the aggregate that live",
            &overview.aggregates,
            |aggregate| aggregate.live as u64,
        )?;
        out.aggregates(
            "aggregate_covered",
            "Prefixes in the aggregate of which it says all there is to say",
            &overview.aggregates,
            |aggregate| aggregate.covered as u64,
        )?;
        out.notes(shared)?;
        guideway_bgp_peer::metrics::encode(out.encoder, &shared.peers)
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
}

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&signed(value))
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn aggregates(
        &mut self,
        name: &str,
        help: &str,
        aggregates: &[AggregateState],
        value: impl Fn(&AggregateState) -> u64,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for aggregate in aggregates {
            let labels = [("prefix", aggregate.config.prefix.to_string())];
            metric.encode_family(&labels)?.encode_gauge(&signed(value(aggregate)))?;
        }
        Ok(())
    }

    fn notes(&mut self, shared: &Shared) -> fmt::Result {
        let (notes, statuses) = (shared.core.notes(), shared.peers.statuses());
        let of = |peer: PeerId| notes.get(&peer);
        let help = "The most paths of a prefix that the router could use together and of which it is told one; 1 when nothing is lost";
        self.of_peers("peer_ways", help, &statuses, |peer| {
            of(peer).filter(|notes| notes.kind == "router").map(|notes| notes.ways as u64)
        })?;
        self.of_peers("peer_paths_refused", "Paths of the speaker that are not taken", &statuses, |peer| {
            of(peer).filter(|notes| notes.kind == "speaker").map(|notes: &PeerNotes| notes.refused as u64)
        })
    }

    fn of_peers(
        &mut self,
        name: &str,
        help: &str,
        statuses: &[PeerStatus],
        value: impl Fn(PeerId) -> Option<u64>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for status in statuses {
            if let Some(value) = value(status.id) {
                let labels = [("peer", status.config.name.clone())];
                metric.encode_family(&labels)?.encode_gauge(&signed(value))?;
            }
        }
        Ok(())
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use guideway_bgp_daemon::http;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::Instant;

    use guideway_bgp_peer::{Peers, Settings};
    use tokio::sync::mpsc;

    use super::*;
    use crate::core::{Core, Memory};

    fn documented(page: &str) -> BTreeSet<&str> {
        page.lines()
            .filter_map(|line| line.strip_prefix("| `guideway_bgp_"))
            .filter_map(|line| line.split(['`', '{']).next())
            .map(|name| name.trim_end_matches("_total"))
            .collect()
    }

    #[tokio::test]
    async fn the_documentation_names_each_metric() {
        let config = Arc::new(crate::core::tests::config());
        let (orders, _orders) = mpsc::unbounded_channel();
        let core = Arc::new(Core::new(config, Some(Memory::new()), Instant::now(), orders));
        core.export(Instant::now());
        let peers = Peers::start(Settings::default(), core.clone());
        let text = http::exposition(&Shared { peers, core, counts: Arc::default() }).unwrap();
        assert!(text.contains("guideway_bgp_held 0\n"), "{text}");
        let served: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE guideway_bgp_")?.split(' ').next())
            .collect();
        let own = documented(include_str!("../../../docs/aggregator.md"));
        assert_eq!(own.difference(&served).collect::<Vec<_>>(), Vec::<&&str>::new(), "not served");
        // Those of sessions are the same at every daemon.
        let left: Vec<_> = served
            .difference(&own)
            .filter(|name| !name.starts_with("peer_") && !name.starts_with("listener_"))
            .collect();
        assert_eq!(left, Vec::<&&str>::new(), "not documented");
    }
}
