//! Where the programs run: a network namespace and a pin directory of this process.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use guideway_lab::command::sh;
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, unshare};
use nix::unistd::Pid;

/// MAC address of the router, from which the packets come and to which they go.
pub(crate) const ROUTER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xaa, 1];
/// MAC address of `up0`.
pub(crate) const FORWARDER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xbb, 1];
/// The interface that packets seem to come in by.
pub(crate) const INTERFACE: &str = "up0";
/// The other end of its link.
pub(crate) const FAR_END: &str = "up1";

const BPFFS: &str = "/sys/fs/bpf";
const PREFIX: &str = "gw-bench-";

/// The namespace goes with the process, the pin directory with this value, or else with the next run.
#[derive(Debug)]
pub(crate) struct World {
    pins: PathBuf,
    /// Index of [`INTERFACE`].
    pub(crate) ifindex: u32,
    /// The CPUs that we had before.
    cpus: CpuSet,
}

impl World {
    /// Moves the process, which has one thread yet, into a namespace of its own and onto one CPU.
    pub(crate) fn enter() -> Result<Self> {
        remove_leftovers()?;
        unshare(CloneFlags::CLONE_NEWNET).context("make a network namespace; this needs root")?;
        let cpus = stay_on_one_cpu().context("stay on one CPU")?;
        link()?;
        let ifindex = nix::net::if_::if_nametoindex(INTERFACE).context("index of up0")?;
        Ok(Self { pins: Path::new(BPFFS).join(format!("{PREFIX}{}", std::process::id())), ifindex, cpus })
    }

    /// Goes back to all CPUs: plans are made on all that there are.
    pub(crate) fn use_all_cpus(&self) -> Result<()> {
        sched_setaffinity(Pid::from_raw(0), &self.cpus).context("use all CPUs")
    }

    /// A directory for pins.
    pub(crate) fn pins(&self, name: &str) -> PathBuf {
        self.pins.join(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.pins);
    }
}

/// Removes the pins of runs that were killed.
fn remove_leftovers() -> Result<()> {
    for entry in std::fs::read_dir(BPFFS).context("list /sys/fs/bpf; is a bpffs mounted there?")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix(PREFIX).is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Caches stay warm, and the per-CPU counters of a run are those of one CPU. The last CPU has the fewest interrupts.
fn stay_on_one_cpu() -> nix::Result<CpuSet> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut one = CpuSet::new();
    if let Some(last) = (0..CpuSet::count()).rev().find(|&cpu| allowed.is_set(cpu).unwrap_or(false)) {
        one.set(last)?;
        sched_setaffinity(Pid::from_raw(0), &one)?;
    }
    Ok(allowed)
}

/// Runs `ip` with these words.
fn ip(words: &str) -> Result<()> {
    sh(&format!("ip {words}")).map(drop)
}

/// A MAC address as `ip` takes it.
fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Makes `up0` with a route to every backend.
fn link() -> Result<()> {
    let (forwarder, router) = (mac_text(FORWARDER_MAC), mac_text(ROUTER_MAC));
    ip(&format!("link add {INTERFACE} mtu 1500 address {forwarder} type veth peer name {FAR_END}"))?;
    for interface in [FAR_END, INTERFACE] {
        ip(&format!("link set {interface} up"))?;
    }
    ip(&format!("addr add 10.1.1.2/24 dev {INTERFACE}"))?;
    ip(&format!("-6 addr add fd00:1::2/64 dev {INTERFACE} nodad"))?;
    ip(&format!("neigh add 10.1.1.1 lladdr {router} nud permanent dev {INTERFACE}"))?;
    ip(&format!("-6 neigh add fd00:1::1 lladdr {router} nud permanent dev {INTERFACE}"))?;
    ip("route add 10.1.0.0/16 via 10.1.1.1")?;
    ip("-6 route add fd00:11::/64 via fd00:1::1")?;
    for family in ["ipv4", "ipv6"] {
        // /proc/sys/net shows the namespace of who opens it.
        let path = format!("/proc/sys/net/{family}/conf/{INTERFACE}/forwarding");
        std::fs::write(&path, "1").with_context(|| format!("write {path}"))?;
    }
    Ok(())
}
