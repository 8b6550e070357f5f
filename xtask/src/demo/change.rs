//! A change of the configuration while requests run.

use std::time::{Duration, Instant};

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::Vip;

use super::load::Load;
use super::report::{Allowed, Event, print_events};
use super::screen::Screen;
use super::stage;

/// The longest time from the new file to the new generation.
const RELOAD: Duration = Duration::from_secs(10);

pub(super) fn show(screen: &mut Screen, lab: &Lab) -> Result<Vec<Event>> {
    screen.chapter(
        "A configuration change: be1 of the IPv4 set gets weight 2, a VIP is added; then the same undone",
    );
    let mut changed = Load::start(lab, "changed", vip::V4, 10_000)?;
    let mut untouched = Load::start(lab, "untouched", vip::V6, 10_000)?;

    let mut new = stage::config();
    new.set("web-v4").backends[0].weight = 2;
    new.vips.push(Vip::new("extra", vip::EXTRA, "web-v4"));
    let mut slowest = Duration::ZERO;
    for config in [new, stage::config()] {
        for forwarder in &lab.forwarders {
            let before = forwarder.generation()?;
            let start = Instant::now();
            forwarder.write_config(&config)?;
            forwarder.wait_new_generation(before, RELOAD)?;
            slowest = slowest.max(start.elapsed());
            let shares = ["be1", "be2", "be3"].map(|name| forwarder.slots("v4", name).unwrap_or(0));
            screen.say(format!(
                "{}: generation {} -> {} in {} ms; slots of the IPv4 VIP by backend: {shares:?}",
                forwarder.name(),
                before,
                forwarder.generation()?,
                start.elapsed().as_millis()
            ));
        }
        changed.one_more_round()?;
        untouched.one_more_round()?;
    }
    let events = vec![
        Event::new("weights changed: the VIP concerned", Allowed::Moves, Some(slowest), &changed.finish()?),
        Event::new("weights changed: an untouched VIP", Allowed::Nothing, None, &untouched.finish()?),
    ];
    print_events(screen, &events);
    screen
        .say("a new weight moves slots between live backends; established connections in these slots break:");
    screen.say("there is no flow tracking yet that would keep them");
    Ok(events)
}
