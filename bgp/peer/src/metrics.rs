//! Metrics of peers for prometheus-client. The daemon registers a collector that calls [`encode`] with
//! [`Peers::statuses`](crate::Peers::statuses), so that nothing is kept twice.

use std::fmt;

use guideway_bgp_fsm::State;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::admin::bfd_state;
use crate::peers::Peers;
use crate::status::{MessageCounts, PeerStatus};

/// Writes the metrics of `peers` and of the listeners; their names begin with `peer_` and `listener_`.
///
/// # Errors
///
/// Those of the encoder.
pub fn encode(encoder: &mut DescriptorEncoder<'_>, peers: &Peers) -> fmt::Result {
    let mut out = Out { encoder };
    out.statuses(&peers.statuses())?;
    let mut refused = out.encoder.encode_descriptor(
        "listener_refused",
        "Connections refused because they were nobody's, or more than a limit",
        None,
        MetricType::Counter,
    )?;
    refused.encode_counter::<NoLabelSet, _, u64>(&peers.refused(), None)?;
    let listeners = peers.listeners();
    let bound = listeners.iter().filter(|listener| listener.address.is_some()).count();
    out.gauge("listener_bound", "Addresses that are listened on", bound as u64)?;
    out.gauge("listener_configured", "Addresses that are to be listened on", listeners.len() as u64)
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
}

impl Out<'_, '_> {
    fn statuses(&mut self, peers: &[PeerStatus]) -> fmt::Result {
        let established = |peer: &PeerStatus| u64::from(peer.state == State::Established);
        self.gauges(peers, "peer_established", "1 while the session is established", established)?;
        let advertised = PeerStatus::told;
        self.gauges(peers, "peer_prefixes_advertised", "Prefixes that the peer was told", advertised)?;
        let kept = |peer: &PeerStatus| peer.kept.prefixes;
        self.gauges(peers, "peer_prefixes_received", "Prefixes of the peer that are kept", kept)?;
        let stale = |peer: &PeerStatus| peer.kept.stale;
        self.gauges(peers, "peer_prefixes_stale", "Prefixes that are kept while the peer restarts", stale)?;
        let hold = |peer: &PeerStatus| {
            peer.session.as_ref().map_or(0, |session| session.negotiated.hold_time.as_secs())
        };
        self.gauges(peers, "peer_hold_time_seconds", "The agreed hold time", hold)?;
        self.bfd(peers)?;
        self.counters(peers, "peer_sessions", "Sessions established", |peer| peer.sessions)?;
        self.counters(peers, "peer_flaps", "Established sessions that ended", |peer| peer.flaps)?;
        self.messages(peers, "peer_messages_received", "BGP messages received", |peer| peer.received)?;
        self.messages(peers, "peer_messages_sent", "BGP messages sent", |peer| peer.sent)?;
        self.counters(peers, "peer_received_bytes", "Octets received", |peer| peer.received.octets)?;
        self.counters(peers, "peer_sent_bytes", "Octets sent", |peer| peer.sent.octets)?;
        let malformed = |peer: &PeerStatus| peer.malformed_updates;
        self.counters(
            peers,
            "peer_malformed_updates",
            "UPDATEs with errors that the session survived (RFC 7606)",
            malformed,
        )
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges(
        &mut self,
        peers: &[PeerStatus],
        name: &str,
        help: &str,
        value: impl Fn(&PeerStatus) -> u64,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for peer in peers {
            let count = i64::try_from(value(peer)).unwrap_or(i64::MAX);
            metric.encode_family(&[label(peer)])?.encode_gauge(&count)?;
        }
        Ok(())
    }

    /// 1 for the state that BFD is in.
    fn bfd(&mut self, peers: &[PeerStatus]) -> fmt::Result {
        let help = "1 for the state of the BFD session; peers without BFD are not there";
        let mut metric = self.encoder.encode_descriptor("peer_bfd", help, None, MetricType::Gauge)?;
        for peer in peers {
            let Some(bfd) = &peer.bfd else { continue };
            let state = ("state", bfd_state(bfd.state).to_owned());
            metric.encode_family(&[label(peer), state])?.encode_gauge(&1i64)?;
        }
        Ok(())
    }

    fn counters(
        &mut self,
        peers: &[PeerStatus],
        name: &str,
        help: &str,
        value: impl Fn(&PeerStatus) -> u64,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for peer in peers {
            metric.encode_family(&[label(peer)])?.encode_counter::<NoLabelSet, _, u64>(&value(peer), None)?;
        }
        Ok(())
    }

    fn messages(
        &mut self,
        peers: &[PeerStatus],
        name: &str,
        help: &str,
        counts: impl Fn(&PeerStatus) -> MessageCounts,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for peer in peers {
            let counts = counts(peer);
            let kinds = [
                ("open", counts.opens),
                ("update", counts.updates),
                ("notification", counts.notifications),
                ("keepalive", counts.keepalives),
                ("route_refresh", counts.refreshes),
            ];
            for (kind, count) in kinds {
                let labels = [label(peer), ("type", kind.to_owned())];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}

fn label(peer: &PeerStatus) -> (&'static str, String) {
    ("peer", peer.config.name.clone())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use guideway_bgp_config::{PeerConfig, Remote};
    use guideway_bgp_fsm::{Config, RemoteAs};
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::text;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::router::PeerId;

    #[derive(Debug)]
    struct Snapshot(Vec<PeerStatus>);

    impl Collector for Snapshot {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            Out { encoder: &mut encoder }.statuses(&self.0)
        }
    }

    #[test]
    fn each_metric_is_there_once_with_a_line_for_each_peer() {
        let status = |address: &str| {
            let session = Config::new(65001, Ipv4Addr::new(10, 255, 1, 1), RemoteAs::External);
            let config = PeerConfig::new(Remote::Address(address.parse().unwrap()), session);
            PeerStatus::new(PeerId(1), Arc::new(config), None)
        };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Snapshot(vec![status("10.1.1.1"), status("fd00:1::1")])));
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        assert!(out.contains("peer_established{peer=\"fd00:1::1\"} 0\n"), "{out}");
        assert!(out.contains("peer_messages_sent_total{peer=\"10.1.1.1\",type=\"open\"} 0\n"), "{out}");
        assert_eq!(out.matches("# TYPE peer_sessions counter").count(), 1);
    }
}
