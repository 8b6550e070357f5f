//! Spread over backends and forwarders, and the same backend through either forwarder.

use std::time::Duration;

use anyhow::{Result, ensure};
use guideway_e2e::{expect_explained, expect_fair_spread, expect_undisturbed, wait_for_equal_tables};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::lab::http;
use guideway_lab::load::FlowSpec;
use guideway_lab::netns::LinkState;
use guideway_lab::{Lab, LabSpec, in_lab};

#[test]
fn a_thousand_flows_spread_and_meet_the_same_backend_through_either_forwarder() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let [fw1, fw2] = &lab.forwarders[..] else { unreachable!("two were asked for") };
        wait_for_equal_tables(lab)?;

        for (name, address) in [("v4", vip::V4), ("v6", vip::V6)] {
            let target = http(address);
            let packets = [fw1.vip_packets(name)?, fw2.vip_packets(name)?];
            let both = lab.client.flows(target, &FlowSpec { rounds: 2, ..FlowSpec::default() })?;
            expect_undisturbed("two rounds through both forwarders", &both)?;
            ensure!(both.assignments.len() == 1000);
            expect_fair_spread(&both, 3)?;
            expect_explained(lab, target, &both, 25)?;

            // The router draws a leg for each flow, so each forwarder must have had a good part of the packets.
            let share = [fw1.vip_packets(name)? - packets[0], fw2.vip_packets(name)? - packets[1]];
            let least = (share[0] + share[1]) / 3;
            ensure!(share.iter().all(|packets| *packets > least), "packets by forwarder: {share:?}");

            for alone in 0..2 {
                let one = through_one(lab, alone, || lab.client.flows(target, &FlowSpec::default()))?;
                expect_undisturbed("one round through one forwarder", &one)?;
                let other: Vec<_> =
                    one.assignments.iter().filter(|(p, b)| both.assignments[p] != **b).collect();
                ensure!(other.is_empty(), "through {} alone: {other:?}", lab.forwarders[alone].name());
            }
        }
        Ok(())
    });
}

/// Runs `load` while the other forwarder is cut off.
fn through_one<T>(lab: &Lab, alone: usize, load: impl FnOnce() -> Result<T>) -> Result<T> {
    let other = &lab.forwarders[1 - alone];
    other.set_link(LinkState::Down)?;
    for vip in [vip::V4, vip::V6] {
        lab.tor.wait_for_legs(vip, &[lab.forwarders[alone].name()], Duration::from_secs(15))?;
    }
    let result = load()?;
    other.set_link(LinkState::Up)?;
    for vip in [vip::V4, vip::V6] {
        lab.wait_for_all_legs(vip)?;
    }
    Ok(result)
}
