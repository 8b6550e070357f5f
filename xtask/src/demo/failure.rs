//! Parts that fail while requests run.

use std::time::{Duration, Instant};

use anyhow::Result;
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::DETECTION;
use guideway_lab::netns::LinkState;
use guideway_lab::{Lab, wait};

use super::load::Load;
use super::report::{Allowed, Event, print_events};
use super::screen::Screen;

/// First the process, then the whole node.
pub(super) fn forwarder(screen: &mut Screen, lab: &mut Lab) -> Result<Vec<Event>> {
    screen.chapter("A forwarder fails: its agent is killed (-9), started again; then the node is cut off");
    let events = vec![agent_killed(screen, lab)?, node_cut_off(screen, lab)?];
    print_events(screen, &events);
    Ok(events)
}

fn agent_killed(screen: &Screen, lab: &mut Lab) -> Result<Event> {
    let mut load = Load::start(lab, "agent", vip::V4, 10_000)?;
    let before = (lab.forwarders[0].generation()?, lab.forwarders[0].digest()?);
    lab.forwarders[0].kill_agent()?;
    screen.say("fw1: lb-dataplane killed with SIGKILL; the pinned program forwards on, the route stays");
    load.one_more_round()?;
    lab.tor.wait_for_legs(vip::V4, &["fw1", "fw2"], Duration::ZERO)?;
    let start = Instant::now();
    lab.forwarders[0].start_agent()?;
    let adopted = start.elapsed();
    load.one_more_round()?;
    let after = (lab.forwarders[0].generation()?, lab.forwarders[0].digest()?);
    screen.say(format!(
        "fw1: lb-dataplane started again, {} after {:.1} s: generation {} -> {}",
        if before.1 == after.1 { "adopted the same tables" } else { "holds OTHER tables" },
        adopted.as_secs_f64(),
        before.0,
        after.0
    ));
    Ok(Event::new("agent of fw1 killed and restarted", Allowed::Nothing, Some(adopted), &load.finish()?))
}

fn node_cut_off(screen: &Screen, lab: &Lab) -> Result<Event> {
    let mut load = Load::start(lab, "node", vip::V4, 10_000)?;
    lab.forwarders[0].set_link(LinkState::Down)?;
    let gone = lab.tor.wait_for_legs(vip::V4, &["fw2"], Duration::from_secs(10))?;
    screen.say(format!("fw1: link down; the ToR dropped its leg after {} ms", gone.as_millis()));
    load.one_more_round()?;
    lab.forwarders[0].set_link(LinkState::Up)?;
    let mut back = Duration::ZERO;
    for vip in [vip::V4, vip::V6] {
        back += lab.wait_for_all_legs(vip)?;
    }
    screen.say(format!("fw1: link up; both legs again after {:.1} s", back.as_secs_f64()));
    load.one_more_round()?;
    Ok(Event::new("fw1 cut off and back", Allowed::Nothing, Some(gone), &load.finish()?))
}

/// A backend's nginx is killed and started again.
pub(super) fn backend(screen: &mut Screen, lab: &mut Lab) -> Result<Event> {
    screen.chapter("A backend fails: nginx of be2 is killed");
    let mut load = Load::start(lab, "backend", vip::V4, 10_000)?;
    let start = Instant::now();
    lab.backends[1].kill_nginx()?;
    for forwarder in &lab.forwarders {
        wait::until_true("be2 to leave the table", DETECTION, || Ok(forwarder.slots("v4", "be2")? == 0))?;
    }
    let gone = start.elapsed();
    screen.say(format!("be2 left the tables of both forwarders after {} ms", gone.as_millis()));
    load.one_more_round()?;
    // The load ends before be2 is back: its flows would move a second time, home.
    let event = Event::new("be2 killed", Allowed::OnlyOf("be2"), Some(gone), &load.finish()?);
    lab.backends[1].start_nginx()?;
    for forwarder in &lab.forwarders {
        wait::until_true("be2 to come back", DETECTION, || Ok(forwarder.slots("v4", "be2")? > 0))?;
    }
    screen.say("be2 started again and is back in the tables");
    print_events(screen, std::slice::from_ref(&event));
    Ok(event)
}
