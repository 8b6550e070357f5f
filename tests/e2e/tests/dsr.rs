//! Direct server return, shown by a capture of every leg of the router, in all four mixes of families.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use guideway_e2e::{ReturnPath, expect_fair_spread, expect_undisturbed};
use guideway_lab::addresses::{Leg, vip};
use guideway_lab::backend::LARGE;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::lab::http;
use guideway_lab::load::FlowSpec;
use guideway_lab::{LabSpec, in_lab};

#[test]
fn replies_do_not_cross_a_forwarder_in_any_mix_of_families() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let mixes = [
            ("IPv4", vip::V4, true),
            ("IPv6", vip::V6, false),
            ("IPv4 over IPv6", vip::V4_OVER_V6, false),
            ("IPv6 over IPv4", vip::V6_OVER_V4, true),
        ];
        for (name, vip, outer_is_v4) in mixes {
            let capture = lab.capture("capture")?;
            let report = lab.client.flows(http(vip), &FlowSpec { flows: 300, ..FlowSpec::default() })?;
            let seen = capture.stop()?;
            expect_undisturbed(name, &report)?;
            expect_fair_spread(&report, 3)?;
            ReturnPath::of(&seen, vip).expect_direct_server_return().context(name)?;

            let outers = seen.iter().filter(|s| s.frame.is_encapsulated()).map(|s| s.frame.outer);
            for outer in outers {
                ensure!(outer.destination.is_ipv4() == outer_is_v4, "{name}: outer header {outer}");
                let known = (1..=3)
                    .map(Leg::backend)
                    .any(|leg| outer.destination == leg.node_v4() || outer.destination == leg.node_v6());
                ensure!(known, "{name}: {outer} is no backend");
            }
        }
        Ok(())
    });
}

#[test]
fn a_large_download_leaves_the_backend_straight_for_the_client() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        for vip in [vip::V4, vip::V6] {
            let before: Vec<u64> =
                lab.forwarders.iter().map(|f| received(f.netns())).collect::<Result<_, _>>()?;
            let wrk = lab.client.wrk(http(vip), "/large", 4, Duration::from_secs(2))?;
            ensure!(wrk.errors == 0 && wrk.requests > 0, "{wrk:?}");
            // Only the client's acknowledgements may have crossed the forwarders: a small part of the answers' bytes.
            let bytes = wrk.requests * LARGE;
            for (forwarder, before) in lab.forwarders.iter().zip(before) {
                let through = received(forwarder.netns())? - before;
                ensure!(through < bytes / 10, "{}: {through} of {bytes} bytes", forwarder.name());
            }
        }
        Ok(())
    });
}

#[test]
fn a_port_without_a_vip_is_dropped_and_counted_and_other_traffic_passes() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let dropped = || -> anyhow::Result<u64> {
            lab.forwarders.iter().map(|forwarder| forwarder.counter("drop_unknown_port")).sum()
        };
        let spec = FlowSpec { flows: 4, timeout_ms: 500, ..FlowSpec::default() };
        for vip in [vip::V4, vip::V6] {
            let before = dropped()?;
            let report = lab.client.flows(SocketAddr::new(vip, 81), &spec)?;
            ensure!(report.failed == 4, "{report:?}");
            ensure!(report.failures.iter().all(|f| f.error.contains("no answer")), "{:?}", report.failures);
            ensure!(dropped()? >= before + 4, "{before} before, {} now", dropped()?);
        }
        // Packets for the forwarder itself go to its kernel, which refuses the port.
        let leg = Leg::forwarder(1);
        for address in [leg.node_v4().into(), leg.node_v6().into()] {
            let report = lab.client.flows(SocketAddr::new(address, 81), &spec)?;
            ensure!(report.failures.iter().all(|f| f.error.contains("refused")), "{:?}", report.failures);
        }
        Ok(())
    });
}

/// Bytes that arrived at a node.
fn received(netns: &guideway_lab::netns::Netns) -> anyhow::Result<u64> {
    netns
        .run("cat", &["/proc/net/dev"])?
        .lines()
        .find_map(|line| line.trim().strip_prefix("up0:"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .context("/proc/net/dev has no up0")
}
