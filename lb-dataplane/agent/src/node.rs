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

    fn can_route(&self, name: &str, family: Family) -> Result<(), String> {
        can_route(name, family)
    }

    fn link(&self, name: &str) -> Result<Link, String> {
        link(name)
    }
}

/// `bpf_fib_lookup` gives no route when forwarding is off on the interface that the packet came in by.
fn can_route(name: &str, family: Family) -> Result<(), String> {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    // Unlike /sys, /proc/sys/net shows the network namespace of the process that reads it.
    let path = format!("/proc/sys/net/{family}/conf/{name}/forwarding");
    let advice =
        format!("run `sysctl -w net/{family}/conf/{name}/forwarding=1`, or configure a fixed next_hop");
    match std::fs::read_to_string(&path) {
        Ok(value) if value.trim() != "0" => Ok(()),
        Ok(_) => Err(format!("{family} forwarding is off, so that the program gets no routes: {advice}")),
        Err(error) => Err(format!("{path} cannot be read ({error}), so that routes are in doubt: {advice}")),
    }
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
    Ok(Link { ifindex, mac })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_name() {
        let lo = link("lo").unwrap();
        assert_eq!(lo, Link { ifindex: 1, mac: [0; 6] });
        assert_eq!(link("none0").unwrap_err(), "there is no interface none0 with a MAC address");
    }
}
