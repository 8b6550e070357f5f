//! Packets of the kernel's own generator through load balancers and back.
//!
//! ```text
//!  namespace gw-gen                    a namespace for each subject
//!  pktgen ── gen0 ═════ veth ═════ up0 ── bare TX │ the forwarder │ IPVS
//!            counted and dropped ◄─────── packets to the backends, by the router's address
//! ```

mod forwarder;
mod ipvs;
mod subject;
mod world;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use guideway_vm::event::{Event, Rate};
use guideway_vm::plan::Traffic;

use crate::{Out, command};
use subject::Subject;
use world::{GENERATOR, World};

/// IPv4 and IPv6 address of the VIPs; both have port 80 over TCP and over UDP.
const VIP4: &str = "203.0.113.10";
const VIP6: &str = "2001:db8::10";
/// Backends of each family.
const BACKENDS: u8 = 8;

/// The scripts of `deploy/pktgen`, and where they send to. The last one leaves a load of connections in what keeps them.
const SCRIPTS: [(&str, &str); 5] =
    [("one-flow", VIP4), ("many-flows", VIP4), ("ipv6", VIP6), ("udp", VIP4), (FLOOD, VIP4)];
const FLOOD: &str = "syn-flood";

/// Packets of the run that shows how fast the machine is.
const FIRST: u64 = 3_000;
/// How long a script may take; a virtual machine without hardware's help is slow.
const LIMIT: Duration = Duration::from_secs(120);
/// A run counts when at least so many of a thousand packets came back.
const RETURNED: u64 = 990;

/// Measures every kind of traffic with every subject, in turn.
pub(crate) fn run(plan: &Traffic, out: &Out) -> Result<()> {
    let world = World::new(plan)?;
    let mut ready = Vec::new();
    for mut subject in subject::all(plan) {
        let started = world.connect(subject.number()).and_then(|()| subject.start());
        let is_started = started.is_ok();
        out.or_say(subject.name(), started)?;
        if is_started {
            ready.push(subject);
        }
    }
    for (script, vip) in SCRIPTS {
        let turns: Vec<&Subject> = match script {
            // One after the other: expiring connections of one would slow down the next.
            FLOOD => ready.iter().flat_map(|subject| (0..plan.rounds).map(move |_| subject)).collect(),
            _ => (0..plan.rounds).flat_map(|_| &ready).collect(),
        };
        for subject in turns {
            let step = format!("{script} through {}", subject.name());
            match one(plan, &world, subject, script, vip) {
                Ok(rate) => out.say(&Event::Rate(rate))?,
                Err(error) => out.say(&Event::Failed { step, error: format!("{error:#}") })?,
            }
        }
    }
    ready.iter_mut().try_for_each(Subject::stop)
}

fn one(plan: &Traffic, world: &World, subject: &Subject, script: &str, vip: &str) -> Result<Rate> {
    let first = send(plan, world, subject, script, vip, FIRST)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // far below 2^53
    let packets = (first.per_second() * plan.time.as_secs_f64()) as u64;
    let before = subject.sent()?;
    let rate = send(plan, world, subject, script, vip, packets.max(FIRST))?;
    if rate.returned * 1000 < rate.sent * RETURNED {
        bail!("of {} packets only {} came back {}", rate.sent, rate.returned, subject.about());
    }
    // What came back is the subject's work and nothing else.
    if let (Some(before), Some(after)) = (before, subject.sent()?)
        && after - before < rate.returned
    {
        bail!("{} packets came back, but only {} were counted as sent", rate.returned, after - before);
    }
    Ok(rate)
}

fn send(
    plan: &Traffic,
    world: &World,
    subject: &Subject,
    script: &str,
    vip: &str,
    packets: u64,
) -> Result<Rate> {
    let path = plan.scripts.join(format!("{script}.sh"));
    let device = world::device(subject.number());
    let line = format!("{} -i {device} -m {} -d {vip} -n {packets}", path.display(), world::MAC);
    let before = world.returned(&device)?;
    let ended = command::run_for(&mut command::inside(GENERATOR, &line), LIMIT)?;
    if !ended.status.is_some_and(|status| status.success()) {
        bail!("{line}: {:?}: {}", ended.status, ended.output.trim());
    }
    let (sent, seconds) = total(&ended.output).with_context(|| format!("no result in {:?}", ended.output))?;
    let returned = world.settled(&device)? - before;
    Ok(Rate { subject: subject.name().to_owned(), traffic: script.to_owned(), sent, returned, seconds })
}

/// Packets and seconds of the script's last line.
fn total(output: &str) -> Option<(u64, f64)> {
    let line = output.lines().find(|line| line.starts_with("total "))?;
    let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    Some((field("sent")?.parse().ok()?, field("usec")?.parse::<f64>().ok()? / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_script_is_read() {
        let output = "cpu=0 sent=5 usec=10 pps=500000\ntotal sent=5 usec=2500000 pps=2\n";
        assert_eq!(total(output), Some((5, 2.5)));
        assert_eq!(total("nothing"), None);
    }
}
