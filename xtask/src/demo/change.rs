//! Changes of backends and forwarders while connections are open.

use std::time::{Duration, Instant};

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::Backend;
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::netns::LinkState;

use super::load::Load;
use super::report::{Allowed, Event, print_events};
use super::screen::Screen;
use super::stage::{self, SET};

/// The longest time from the new file to the new generation.
const RELOAD: Duration = Duration::from_secs(10);
/// The longest time until the router knows that a link is down.
const CUT: Duration = Duration::from_secs(10);

/// First backends alone, then backends and a forwarder at once while the first change is still in doubt.
pub(super) fn show(screen: &mut Screen, lab: &Lab) -> Result<Vec<Event>> {
    screen.chapter(
        "Backends change under load: be4 is added and be1 gets weight 3, which moves slots to other backends",
    );
    let carried = further_hops(lab)?;
    let mut before = Load::start(lab, "before", vip::V4, 10_000)?;
    let mut new = stage::config();
    new.set(SET).backends[0].weight = 3;
    new.set(SET).backends.push(Backend::of(4, true));
    let start = Instant::now();
    let generations = write(lab, &new)?;
    wait_changed(lab, &generations, 0..lab.forwarders.len())?;
    let changed = start.elapsed();
    tell_slots(screen, lab)?;
    before.one_more_round()?;
    screen.say(
        "new connections go where the new table says, those from before are handed on to where they belong",
    );

    screen.chapter(
        "All at once, with that still in doubt: be3 is drained, be1 gets weight 1 again, fw1 is cut off",
    );
    let mut between = Load::start(lab, "between", vip::V4, 20_000)?;
    new.set(SET).backends[0].weight = 1;
    new.set(SET).backends[2].weight = 0;
    let start = Instant::now();
    let generations = write(lab, &new)?;
    lab.forwarders[0].set_link(LinkState::Down)?;
    let cut = start.elapsed() + lab.tor.wait_for_legs(vip::V4, &["fw2"], CUT)?;
    wait_changed(lab, &generations, 1..2)?;
    let reacted = start.elapsed();
    screen.say(format!(
        "the ToR dropped its leg to fw1 after {} ms; every packet meets fw2 now",
        cut.as_millis()
    ));
    before.one_more_round()?;
    between.one_more_round()?;
    let before = before.finish()?;
    let between = between.finish()?;
    screen.say(format!("packets that carried further hops: {}", further_hops(lab)? - carried));
    let events = vec![
        Event::new("both changes: opened before", Allowed::NewElsewhere, Some(changed), &before),
        Event::new("both changes: opened between", Allowed::NewElsewhere, Some(reacted), &between),
    ];
    print_events(screen, &events);
    // The load has ended: its return with slots in doubt has broken single connections. It saw no backend while it was
    // cut off, and its tables differ from fw2's afterwards.
    lab.forwarders[0].set_link(LinkState::Up)?;
    let mut back = Duration::ZERO;
    for vip in [vip::V4, vip::V6] {
        back += lab.wait_for_all_legs(vip)?;
    }
    screen.say(format!(
        "fw1 is connected again, without load; the ToR has both legs after {:.1} s",
        back.as_secs_f64()
    ));
    screen.say("not shown: under load, its return while slots are in doubt can still break a connection");
    Ok(events)
}

/// Gives every forwarder this configuration; returns the generations that they had.
fn write(lab: &Lab, config: &DataplaneConfig) -> Result<Vec<u64>> {
    let generations = lab.forwarders.iter().map(Forwarder::generation).collect::<Result<_>>()?;
    for forwarder in &lab.forwarders {
        forwarder.write_config(config)?;
    }
    Ok(generations)
}

fn wait_changed(lab: &Lab, generations: &[u64], which: std::ops::Range<usize>) -> Result<()> {
    for place in which {
        lab.forwarders[place].wait_new_generation(generations[place], RELOAD)?;
    }
    Ok(())
}

fn tell_slots(screen: &Screen, lab: &Lab) -> Result<()> {
    for forwarder in &lab.forwarders {
        let shares = ["be1", "be2", "be3", "be4"].map(|name| forwarder.slots("v4", name).unwrap_or(0));
        screen.say(format!(
            "{}: generation {}, slots by backend {shares:?}, {} of them in doubt",
            forwarder.name(),
            forwarder.generation()?,
            forwarder.unsettled_slots(SET)?
        ));
    }
    Ok(())
}

/// Packets that told their backend who else they may be for.
fn further_hops(lab: &Lab) -> Result<u64> {
    lab.forwarders.iter().map(|forwarder| forwarder.counter("second_hop")).sum()
}
