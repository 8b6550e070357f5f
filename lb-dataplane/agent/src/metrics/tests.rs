use super::*;
use crate::view::tests::{Numbered, sample};
use crate::view::{ControllerView, View};
use std::collections::BTreeSet;

const PREFIX: &str = "guideway_dataplane_";

fn scrape() -> String {
    let metrics = Metrics::default();
    metrics.reload_accepted();
    metrics.installed(Duration::from_millis(2), Some(Duration::from_millis(20)));
    metrics.probed(ProbeOutcome { result: ProbeResult::Failed, took: Duration::from_millis(3) });
    metrics.prepared(Duration::from_millis(2), true);
    let followed = ControllerView {
        term: 3,
        committed: Some((9, "abcd".to_owned())),
        leader: Some("controller:9443".to_owned()),
        ..ControllerView::default()
    };
    let view = View { controller: Some(Arc::new(arc_swap::ArcSwap::from_pointee(followed))), ..sample() };
    let view = Arc::new(arc_swap::ArcSwap::from_pointee(view));
    let ways = watch::Sender::new(Found::default()).subscribe();
    let counts = guideway_l2::Counts { answers: 5, ..guideway_l2::Counts::default() };
    let links =
        watch::Sender::new(guideway_l2::Status { counts, ..guideway_l2::Status::default() }).subscribe();
    let registry = registry(&metrics, view, Arc::new(Numbered::default()), ways, links);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn samples() {
    let text = scrape();
    let vip = r#"vip="web-v4",address="203.0.113.10",ports="80",protocol="tcp""#;
    for expected in [
        r#"reloads_total{result="accepted"} 1"#.to_owned(),
        r#"reloads_total{result="refused"} 0"#.to_owned(),
        r#"health_probes_total{result="failed"} 1"#.to_owned(),
        "generation 7".to_owned(),
        r#"digest_info{digest="000000000000abcd"} 1"#.to_owned(),
        r#"interface_attached{interface="up0",mode="native"} 1"#.to_owned(),
        r#"packets_total{outcome="tx"} 3001"#.to_owned(),
        r#"limit_capacity{limit="vips"} 4096"#.to_owned(),
        r#"events_total{event="flow_hit"} 3017"#.to_owned(),
        r#"set_unsettled_slots{set="web"} 12"#.to_owned(),
        r#"set_held_slots{set="web"} 3"#.to_owned(),
        r#"set_at_risk_slots{set="web"} 0"#.to_owned(),
        r#"backend_leaving{backend="be0",address="10.1.10.2"} 1"#.to_owned(),
        "backends_without_leg 0".to_owned(),
        "routes_current 0".to_owned(),
        "link_answers_total 5".to_owned(),
        "link_problems 0".to_owned(),
        "rolled_back 0".to_owned(),
        "controller_connected 1".to_owned(),
        "controller_term 3".to_owned(),
        "controller_generation 9".to_owned(),
        "controller_fenced 0".to_owned(),
        r#"controller_prepares_total{result="prepared"} 1"#.to_owned(),
        "controller_fences_total 0".to_owned(),
        format!("vip_flow_entries{{{vip}}} 1024"),
        format!("vip_packets_total{{{vip}}} 1003"),
        format!("vip_bytes_total{{{vip}}} 100003"),
        format!("vip_backends{{{vip}}} 4"),
        format!("vip_backends_healthy{{{vip}}} 2"),
        r#"backend_packets_total{backend="be1",address="10.1.11.2"} 2001"#.to_owned(),
        r#"backend_healthy{set="web",backend="be2",address="10.1.12.2"} 0"#.to_owned(),
        r#"backend_slots{set="web",backend="be4",address="10.1.14.2"} 5"#.to_owned(),
    ] {
        let line = format!("{PREFIX}{expected}");
        assert!(text.lines().any(|other| other == line), "no {line:?} in\n{text}");
    }
    // Nobody knows yet, or ever.
    for absent in ["backend_packets_total{backend=\"be3\"", "backend_healthy{set=\"web\",backend=\"be4\""] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
}

/// `docs/metrics.md` has one table row `| name | type | labels | meaning |` per metric, the meaning as served.
#[test]
fn documented() {
    let text = scrape();
    let mut served = BTreeSet::new();
    let mut help = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').unwrap().1.trim_end_matches('.').to_owned();
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let suffix = if kind == "counter" { "_total" } else { "" };
            served.insert((format!("{name}{suffix}"), kind.to_owned(), labels(&text, name), help.clone()));
        }
    }
    let documented: BTreeSet<_> = include_str!("../../../../docs/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `guideway_"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let name = cells[0].trim_matches('`').to_owned();
            (name, cells[1].to_owned(), cells[2].replace('`', ""), cells[3].to_owned())
        })
        .collect();
    let missing: Vec<_> = served.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&served).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "missing in docs/metrics.md: {missing:#?}\nstale: {stale:#?}"
    );
}

/// Label names of the first sample of `metric`, without `le`.
fn labels(text: &str, metric: &str) -> String {
    let sample = text
        .lines()
        .find(|line| !line.starts_with('#') && line.starts_with(metric) && line.contains('{'))
        .filter(|line| {
            ["{", "_total{", "_bucket{"].iter().any(|end| line.starts_with(&format!("{metric}{end}")))
        });
    let Some((_, rest)) = sample.and_then(|line| line.split_once('{')) else { return String::new() };
    let names = rest.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name);
    names.filter(|name| *name != "le").collect::<Vec<_>>().join(", ")
}

#[test]
fn every_outcome_is_documented() {
    let text = include_str!("../../../../docs/metrics.md");
    for counter in guideway_abi::Counter::ALL {
        let name = counter.name();
        assert!(text.contains(&format!("`{name}`")), "docs/metrics.md does not name {name}");
    }
}
