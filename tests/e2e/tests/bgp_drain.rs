//! A forwarder is drained under load: no request fails, no flow changes its backend, no connection breaks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_e2e::{expect_unbroken, expect_undisturbed};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::{LabSpec, TorKind, in_lab, wait};

/// How long flows may take to end before the drained forwarder withdraws its routes.
const GRACE: &str = "3s";

fn phase(forwarder: &Forwarder) -> Result<String> {
    let answer = forwarder.lbctl(&["bgp", "peers"])?;
    Ok(answer["drains"][0]["phase"].as_str().unwrap_or_default().to_owned())
}

fn drained_under_load(tor: TorKind) {
    in_lab(&LabSpec { tor, ..LabSpec::default() }, &DataplaneConfig::usual(3), |lab| {
        let (v4, v6) = (http(vip::V4), http(vip::V6));
        let mut flows = lab.client.start_flows("flows", v4, &FlowSpec::until_stopped(300, 600))?;
        let hold = lab.client.start_hold("hold", v6, &HoldSpec::default())?;

        // BIRD shows no speaker what the others announce, so it has to be told that there are others.
        lab.forwarders[0].lbctl_text(&["bgp", "drain", "--timeout", GRACE, "--force"])?;
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &["fw2"], Duration::from_secs(30))?;
        }
        wait::until_true("the drain to be done", Duration::from_secs(30), || {
            Ok(phase(&lab.forwarders[0])? == "drained")
        })
        .with_context(|| format!("{:?}", lab.forwarders[0].lbctl(&["bgp", "peers"])))?;
        flows.wait_rounds(2, Duration::from_secs(60))?;
        let before = lab.forwarders[0].vip_packets("v4")?;
        flows.wait_rounds(1, Duration::from_secs(60))?;
        ensure!(lab.forwarders[0].vip_packets("v4")? == before, "fw1 still gets packets");

        lab.forwarders[0].lbctl_text(&["bgp", "undrain"])?;
        for vip in [vip::V4, vip::V6] {
            lab.wait_for_all_legs(vip)?;
        }
        flows.wait_rounds(2, Duration::from_secs(60))?;
        expect_undisturbed("a forwarder is drained and back", &flows.finish()?)?;
        expect_unbroken("a forwarder is drained and back", &hold.finish()?)
    });
}

#[test]
fn nothing_fails_when_a_forwarder_of_bird_is_drained() {
    drained_under_load(TorKind::Bird);
}

#[test]
fn nothing_fails_when_a_forwarder_of_frr_is_drained() {
    drained_under_load(TorKind::Frr);
}
