//! How requests spread over forwarders and backends, with known flows and with wrk.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::client::WrkReport;
use guideway_lab::lab::http;
use guideway_lab::load::FlowSpec;
use serde::Serialize;

use super::screen::Screen;

/// The spread of one VIP's flows, and of wrk's requests.
#[derive(Debug, Serialize)]
pub(super) struct Spread {
    vips: Vec<VipSpread>,
    wrk: WrkReport,
    wrk_packets_by_forwarder: BTreeMap<String, u64>,
}

/// 1000 flows, two requests each.
#[derive(Debug, Serialize)]
pub(super) struct VipSpread {
    vip: String,
    address: String,
    requests: u64,
    failed: u64,
    moved_flows: u64,
    flows_by_backend: BTreeMap<String, u64>,
    packets_by_forwarder: BTreeMap<String, u64>,
}

pub(super) fn show(screen: &mut Screen, lab: &Lab) -> Result<Spread> {
    screen.chapter(
        "Request spread: 1000 flows with fixed source ports, 2 requests each, one connection a request",
    );
    let mut vips = Vec::new();
    for (name, address) in
        [("v4", vip::V4), ("v6", vip::V6), ("v4-over-v6", vip::V4_OVER_V6), ("v6-over-v4", vip::V6_OVER_V4)]
    {
        let before = packets(lab, name)?;
        let report = lab.client.flows(http(address), &FlowSpec { rounds: 2, ..FlowSpec::default() })?;
        vips.push(VipSpread {
            vip: name.to_owned(),
            address: address.to_string(),
            requests: report.requests,
            failed: report.failed,
            moved_flows: report.moved_flows,
            flows_by_backend: report.flows_by_backend,
            packets_by_forwarder: since(packets(lab, name)?, &before),
        });
    }
    let rows: Vec<[String; 8]> = vips.iter().map(row).collect();
    screen
        .table(["VIP (family over backends')", "be1", "be2", "be3", "fw1", "fw2", "failed", "moved"], &rows);
    screen.say(
        "be columns: flows by the backend that answered; fw columns: packets that the forwarder sent on",
    );

    let before = packets(lab, "v4")?;
    let wrk = lab.client.wrk(http(vip::V4), "/", 64, Duration::from_secs(3))?;
    let wrk_packets_by_forwarder = since(packets(lab, "v4")?, &before);
    screen.say(format!(
        "wrk, 64 connections, 3 s: {} requests, {:.0} a second, {} errors; packets by forwarder: {}",
        wrk.requests,
        wrk.requests_per_second,
        wrk.errors,
        wrk_packets_by_forwarder.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
    ));
    Ok(Spread { vips, wrk, wrk_packets_by_forwarder })
}

fn row(spread: &VipSpread) -> [String; 8] {
    let flows = |backend: &str| spread.flows_by_backend.get(backend).copied().unwrap_or(0).to_string();
    let packets = |node: &str| spread.packets_by_forwarder.get(node).copied().unwrap_or(0).to_string();
    [
        format!("{} {}", spread.vip, spread.address),
        flows("be1"),
        flows("be2"),
        flows("be3"),
        packets("fw1"),
        packets("fw2"),
        spread.failed.to_string(),
        spread.moved_flows.to_string(),
    ]
}

fn packets(lab: &Lab, vip: &str) -> Result<BTreeMap<String, u64>> {
    lab.forwarders.iter().map(|f| Ok((f.name().to_owned(), f.vip_packets(vip)?))).collect()
}

fn since(now: BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    now.into_iter()
        .map(|(name, packets)| {
            let packets = packets.saturating_sub(before.get(&name).copied().unwrap_or(0));
            (name, packets)
        })
        .collect()
}

impl Spread {
    /// What did not come out as it should.
    pub(super) fn unexpected(&self) -> Vec<String> {
        let mut found = Vec::new();
        for VipSpread { vip, requests, failed, moved_flows, flows_by_backend, .. } in &self.vips {
            if *failed > 0 || *moved_flows > 0 {
                found.push(format!(
                    "spread, VIP {vip}: {failed} of {requests} failed, {moved_flows} flows moved"
                ));
            }
            if flows_by_backend.len() != 3 {
                found.push(format!("spread, VIP {vip}: only {} backends answered", flows_by_backend.len()));
            }
        }
        if self.wrk.errors > 0 {
            found.push(format!("wrk: {} errors in {} requests", self.wrk.errors, self.wrk.requests));
        }
        found
    }
}
