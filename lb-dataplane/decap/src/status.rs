//! `lb-decap status`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use guideway_bpf::{Decap, DecapStatus, VipAddress};
use serde::Serialize;

use crate::apply::describe;
use crate::cli::{EXIT_NOT_READY, Output, StatusArguments};
use crate::loopback::Loopback;
use crate::say;

/// What is shown.
#[derive(Debug, Serialize)]
struct Report {
    pin_root: String,
    /// Whether this backend receives everything that it should.
    ready: bool,
    set_up: bool,
    interfaces: Vec<Interface>,
    vips: Vec<VipState>,
    services: Vec<String>,
    counters: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Interface {
    name: String,
    attached: bool,
    mode: Option<String>,
    /// Whether replies are translated here.
    egress: bool,
}

#[derive(Debug, Serialize)]
struct VipState {
    address: IpAddr,
    /// Whether it has to be on lo: some of its packets are delivered to it.
    needed: bool,
    on_lo: bool,
    /// Whether `detach` takes it off lo.
    added: bool,
}

pub(crate) async fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let root = &arguments.pins.pin_root;
    let found = Decap::status(root).with_context(|| format!("cannot examine {}", root.display()))?;
    let addresses = Loopback::open().await?.addresses().await?;
    let report = report(root.display().to_string(), found, &addresses);
    let text = match arguments.output {
        Output::Table => table(&report),
        Output::Json => serde_json::to_string_pretty(&report).context("cannot write JSON")? + "\n",
    };
    say::answer(text.as_bytes()).context("cannot print the answer")?;
    Ok(if report.ready { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_READY) })
}

fn report(pin_root: String, found: Option<DecapStatus>, on_lo: &BTreeSet<IpAddr>) -> Report {
    let set_up = found.is_some();
    let Some(DecapStatus { attachments, egress, services, counters, .. }) = found else {
        let (interfaces, vips, services) = (Vec::new(), Vec::new(), Vec::new());
        return Report {
            pin_root,
            ready: false,
            set_up,
            interfaces,
            vips,
            services,
            counters: BTreeMap::new(),
        };
    };
    let interfaces: Vec<Interface> = attachments
        .into_iter()
        .map(|attachment| Interface {
            attached: attachment.attached(),
            mode: attachment.mode.map(|mode| mode.to_string()),
            egress: egress.contains(&attachment.interface),
            name: attachment.interface,
        })
        .collect();
    let needed: BTreeSet<IpAddr> = services.on_loopback().collect();
    let vips: Vec<VipState> = services
        .vips
        .iter()
        .map(|(&address, &mark)| VipState {
            address,
            needed: needed.contains(&address),
            on_lo: on_lo.contains(&address),
            added: mark == VipAddress::Added,
        })
        .collect();
    let ready = interfaces.iter().any(|interface| interface.attached)
        && interfaces.iter().all(|interface| interface.attached && interface.egress)
        && vips.iter().all(|vip| vip.on_lo || !vip.needed);
    let services = services.services.iter().map(|(key, service)| describe(key, service)).collect();
    let counters = counters.into_iter().map(|(counter, packets)| (counter.name(), packets)).collect();
    Report { pin_root, ready, set_up, interfaces, vips, services, counters }
}

fn table(report: &Report) -> String {
    let mut text = String::new();
    if !report.set_up {
        let _ = writeln!(text, "not set up: nothing is pinned at {}", report.pin_root);
        return text;
    }
    for Interface { name, mode, egress, .. } in &report.interfaces {
        let state = match mode {
            Some(mode) if *egress => format!("{mode} mode"),
            Some(mode) => format!("{mode} mode, REPLIES NOT TRANSLATED (run `up` again)"),
            None => "NOT ATTACHED (run `up` again)".to_owned(),
        };
        let _ = writeln!(text, "interface {name:<39} {state}");
    }
    if report.interfaces.is_empty() {
        let _ = writeln!(text, "interface none");
    }
    for VipState { address, needed, on_lo, added } in &report.vips {
        let state = match (on_lo, added) {
            (true, true) => "on lo",
            (true, false) => "on lo, from before",
            (false, _) if !needed => "not needed on lo",
            (false, _) => "NOT ON lo (run `up` again)",
        };
        let _ = writeln!(text, "VIP       {:<39} {state}", address.to_string());
    }
    for service in &report.services {
        let _ = writeln!(text, "service   {service}");
    }
    for (name, packets) in &report.counters {
        let _ = writeln!(text, "packets   {name:<39} {packets}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{report, table};
    use guideway_abi::DecapCounter;
    use guideway_bpf::{Attachment, DecapStatus, Global, Services, VipAddress, XdpMode};
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    fn found(mode: Option<XdpMode>) -> DecapStatus {
        DecapStatus {
            attachments: vec![Attachment {
                interface: "eth0".to_owned(),
                ifindex: Some(2),
                mode,
                since: None,
            }],
            egress: vec!["eth0".to_owned()],
            global: Global::default(),
            services: Services::as_they_are([(vip(), VipAddress::Added)].into()),
            counters: vec![(DecapCounter::Ipip, 7)],
            settings: BTreeMap::new(),
        }
    }

    fn vip() -> IpAddr {
        "203.0.113.10".parse().unwrap()
    }

    #[test]
    fn ready_means_attached_and_every_vip_on_lo() {
        let native = Some(XdpMode::Native);
        for (found, on_lo, ready) in [
            (None, vec![], false),
            (Some(found(None)), vec![vip()], false),
            (Some(found(native)), vec![], false),
            (Some(found(native)), vec![vip()], true),
        ] {
            let report = report("/x".to_owned(), found, &on_lo.into_iter().collect());
            assert_eq!(report.ready, ready, "{report:?}");
        }
    }

    #[test]
    fn the_table_says_what_is_wrong() {
        let report = report("/x".to_owned(), Some(found(None)), &[].into());
        let text = table(&report);
        assert!(text.contains("NOT ATTACHED") && text.contains("NOT ON lo") && text.contains("7"), "{text}");
        assert!(table(&super::report("/x".to_owned(), None, &[].into())).contains("not set up"));
    }
}
