//! `lb-decap`: one command sets a backend up, changes it under traffic, and takes it back.

use std::time::Duration;

use anyhow::{Result, ensure};
use guideway_e2e::expect_undisturbed;
use guideway_lab::addresses::vip;
use guideway_lab::backend::Backend;
use guideway_lab::binaries::binary;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::lab::http;
use guideway_lab::load::FlowSpec;
use guideway_lab::{LabSpec, in_lab};

fn decap(backend: &Backend, words: &[&str]) -> Result<String> {
    let pins = backend.pins().to_string_lossy().into_owned();
    let words: Vec<&str> = words.iter().copied().chain(["--pin-root", &pins]).collect();
    backend.netns().run(&binary("lb-decap")?.to_string_lossy(), &words)
}

fn settings(backend: &Backend) -> Result<String> {
    let names = [
        "all/rp_filter",
        "up0/rp_filter",
        "all/arp_ignore",
        "all/arp_announce",
        "up0/arp_ignore",
        "up0/arp_announce",
    ];
    let paths: Vec<String> = names.iter().map(|name| format!("/proc/sys/net/ipv4/conf/{name}")).collect();
    backend.netns().run("cat", &paths.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_backend_is_changed_under_traffic_and_taken_back() {
    let spec = LabSpec { forwarders: 1, backends: 1, ..LabSpec::default() };
    in_lab(&spec, &DataplaneConfig::usual(1), |lab| {
        let backend = &lab.backends[0];
        let status: serde_json::Value = serde_json::from_str(&decap(backend, &["status", "-o", "json"])?)?;
        ensure!(status["vips"].as_array().is_some_and(|vips| vips.len() >= 4), "{status}");

        // Running `up` again, with a VIP less and then one more, disturbs no other VIP.
        let flows = FlowSpec::until_stopped(50, 200);
        let mut running = lab.client.start_flows("flows", http(vip::V4), &flows)?;
        running.wait_rounds(2, Duration::from_secs(20))?;
        let kept = [vip::V4, vip::V6, vip::V4_OVER_V6, vip::V6_OVER_V4].map(|vip| vip.to_string());
        let mut words = vec!["up", "--interface", "up0"];
        words.extend(kept.iter().flat_map(|vip| ["--vip", vip.as_str()]));
        let extra = vip::EXTRA.to_string();
        for wanted in [false, true, false] {
            let mut words = words.clone();
            if wanted {
                words.extend(["--vip", &extra]);
            }
            decap(backend, &words)?;
            let on_lo = backend.netns().ip("-4 addr show dev lo")?.contains(&extra);
            ensure!(on_lo == wanted, "{extra} on lo: {on_lo}");
            running.wait_rounds(2, Duration::from_secs(20))?;
        }
        expect_undisturbed("lb-decap up under traffic", &running.finish()?)?;

        // Detach takes back what up did, and a second one finds nothing to do.
        decap(backend, &["detach"])?;
        let lo = backend.netns().ip("addr show dev lo")?;
        for vip in &kept {
            ensure!(!lo.contains(vip.as_str()), "{vip} is left on lo");
        }
        ensure!(!backend.netns().ip("link show dev up0")?.contains("xdp"), "the program is left on up0");
        ensure!(!backend.pins().exists(), "pins are left");
        decap(backend, &["detach"])?;

        // And it serves again after one command.
        let before = settings(backend)?;
        decap(backend, &words)?;
        let spec = FlowSpec { flows: 50, ..FlowSpec::default() };
        expect_undisturbed("after up", &lab.client.flows(http(vip::V6), &spec)?)?;
        decap(backend, &["detach"])?;
        ensure!(settings(backend)? == before, "settings are left changed");
        Ok(())
    });
}
