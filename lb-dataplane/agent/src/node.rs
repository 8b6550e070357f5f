//! The interfaces of this node, in the kernel.

use guideway_bpf::Dataplane;
use guideway_dataplane_config::XdpMode;
use nix::ifaddrs::getifaddrs;

use crate::control::{Family, Interfaces};
use crate::desired::Link;
use crate::error::chain;

impl Interfaces for Dataplane {
    fn attach(&self, name: &str, mode: XdpMode) -> Result<u32, String> {
        let mode = match mode {
            XdpMode::Native => guideway_bpf::XdpMode::Native,
            XdpMode::Generic => guideway_bpf::XdpMode::Generic,
        };
        let attachment = self.attach(name, mode).map_err(|error| chain(&error))?;
        Ok(attachment.ifindex.unwrap_or_default())
    }

    fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, String> {
        self.detach_others(keep).map_err(|error| chain(&error))
    }

    fn enable_routes(&self, name: &str, family: Family) -> Result<(), String> {
        enable_routes(name, family)
    }

    fn link(&self, name: &str) -> Result<Link, String> {
        link(name)
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

/// By way of netlink: `/sys/class/net` may show another network namespace than the one that this process is in.
fn link(name: &str) -> Result<Link, String> {
    let cannot = |errno: nix::Error| format!("interface {name} cannot be looked up: {errno}");
    let mut addresses = getifaddrs().map_err(cannot)?;
    let found = addresses.find_map(|interface| {
        let address = interface.address.filter(|_| interface.interface_name == name)?;
        let link = address.as_link_addr()?;
        Some((u32::try_from(link.ifindex()).ok()?, link.addr()?))
    });
    let (ifindex, mac) = found.ok_or_else(|| format!("there is no interface {name} with a MAC address"))?;
    let mtu = guideway_bpf::mtu(ifindex)
        .map_err(|error| format!("the MTU of interface {name} cannot be looked up: {error}"))?;
    Ok(Link { ifindex, mac, mtu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_name() {
        let lo = link("lo").unwrap();
        assert_eq!(lo, Link { ifindex: 1, mac: [0; 6], mtu: 65_536 });
        assert_eq!(link("none0").unwrap_err(), "there is no interface none0 with a MAC address");
    }
}
