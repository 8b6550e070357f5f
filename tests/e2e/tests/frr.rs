//! The whole way once more with FRR as the router, both families and TCP-MD5.

use std::time::Duration;

use anyhow::{Context, ensure};
use guideway_e2e::{ReturnPath, expect_fair_spread, expect_unbroken, expect_undisturbed};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::netns::LinkState;
use guideway_lab::{LabSpec, TorKind, in_lab};

#[test]
fn frr_with_md5_routes_both_families_and_drops_a_forwarder_that_is_cut_off() {
    let spec = LabSpec { tor: TorKind::Frr, password: Some("s3cret".to_owned()), ..LabSpec::default() };
    in_lab(&spec, &DataplaneConfig::usual(3), |lab| {
        for vip in [vip::V4, vip::V6, vip::V4_OVER_V6] {
            let capture = lab.capture("capture")?;
            let report = lab.client.flows(http(vip), &FlowSpec { flows: 300, ..FlowSpec::default() })?;
            expect_undisturbed("FRR", &report)?;
            expect_fair_spread(&report, 3)?;
            let path = ReturnPath::of(&capture.stop()?, vip);
            path.expect_direct_server_return().with_context(|| format!("{vip} by FRR"))?;
        }
        let mut flows = lab.client.start_flows("flows", http(vip::V4), &FlowSpec::until_stopped(300, 600))?;
        let hold = lab.client.start_hold("hold", http(vip::V6), &HoldSpec::default())?;
        lab.forwarders[1].set_link(LinkState::Down)?;
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &["fw1"], Duration::from_secs(10))?;
        }
        flows.wait_rounds(1, Duration::from_secs(60))?;
        let report = flows.finish()?;
        expect_undisturbed("FRR drops a forwarder", &report)?;
        ensure!(report.flows_by_backend.len() == 3);
        expect_unbroken("FRR drops a forwarder", &hold.finish()?)
    });
}
