//! Prometheus metrics and health over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use guideway_bgp_daemon::http::Pages;
use guideway_bgp_monitor::{MrtStatus, StationState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::drain::{Phase, Target};
use crate::speaker::Speaker;

/// What is served over HTTP.
pub(crate) struct Served(pub(crate) Arc<Speaker>);

impl Pages for Served {
    fn collector(&self) -> Box<dyn Collector> {
        Box::new(Snapshot(Arc::clone(&self.0)))
    }

    fn not_ready(&self) -> Vec<String> {
        self.0.not_ready()
    }
}

/// Turns the state into metrics at each scrape.
struct Snapshot(Arc<Speaker>);

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let speaker = &self.0;
        let (agent, reloads) = (speaker.agent.lock().clone(), *speaker.reloads.lock());
        let (served, damped) = speaker.table.counts(Instant::now());
        let drains = speaker.drains.list();
        let of_node = |phase: Option<Phase>| {
            let node = drains.iter().find(|drain| drain.target == Target::Node);
            u64::from(node.is_some_and(|drain| phase.is_none_or(|phase| drain.phase == phase)))
        };
        let mut out = Out { encoder: &mut encoder };
        out.gauge("agent_connected", "1 while the stream of the agent is up", u64::from(agent.connected))?;
        out.gauge("served_prefixes", "Prefixes that the agent serves", served as u64)?;
        let announced = speaker.table.announced() as u64;
        out.gauge("announced_prefixes", "Prefixes that are to be announced, aggregates included", announced)?;
        out.gauge(
            "damped_prefixes",
            "Prefixes that are held back because they came and went too often",
            damped as u64,
        )?;
        out.gauge("draining", "1 while the whole node is drained or being drained", of_node(None))?;
        out.gauge("drained", "1 while the whole node is drained", of_node(Some(Phase::Drained)))?;
        let vips = drains.iter().filter(|drain| drain.target != Target::Node).count();
        out.gauge("drained_vips", "VIPs that are drained or being drained by themselves", vips as u64)?;
        out.gauge(
            "held",
            "1 while nothing is sent before the first word of the agent",
            u64::from(speaker.table.is_held()),
        )?;
        out.gauge("problems", "Things that do not work as configured", speaker.problems().len() as u64)?;
        out.counter(
            "agent_updates",
            "Sets of addresses and prefixes received from the agent",
            agent.updates,
        )?;
        out.counter(
            "agent_addresses_refused",
            "Addresses and prefixes from the agent that cannot be announced",
            agent.refused,
        )?;
        out.counter("reloads_accepted", "Configurations taken over on SIGHUP", reloads.accepted)?;
        out.counter("reloads_refused", "Configurations refused on SIGHUP", reloads.refused)?;
        out.monitoring(speaker)?;
        guideway_bgp_peer::metrics::encode(out.encoder, &speaker.peers)
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
}

impl Out<'_, '_> {
    fn monitoring(&mut self, speaker: &Speaker) -> fmt::Result {
        let stations = speaker.monitor.stations();
        let help = "1 while the BMP station is connected";
        let mut metric = self.encoder.encode_descriptor("bmp_connected", help, None, MetricType::Gauge)?;
        for station in &stations {
            let connected = i64::from(station.state != StationState::Down);
            metric.encode_family(&[("station", station.address.to_string())])?.encode_gauge(&connected)?;
        }
        let help = "Messages that a BMP station was too slow for; it was told the outcome later";
        let mut metric = self.encoder.encode_descriptor("bmp_lost", help, None, MetricType::Counter)?;
        for station in &stations {
            let labels = [("station", station.address.to_string())];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&station.lost, None)?;
        }
        let mrt = speaker.monitor.mrt();
        let count = |value: fn(&MrtStatus) -> u64| mrt.as_ref().map_or(0, value);
        self.counter("mrt_records", "Records written to MRT files", count(|mrt| mrt.records))?;
        self.counter(
            "mrt_lost",
            "MRT records that had no room or could not be written",
            count(|mrt| mrt.lost),
        )?;
        let tables = speaker.monitor.tables().unwrap_or_default();
        self.counter("mrt_tables", "MRT files of whole tables written", tables.files)?;
        self.counter(
            "mrt_tables_failed",
            "MRT files of whole tables that could not be written",
            tables.failed,
        )
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }
}

#[cfg(test)]
mod tests {
    use guideway_bgp_daemon::http;
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    /// The documentation names exactly the metrics that are served.
    #[tokio::test]
    async fn every_metric_is_documented() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bgp.yaml");
        let text = "local_as: 65001\nrouter_id: 10.255.1.1\nlisten: off\nbmp: [{address: \"127.0.0.1:9\"}]\npeers:\n  - \
                    {address: 192.0.2.1, remote_as: 65000}\n";
        std::fs::write(&file, text).unwrap();
        let speaker = Speaker::new(Config::load(Path::new(&file)).unwrap(), folder.path().join("state"));
        let out = http::exposition(&Served(Arc::clone(&speaker))).unwrap();
        assert!(out.contains("guideway_bgp_agent_connected 0\n"), "{out}");
        let page = include_str!("../../../docs/configuration-bgp.md");
        let documented: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `guideway_bgp_"))
            .filter_map(|line| line.split(['`', '{']).next())
            .map(|name| name.trim_end_matches("_total"))
            .collect();
        let served: BTreeSet<&str> = out
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE guideway_bgp_")?.split(' ').next())
            .collect();
        assert_eq!(documented, served);
        assert_eq!(speaker.not_ready(), ["agent: not connected yet", "no session is established"]);
    }
}
