//! Changes of the configuration under load, and files that must change nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use guideway_e2e::{expect_no_failure, expect_unbroken, expect_undisturbed, wait_for_equal_tables};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::{Backend, BackendSet, Vip};
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::{LabSpec, in_lab, wait};

/// How long a reload may take: the file is noticed, the new backends get their first verdict, the tables are built.
const RELOAD: Duration = Duration::from_secs(10);

#[test]
fn vips_and_backends_come_and_go_without_a_failed_request_on_untouched_vips() {
    let mut config = DataplaneConfig::usual(4);
    // The VIP under test has be1..be3 throughout; a second set is what changes.
    config.sets = vec![
        BackendSet::of("web-v4", 1..=3, true),
        BackendSet::of("web-v6", 1..=3, false),
        BackendSet::of("other", 1..=2, true),
    ];
    config.vips.push(Vip::new("changing", vip::EXTRA, "other"));
    in_lab(&LabSpec { backends: 4, ..LabSpec::default() }, &config, |lab| {
        let mut flows = lab.client.start_flows("flows", http(vip::V4), &FlowSpec::until_stopped(300, 500))?;
        let hold = lab.client.start_hold("hold", http(vip::V6), &HoldSpec::default())?;

        let mut now = config.clone();
        for step in 0..4 {
            match step {
                0 => now.set("other").backends.push(Backend::of(4, true)),
                1 => now.set("other").backends[0].weight = 5,
                2 => {
                    now.vips.retain(|vip| vip.name != "changing");
                    now.sets.retain(|set| set.name != "other");
                }
                _ => {
                    now.sets.push(BackendSet::of("other", 2..=4, true));
                    now.vips.push(Vip::new("changing", vip::EXTRA, "other"));
                }
            }
            for forwarder in &lab.forwarders {
                let before = forwarder.generation()?;
                forwarder.write_config(&now)?;
                forwarder.wait_new_generation(before, RELOAD)?;
            }
            let legs: &[&str] = if step == 2 { &[] } else { &["fw1", "fw2"] };
            lab.tor.wait_for_legs(vip::EXTRA, legs, RELOAD)?;
            wait_for_equal_tables(lab)?;
            flows.wait_rounds(1, Duration::from_secs(60))?;
        }
        expect_undisturbed("the untouched VIP", &flows.finish()?)?;
        expect_unbroken("the untouched IPv6 VIP", &hold.finish()?)?;

        let report = lab.client.flows(http(vip::EXTRA), &FlowSpec { flows: 300, ..FlowSpec::default() })?;
        expect_no_failure("the VIP that was removed and added", &report)?;
        ensure!(report.flows_by_backend.keys().eq(["be2", "be3", "be4"]), "{:?}", report.flows_by_backend);
        Ok(())
    });
}

#[test]
fn weights_shift_the_shares() {
    let config = DataplaneConfig::usual(3);
    in_lab(&LabSpec { forwarders: 1, ..LabSpec::default() }, &config, |lab| {
        let forwarder = &lab.forwarders[0];
        let mut heavy = config.clone();
        heavy.set("web-v4").backends[0].weight = 2;
        let before = forwarder.generation()?;
        forwarder.write_config(&heavy)?;
        forwarder.wait_new_generation(before, RELOAD)?;
        let slots = [1, 2, 3].map(|n| forwarder.slots("v4", &format!("be{n}")).unwrap_or(0));
        ensure!(
            slots[0].abs_diff(slots[1] + slots[2]) <= 4,
            "2:1:1 gives half of the slots to be1: {slots:?}"
        );
        let report = lab.client.flows(http(vip::V4), &FlowSpec::default())?;
        expect_no_failure("new weights", &report)?;
        let be1 = report.flows_by_backend["be1"];
        ensure!((420..=580).contains(&be1), "be1 should have about half of 1000 flows: {be1}");
        Ok(())
    });
}

#[test]
fn a_bad_file_changes_nothing_and_is_reported() {
    let config = DataplaneConfig::usual(3);
    in_lab(&LabSpec { forwarders: 1, ..LabSpec::default() }, &config, |lab| {
        let forwarder = &lab.forwarders[0];
        let (generation, digest) = (forwarder.generation()?, forwarder.digest()?);
        let mut flows = lab.client.start_flows("flows", http(vip::V4), &FlowSpec::until_stopped(200, 400))?;
        for bad in ["vips: [", "seed: 12\nno_such_field: 1\n", ""] {
            let last = attempt(forwarder)?;
            forwarder.write_config_text(bad)?;
            forwarder.signal_reload()?;
            wait::until_true("the refusal to appear in lbctl status", RELOAD, || {
                let now = attempt(forwarder)?;
                Ok(now.0 > last.0 && !now.1)
            })?;
            let errors = forwarder.status("last_reload")?["errors"].to_string();
            ensure!(errors.contains("dataplane.yaml"), "the errors name no file: {errors}");
            ensure!(forwarder.generation()? == generation && forwarder.digest()? == digest);
        }
        flows.wait_rounds(1, Duration::from_secs(60))?;

        forwarder.write_config(&config)?;
        wait::until_true("the good file to be accepted", RELOAD, || Ok(attempt(forwarder)?.1))?;
        ensure!(forwarder.digest()? == digest, "the same configuration gives the same tables");
        expect_undisturbed("bad files", &flows.finish()?)
    });
}

/// When the last reload was tried, in Unix milliseconds, and whether it was accepted.
fn attempt(forwarder: &Forwarder) -> Result<(u64, bool)> {
    let last = forwarder.status("last_reload")?;
    Ok((last["at_unix_ms"].as_u64().unwrap_or(0), last["accepted"] == true))
}
