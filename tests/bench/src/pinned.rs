//! The forwarder, pinned for another harness.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use guideway_abi::Capacities;

use crate::Effort;
use crate::driver::Baselines;
use crate::forwarder::{Forwarder, NextHops};
use crate::packets::measure_group;
use crate::report::Row;
use crate::scenario::{self, Group};
use crate::state::{self, SETS, V4, V6};
use crate::world::World;

/// The interface that a test run presents which names none: the loopback.
const LOOPBACK: u32 = 1;

/// Pins the program with everything settled, measures it where it is pinned, and leaves it for others.
pub(crate) fn measure(
    world: &World,
    baselines: &mut Baselines,
    effort: Effort,
    only: &str,
    root: &Path,
) -> Result<Vec<Row>> {
    if root.exists() {
        bail!("{} exists: remove it (rm -r), or name another directory", root.display());
    }
    let capacities = Capacities { flow_buckets: 1024, ..Capacities::default() };
    let mut forwarder = Forwarder::pinned(world, root, capacities).context("pin the forwarder")?;
    let mut scenarios = scenario::settled();
    scenarios.retain(|scenario| scenario.name.contains(only));
    let group = Group { capacities, history: vec![state::settled()], next_hops: NextHops::Legs, scenarios };
    let rows = if group.scenarios.is_empty() {
        forwarder.install(&group.history, group.next_hops)?;
        Vec::new()
    } else {
        measure_group(baselines, &mut forwarder, &group, effort)?
    };
    // Our interface ends with us.
    forwarder.lead_by(LOOPBACK)?;
    Ok(rows)
}

/// How to time what is pinned.
pub(crate) fn about(root: &Path) -> String {
    let root = root.display();
    let vips = SETS.iter().map(|(port, set)| format!("{port} ({set})")).collect::<Vec<_>>().join(", ");
    format!(
        "\nThe forwarder stays pinned:\n  program  {root}/forwarder\n  maps     {root}/maps/NAME, as in ebpf/abi\n\
         VIPs: {V4} and {V6}, TCP ports {vips}; UDP port 53 (v4).\n\
         Its next hops lead out of interface 1, which is what BPF_PROG_TEST_RUN presents without a context: a packet of \
         a VIP then gets XDP_TX (3). One run:\n  \
         bpftool prog run pinned {root}/forwarder data_in FRAME data_out /dev/stdout repeat 1\n\
         To time it, run a program of yours that makes each packet anew and tail-calls this one (put its descriptor into \
         a PROG_ARRAY): the kernel does not restore the packet between repetitions. What it did shows in maps/COUNTERS \
         (per CPU): element 1 counts the packets sent (tx).\n\
         Take it down with: rm -r {root}\n"
    )
}
