//! The interfaces of this node, in the kernel.

use guideway_dataplane_config::XdpMode;
use nix::net::if_::if_nametoindex;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

use crate::apply::Kernel;
use crate::control::{Clock, Family, Interfaces};
use crate::error::chain;

impl Interfaces for Kernel {
    fn attach(&self, name: &str, mode: XdpMode) -> Result<u32, String> {
        let mode = match mode {
            XdpMode::Native => guideway_bpf::XdpMode::Native,
            XdpMode::Generic => guideway_bpf::XdpMode::Generic,
        };
        let attachment = self.dataplane().attach(name, mode).map_err(|error| chain(&error))?;
        Ok(attachment.ifindex.unwrap_or_default())
    }

    fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, String> {
        self.dataplane().detach_others(keep).map_err(|error| chain(&error))
    }

    fn enable_routes(&self, name: &str, family: Family) -> Result<(), String> {
        enable_routes(name, family)
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
