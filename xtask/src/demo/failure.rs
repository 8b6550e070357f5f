//! Parts that fail while requests run.

use std::time::{Duration, Instant};

use anyhow::Result;
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::DETECTION;
use guideway_lab::{Lab, wait};

use super::load::Load;
use super::report::{Allowed, Event, print_events};
use super::screen::Screen;
use super::stage::SET;

/// SIGKILL to the agent of a forwarder.
pub(super) fn agent(screen: &mut Screen, lab: &mut Lab) -> Result<Event> {
    screen.chapter("An agent fails: lb-dataplane of fw1 is killed (-9) and started again");
    let mut load = Load::start(lab, "agent", vip::V4, 10_000)?;
    let before = (lab.forwarders[0].generation()?, lab.forwarders[0].digest()?);
    lab.forwarders[0].kill_agent()?;
    load.one_more_round()?;
    lab.tor.wait_for_legs(vip::V4, &["fw1", "fw2"], Duration::ZERO)?;
    screen.say("fw1: no agent; the pinned program forwards on, the route stays");
    let start = Instant::now();
    lab.forwarders[0].start_agent()?;
    let adopted = start.elapsed();
    load.one_more_round()?;
    let after = (lab.forwarders[0].generation()?, lab.forwarders[0].digest()?);
    screen.say(format!(
        "fw1: the agent is back after {:.1} s and {}: generation {} -> {}",
        adopted.as_secs_f64(),
        if before.1 == after.1 { "adopted the same tables" } else { "holds OTHER tables" },
        before.0,
        after.0
    ));
    let event =
        Event::new("agent of fw1 killed and restarted", Allowed::Nothing, Some(adopted), &load.finish()?);
    print_events(screen, std::slice::from_ref(&event));
    Ok(event)
}

/// A backend's nginx is killed and started again.
pub(super) fn backend(screen: &mut Screen, lab: &mut Lab) -> Result<Vec<Event>> {
    screen.chapter("A backend fails and returns: nginx of be2 is killed and started again");
    // Without long-lived connections: the load that holds them may panic when it loses some.
    let mut load = Load::fresh(lab, "failed", vip::V4, 10_000)?;
    let start = Instant::now();
    lab.backends[1].kill_nginx()?;
    for forwarder in &lab.forwarders {
        wait::until_true("be2 to leave the table", DETECTION, || Ok(forwarder.slots("v4", "be2")? == 0))?;
    }
    let gone = start.elapsed();
    screen.say(format!("be2 left the tables of both forwarders after {} ms", gone.as_millis()));
    load.one_more_round()?;
    let failed = Event::new("be2 killed", Allowed::OnlyOf("be2"), Some(gone), &load.finish()?);

    let mut meanwhile = Load::start(lab, "meanwhile", vip::V4, 10_000)?;
    lab.backends[1].start_nginx()?;
    let start = Instant::now();
    for forwarder in &lab.forwarders {
        wait::until_true("be2 to come back", DETECTION, || Ok(forwarder.slots("v4", "be2")? > 0))?;
        screen.say(format!(
            "{}: be2 has its slots again; {} slots are in doubt, since others stood in for it",
            forwarder.name(),
            forwarder.unsettled_slots(SET)?
        ));
    }
    let back = start.elapsed();
    meanwhile.one_more_round()?;
    let returned = Event::new("be2 back", Allowed::NewElsewhere, Some(back), &meanwhile.finish()?);
    let events = vec![failed, returned];
    print_events(screen, &events);
    Ok(events)
}
