//! The dataplane outlives its agent; the speaker's end moves flows to the other forwarder.

use std::time::Duration;

use anyhow::ensure;
use guideway_e2e::{expect_unbroken, expect_undisturbed};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::{LabSpec, in_lab};

/// Time for some rounds of 300 flows on a busy machine.
const ROUNDS: Duration = Duration::from_secs(60);

#[test]
fn agents_killed_and_started_again_lose_no_packet_and_move_no_flow() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let generations: Vec<u64> =
            lab.forwarders.iter().map(Forwarder::generation).collect::<Result<_, _>>()?;
        let digest = lab.forwarders[0].digest()?;
        let target = http(vip::V4);
        let mut flows = lab.client.start_flows("flows", target, &FlowSpec::until_stopped(300, 600))?;
        let hold = lab.client.start_hold("hold", http(vip::V6), &HoldSpec::default())?;

        for forwarder in &mut lab.forwarders {
            forwarder.kill_agent()?;
        }
        flows.wait_rounds(2, ROUNDS)?;
        for (number, forwarder) in lab.forwarders.iter().enumerate() {
            // No agent runs: this is the pinned program alone.
            ensure!(forwarder.agent().is_none() && forwarder.pins().join("forwarder").exists(), "fw{number}");
        }
        lab.tor.wait_for_legs(vip::V4, &["fw1", "fw2"], Duration::ZERO)?;

        for forwarder in &mut lab.forwarders {
            forwarder.start_agent()?;
        }
        flows.wait_rounds(2, ROUNDS)?;
        lab.tor.wait_for_legs(vip::V4, &["fw1", "fw2"], Duration::ZERO)?;
        let report = flows.finish()?;
        expect_undisturbed("agents killed and started again", &report)?;
        ensure!(report.syn_retransmits == 0, "{} SYNs were sent again", report.syn_retransmits);
        expect_unbroken("agents killed and started again", &hold.finish()?)?;

        for (forwarder, before) in lab.forwarders.iter().zip(generations) {
            ensure!(forwarder.generation()? == before, "{}: {before} before", forwarder.name());
            ensure!(forwarder.digest()? == digest, "{} holds other tables now", forwarder.name());
        }
        Ok(())
    });
}

#[test]
fn an_agent_ended_by_sigterm_leaves_the_dataplane_forwarding() {
    in_lab(&LabSpec { forwarders: 1, ..LabSpec::default() }, &DataplaneConfig::usual(3), |lab| {
        let before = lab.client.flows(http(vip::V4), &FlowSpec::default())?;
        let status = lab.forwarders[0].stop_agent()?;
        ensure!(status.success(), "lb-dataplane ended with {status} after SIGTERM");
        let after = lab.client.flows(http(vip::V4), &FlowSpec::default())?;
        expect_undisturbed("no agent", &after)?;
        ensure!(before.assignments == after.assignments);
        Ok(())
    });
}

#[test]
fn a_killed_speaker_hands_its_flows_to_the_other_forwarder_and_comes_back() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let mut flows = lab.client.start_flows("flows", http(vip::V4), &FlowSpec::until_stopped(300, 600))?;
        let hold = lab.client.start_hold("hold", http(vip::V4), &HoldSpec::default())?;
        lab.forwarders[0].kill_speaker()?;
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &["fw2"], Duration::from_secs(5))?;
        }
        flows.wait_rounds(1, ROUNDS)?;
        lab.forwarders[0].start_speaker()?;
        for vip in [vip::V4, vip::V6] {
            lab.wait_for_all_legs(vip)?;
        }
        flows.wait_rounds(1, ROUNDS)?;
        expect_undisturbed("speaker killed", &flows.finish()?)?;
        expect_unbroken("speaker killed", &hold.finish()?)
    });
}
