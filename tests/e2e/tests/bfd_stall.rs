//! A CPU that is held up.

mod bfd_support;

use std::time::Duration;

use anyhow::{Result, ensure};
use bfd_support::load::hold_up;
use bfd_support::router::{Kind, Peer};
use bfd_support::site::Way;
use bfd_support::world::{World, spec};
use bfd_support::{FORWARDER_V4, ROUTER_V4};
use guideway_lab::command;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Several detection times of 50 ms × 3; less than what the kernel keeps from real-time threads in each second.
const STALL: Duration = Duration::from_millis(600);

/// Each CPU in turn gives lb-bfd no time: the thread that has another one sends and receives.
#[test]
fn no_cpu_is_needed() -> Result<()> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let cpus: Vec<usize> = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
    let [.., before, last] = cpus[..] else {
        println!("one CPU: nothing to be seen here");
        return Ok(());
    };
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let pid = world.daemon.process.pid();
    // With more than two CPUs the first thread would go to another one of its own.
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.file_name().to_string_lossy().into_owned();
        if std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/comm"))?.trim() == "bfd-timing" {
            command::sh(&format!("taskset -p -c {before} {thread}"))?;
        }
    }
    for (stalled, free) in [(before, last), (last, before)] {
        // The router is a machine of its own, and somebody has to end the stall.
        world.router.set_cpu(free)?;
        let mut here = CpuSet::new();
        here.set(free)?;
        sched_setaffinity(Pid::from_raw(0), &here)?;
        hold_up(stalled, STALL)?;
        // The router's share of the machine is not looked at: what it does with one CPU less is its own affair.
        let late = Duration::from_micros(world.list()?.latest_us);
        ensure!(late < STALL / 2, "CPU {stalled} held up for {STALL:?}: a turn was late by {late:?}");
    }
    println!("turns were late by {} us at most", world.list()?.latest_us);
    world.site.pass();
    Ok(())
}
