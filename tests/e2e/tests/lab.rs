//! The lab itself, without our daemons: routers, nginx, loads and captures are worth what they claim.

use std::time::Duration;

use anyhow::ensure;
use guideway_lab::addresses::{Leg, vip};
use guideway_lab::capture::{Capture, Direction};
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldSpec};
use guideway_lab::netns::LinkState;
use guideway_lab::scenario::in_bare_lab;
use guideway_lab::sweep::{self, Kept};
use guideway_lab::{LabSpec, TorKind};

#[test]
fn loads_reach_nginx_through_the_router_and_count_what_fails() {
    in_bare_lab(&LabSpec { forwarders: 0, backends: 2, ..LabSpec::default() }, |lab| {
        for address in [Leg::backend(1).node_v4().into(), Leg::backend(1).node_v6().into()] {
            let spec = FlowSpec { flows: 200, rounds: 2, ..FlowSpec::default() };
            let report = lab.client.flows(http(address), &spec)?;
            ensure!((report.requests, report.failed, report.moved_flows) == (400, 0, 0), "{report:?}");
            ensure!(report.requests_by_backend["be1"] == 400, "{report:?}");
        }
        let wrk = lab.client.wrk(http(Leg::backend(2).node_v4().into()), "/", 4, Duration::from_secs(1))?;
        ensure!(wrk.requests > 100 && wrk.errors == 0, "{wrk:?}");

        let held = http(Leg::backend(2).node_v4().into());
        let hold =
            lab.client.start_hold("hold", held, &HoldSpec { connections: 5, ..HoldSpec::default() })?;
        lab.backends[1].kill_nginx()?;
        let report = hold.join(Duration::from_secs(20))?;
        ensure!(report.connections == 5 && report.broken_by_backend["be2"] == 5, "{report:?}");
        let spec = FlowSpec { flows: 3, timeout_ms: 500, ..FlowSpec::default() };
        let report = lab.client.flows(held, &spec)?;
        ensure!(report.failed == 3 && report.failures[0].error.contains("refused"), "{report:?}");

        lab.backends[1].start_nginx()?;
        lab.backends[1].set_link(LinkState::Down)?;
        let report = lab.client.flows(held, &spec)?;
        ensure!(report.failed == 3 && report.failures[0].error.contains("no answer"), "{report:?}");
        lab.backends[1].set_link(LinkState::Up)?;
        let report =
            lab.client.flows(http(Leg::backend(2).node_v6().into()), &FlowSpec { flows: 3, ..spec })?;
        ensure!(report.failed == 0, "{report:?}");
        Ok(())
    });
}

#[test]
fn a_capture_sees_every_leg_in_order() {
    in_bare_lab(&LabSpec { forwarders: 0, backends: 1, ..LabSpec::default() }, |lab| {
        let target = http(Leg::backend(1).node_v6().into());
        lab.client.request(target, 20_000)?;
        let capture = Capture::start(lab.tor.netns(), &lab.folder().node("tor")?, "capture", "port 80")?;
        ensure!(lab.client.request(target, 20_001)? == "be1");
        let seen = capture.stop()?;
        let syn: Vec<_> = seen.iter().filter(|s| s.frame.flow().is_syn()).collect();
        let legs: Vec<_> = syn.iter().map(|s| (s.leg.as_str(), s.direction)).collect();
        ensure!(legs == [("cl0", Direction::In), ("be1", Direction::Out)], "{seen:#?}");
        ensure!(syn[0].frame.outer.ports == Some((20_001, 80)), "{syn:?}");
        ensure!(seen.iter().filter(|s| s.frame.flow().is_syn_ack()).count() == 2);
        Ok(())
    });
}

#[test]
fn bird_and_frr_come_up_and_without_announcements_there_is_no_route() {
    for tor in [TorKind::Bird, TorKind::Frr] {
        let spec = LabSpec { backends: 1, tor, password: Some("s3cret".into()), ..LabSpec::default() };
        in_bare_lab(&spec, |lab| {
            let sessions = lab.tor.sessions()?;
            let peer = if tor == TorKind::Bird { "fw2" } else { "10.1.2.2" };
            ensure!(sessions.contains(peer), "{sessions}");
            lab.tor.wait_for_legs(vip::V4, &[], Duration::ZERO)?;
            lab.tor.netns().ip("route add 203.0.113.10/32 nexthop via 10.1.1.2 nexthop via 10.1.2.2")?;
            lab.tor.netns().ip("-6 route add 2001:db8:10::10/128 via fd00:2::2")?;
            lab.tor.wait_for_legs(vip::V4, &["fw1", "fw2"], Duration::ZERO)?;
            lab.tor.wait_for_legs(vip::V6, &["fw2"], Duration::ZERO)?;
            Ok(())
        });
    }
}

#[test]
fn a_lab_leaves_nothing_behind() {
    let mut id = None;
    let spec = LabSpec { forwarders: 1, backends: 1, ..LabSpec::default() };
    in_bare_lab(&spec, |lab| {
        id = Some(lab.id());
        ensure!(sweep::all().contains(&lab.id()));
        ensure!(!sweep::dead_runs(Kept::Spare).contains(&lab.id()), "a lab in use is not swept");
        Ok(())
    });
    assert!(id.is_some_and(|id| !sweep::all().contains(&id)));
}
