//! The interfaces of this node, in the kernel.

use guideway_dataplane_config::{BitRate, XdpMode};
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::time::{ClockId, clock_gettime};
use std::net::IpAddr;
use std::time::Duration;

use crate::apply::Kernel;
use crate::control::{Attached, Clock, Family, Interfaces};
use crate::error::chain;

impl Interfaces for Kernel {
    fn attach(&self, name: &str, mode: XdpMode) -> Result<Attached, String> {
        let mode = match mode {
            XdpMode::Native => guideway_bpf::XdpMode::Native,
            XdpMode::Generic => guideway_bpf::XdpMode::Generic,
        };
        let attachment = self.dataplane().attach(name, mode).map_err(|error| chain(&error))?;
        Ok(Attached { ifindex: attachment.ifindex.unwrap_or_default(), since: attachment.since })
    }

    fn capacity(&self, name: &str, configured: Option<BitRate>) -> Option<u64> {
        if !is_running(name)? {
            return Some(0);
        }
        let bits = configured.map(|rate| rate.bits_per_second).or_else(|| driver_speed(name))?;
        Some(bits / 8)
    }

    fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, String> {
        self.dataplane().detach_others(keep).map_err(|error| chain(&error))
    }

    fn enable_routes(&self, name: &str, family: Family) -> Result<(), String> {
        enable_routes(name, family)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        let addresses = getifaddrs().into_iter().flatten();
        let outside = addresses.filter(|address| !address.flags.contains(InterfaceFlags::IFF_LOOPBACK));
        outside
            .filter_map(|address| {
                let address = address.address?;
                let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
                v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
            })
            .collect()
    }

    fn index(&self, name: &str) -> Result<u32, String> {
        if_nametoindex(name).map_err(|error| format!("there is no interface {name}: {error}"))
    }
}

impl Clock for Kernel {
    fn since_boot(&self) -> Duration {
        // The clock exists, and that is the only error.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
    }
}

/// Whether there is a link; none when there is no such interface.
fn is_running(name: &str) -> Option<bool> {
    let mut addresses = getifaddrs().ok()?;
    let interface = addresses.find(|address| address.interface_name == name)?;
    Some(interface.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING))
}

/// What the driver says, in bits per second. An interface without a speed of its own has an error or -1 there.
fn driver_speed(name: &str) -> Option<u64> {
    let megabits: u64 = read(&format!("/sys/class/net/{name}/speed")).ok()?.parse().ok()?;
    megabits.checked_mul(1_000_000).filter(|bits| *bits > 0)
}

/// `bpf_fib_lookup` gives no route while forwarding is off on the interface that the packet came in by, so it is switched
/// on there, and only there.
fn enable_routes(name: &str, family: Family) -> Result<(), String> {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    // Unlike /sys, /proc/sys/net shows the network namespace of the process that reads it.
    let setting = |setting: &str| format!("/proc/sys/net/{family}/conf/{name}/{setting}");
    let path = setting("forwarding");
    let cannot = |what: &str, error: &std::io::Error| {
        format!(
            "{family} forwarding {what} ({error}), and without it the program gets no routes: run `sysctl -w \
             net/{family}/conf/{name}/forwarding=1`, or configure a fixed next_hop"
        )
    };
    if read(&path).map_err(|error| cannot("cannot be read", &error))? != "0" {
        return Ok(());
    }
    // An interface that forwards takes no router advertisements unless it is told to in so many words (2): without this
    // the node would lose a default route that it learned from them.
    let advertisements = setting("accept_ra");
    if read(&advertisements).is_ok_and(|value| value == "1") {
        std::fs::write(&advertisements, "2").map_err(|error| cannot("is off", &error))?;
    }
    std::fs::write(&path, "1").map_err(|error| cannot("is off and cannot be switched on", &error))?;
    tracing::info!(interface = name, family, "forwarding is switched on, so that the program gets routes");
    Ok(())
}

fn read(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(path).map(|value| value.trim().to_owned())
}
