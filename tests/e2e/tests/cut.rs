//! A forwarder that is cut off: the router drops it, flows go on through the other one to the same backends.

use std::time::Duration;

use anyhow::ensure;
use guideway_e2e::{expect_unbroken, expect_undisturbed};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::netns::LinkState;
use guideway_lab::{LabSpec, in_lab};

#[test]
fn flows_and_established_connections_survive_the_loss_of_a_forwarder() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let (v4, v6) = (http(vip::V4), http(vip::V6));
        let mut flows = lab.client.start_flows("flows", v4, &FlowSpec::until_stopped(300, 600))?;
        let hold_v4 = lab.client.start_hold("hold-v4", v4, &HoldSpec::default())?;
        let hold_v6 = lab.client.start_hold("hold-v6", v6, &HoldSpec::default())?;

        lab.forwarders[0].set_link(LinkState::Down)?;
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &["fw2"], Duration::from_secs(10))?;
        }
        flows.wait_rounds(2, Duration::from_secs(60))?;

        lab.forwarders[0].set_link(LinkState::Up)?;
        for vip in [vip::V4, vip::V6] {
            lab.wait_for_all_legs(vip)?;
        }
        let before = lab.forwarders[0].vip_packets("v4")?;
        flows.wait_rounds(2, Duration::from_secs(60))?;
        ensure!(lab.forwarders[0].vip_packets("v4")? > before, "fw1 gets no packets after it came back");

        expect_undisturbed("forwarder cut off and back", &flows.finish()?)?;
        expect_unbroken("forwarder cut off and back, IPv4", &hold_v4.finish()?)?;
        expect_unbroken("forwarder cut off and back, IPv6", &hold_v6.finish()?)
    });
}
