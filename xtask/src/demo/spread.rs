//! How requests spread over forwarders and backends.

use std::collections::BTreeMap;

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::lab::http;
use guideway_lab::load::FlowSpec;
use serde::Serialize;

use super::screen::Screen;

/// Source ports for each VIP.
const PORTS: u16 = 500;

/// The spread of each VIP's connections.
#[derive(Debug, Serialize)]
pub(super) struct Spread {
    vips: Vec<VipSpread>,
}

/// [`PORTS`] source ports, two connections each.
#[derive(Debug, Serialize)]
pub(super) struct VipSpread {
    vip: String,
    address: String,
    requests: u64,
    failed: u64,
    /// Source ports whose second connection met another backend.
    ports_elsewhere: u64,
    ports_by_backend: BTreeMap<String, u64>,
    packets_by_forwarder: BTreeMap<String, u64>,
}

pub(super) fn show(screen: &mut Screen, lab: &Lab) -> Result<Spread> {
    screen.chapter("The spread: 500 source ports, two connections with one request from each");
    let mut vips = Vec::new();
    for (name, address) in
        [("v4", vip::V4), ("v6", vip::V6), ("v4-over-v6", vip::V4_OVER_V6), ("v6-over-v4", vip::V6_OVER_V4)]
    {
        let before = packets(lab, name)?;
        let report =
            lab.client.flows(http(address), &FlowSpec { flows: PORTS, rounds: 2, ..FlowSpec::default() })?;
        vips.push(VipSpread {
            vip: name.to_owned(),
            address: address.to_string(),
            requests: report.requests,
            failed: report.failed,
            ports_elsewhere: report.moved_flows,
            ports_by_backend: report.flows_by_backend,
            packets_by_forwarder: since(packets(lab, name)?, &before),
        });
    }
    let rows: Vec<[String; 8]> = vips.iter().map(row).collect();
    screen.table(
        ["VIP (family over backends')", "be1", "be2", "be3", "fw1", "fw2", "failed", "elsewhere"],
        &rows,
    );
    screen.say("be: source ports by the backend that answered; fw: packets that the forwarder sent on;");
    screen.say("elsewhere: ports whose second connection met another backend than the first, whatever forwarder it took");
    Ok(Spread { vips })
}

fn row(spread: &VipSpread) -> [String; 8] {
    let ports = |backend: &str| spread.ports_by_backend.get(backend).copied().unwrap_or(0).to_string();
    let packets = |node: &str| spread.packets_by_forwarder.get(node).copied().unwrap_or(0).to_string();
    [
        format!("{} {}", spread.vip, spread.address),
        ports("be1"),
        ports("be2"),
        ports("be3"),
        packets("fw1"),
        packets("fw2"),
        spread.failed.to_string(),
        spread.ports_elsewhere.to_string(),
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
        for VipSpread { vip, requests, failed, ports_elsewhere, ports_by_backend, .. } in &self.vips {
            if *failed > 0 || *ports_elsewhere > 0 {
                found.push(format!(
                    "spread, VIP {vip}: {failed} of {requests} failed, {ports_elsewhere} ports went elsewhere"
                ));
            }
            if ports_by_backend.len() != 3 {
                found.push(format!("spread, VIP {vip}: only {} backends answered", ports_by_backend.len()));
            }
        }
        found
    }
}
