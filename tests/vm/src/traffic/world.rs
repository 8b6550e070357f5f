//! The namespaces and the links between them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use guideway_vm::plan::Traffic;

use crate::command::{inside, run, wait_until, words};

/// Namespace of the generator.
pub(super) const GENERATOR: &str = "gw-gen";
/// MAC address of each `up0`.
pub(super) const MAC: &str = "02:00:00:00:bb:01";
/// MAC address of the generator's interfaces, which stand for the router.
const ROUTER_MAC: &str = "02:00:00:00:aa:01";
/// Namespaces of subjects at most.
const SUBJECTS: u8 = 3;

/// The generator's interface towards a subject.
pub(super) fn device(number: u8) -> String {
    format!("gen{number}")
}

/// The namespace of a subject.
pub(super) fn namespace(number: u8) -> String {
    format!("gw-dut{number}")
}

/// All namespaces; removed when dropped.
pub(super) struct World {
    /// A program that drops everything, as `ip link set ... xdpdrv` takes it.
    sink: String,
}

impl World {
    /// Makes the generator's.
    pub(super) fn new(plan: &Traffic) -> Result<Self> {
        let world = Self { sink: format!("object {} program drop", plan.driver.display()) };
        words(&format!("ip netns add {GENERATOR}"))?;
        // Nothing but pktgen sends: no neighbour or router discovery.
        run(&mut inside(GENERATOR, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1"))?;
        words("modprobe pktgen")?;
        yield_to_receivers()?;
        Ok(world)
    }

    /// Makes the namespace of a subject and connects it.
    pub(super) fn connect(&self, number: u8) -> Result<()> {
        let (device, subject) = (device(number), namespace(number));
        words(&format!("ip netns add {subject}"))?;
        words(&format!(
            "ip link add {device} netns {GENERATOR} address {ROUTER_MAC} mtu 1600 type veth \
             peer name up0 netns {subject} address {MAC} mtu 1600"
        ))?;
        // veth hands over what XDP sends back only to a peer that has a program itself.
        for line in
            [format!("ip link set dev {device} xdpdrv {}", self.sink), format!("ip link set {device} up")]
        {
            run(&mut inside(GENERATOR, &line))?;
        }
        for line in [
            "ip link set lo up",
            "sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv4.conf.all.rp_filter=0",
            "sysctl -qw net.ipv4.conf.up0.rp_filter=0",
            "sysctl -qw net.ipv6.conf.all.forwarding=1",
            "sysctl -qw net.ipv6.conf.up0.router_solicitations=0",
            "ip link set up0 up",
            "ip addr add 10.1.1.2/24 dev up0",
            "ip -6 addr add fd00:1::2/64 dev up0 nodad",
            &format!("ip neigh add 10.1.1.1 lladdr {ROUTER_MAC} nud permanent dev up0"),
            &format!("ip -6 neigh add fd00:1::1 lladdr {ROUTER_MAC} nud permanent dev up0"),
            "ip route add default via 10.1.1.1",
            "ip -6 route add default via fd00:1::1",
        ] {
            run(&mut inside(&subject, line))?;
        }
        Ok(())
    }

    /// Packets that came to the generator's interface.
    #[allow(clippy::unused_self)] // only where there is a world
    pub(super) fn returned(&self, device: &str) -> Result<u64> {
        let text = run(&mut inside(GENERATOR, "cat /proc/net/dev"))?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{device}:")));
        let packets = line.and_then(|line| line.split_whitespace().nth(1));
        packets.with_context(|| format!("no {device} in /proc/net/dev"))?.parse().context("/proc/net/dev")
    }

    /// [`World::returned`] when nothing is on its way any more.
    pub(super) fn settled(&self, device: &str) -> Result<u64> {
        let mut last = self.returned(device)?;
        wait_until("the last packets", Duration::from_secs(10), || {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.returned(device)?;
            let is_same = now == last;
            last = now;
            Ok(is_same)
        })?;
        Ok(last)
    }
}

/// The generator's threads share their CPUs with what they send to. They give way to it, or queues overflow.
fn yield_to_receivers() -> Result<()> {
    for entry in std::fs::read_dir("/proc").context("list /proc")?.flatten() {
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if name.starts_with("kpktgend_") {
            words(&format!("renice -n 19 -p {}", entry.file_name().display()))?;
        }
    }
    Ok(())
}

impl Drop for World {
    fn drop(&mut self) {
        for namespace in (0..SUBJECTS).map(namespace).chain([GENERATOR.to_owned()]) {
            let _ = words(&format!("ip netns del {namespace}"));
        }
    }
}
