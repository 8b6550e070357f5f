//! Network namespaces and the veth pairs between them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// A named network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Netns {
    name: String,
}

/// The state of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Administratively up.
    Up,
    /// Administratively down; the other end of the veth pair loses its carrier.
    Down,
}

impl Netns {
    /// Makes the namespace, with its loopback up and reverse path filters off (replies take another way than requests).
    ///
    /// # Errors
    /// When `ip` or `sysctl` fails.
    pub fn create(name: &str) -> Result<Self> {
        command::run("ip", &["netns", "add", name])?;
        let netns = Self { name: name.to_owned() };
        netns.ip("link set lo up")?;
        netns.sysctl(&[
            "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0",
            "net.ipv6.conf.all.accept_dad=0",
            "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.default.accept_ra=0",
        ])?;
        Ok(netns)
    }

    /// The name, as `ip netns` lists it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for the namespace.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// A command that runs in this namespace. `nsenter` changes only the network: `ip netns exec` would mount a new
    /// `/sys` and hide the bpffs under it.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Runs a short command in the namespace and returns its stdout.
    ///
    /// # Errors
    /// As [`command::run`].
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let net = format!("--net={}", self.path().display());
        let mut all = vec![net.as_str(), "--", program];
        all.extend_from_slice(args);
        command::run("nsenter", &all)
    }

    /// Runs `ip` with these words in the namespace.
    ///
    /// # Errors
    /// As [`command::run`].
    pub fn ip(&self, words: &str) -> Result<String> {
        command::sh(&format!("ip -n {} {words}", self.name))
    }

    /// Sets kernel parameters of the namespace (`name=value`).
    ///
    /// # Errors
    /// As [`command::run`].
    pub fn sysctl(&self, settings: &[&str]) -> Result<()> {
        let mut args = vec!["-qw"];
        args.extend_from_slice(settings);
        self.run("sysctl", &args).map(drop)
    }

    /// Sets an interface up or down.
    ///
    /// # Errors
    /// As [`command::run`].
    pub fn link(&self, interface: &str, state: LinkState) -> Result<()> {
        let state = match state {
            LinkState::Up => "up",
            LinkState::Down => "down",
        };
        self.ip(&format!("link set {interface} {state}")).map(drop)
    }

    /// The index of an interface.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn interface_index(&self, interface: &str) -> Result<u32> {
        let text = self.ip(&format!("-j link show dev {interface}"))?;
        let links: serde_json::Value = serde_json::from_str(&text)?;
        let index = links[0]["ifindex"].as_u64().context("`ip -j link` gives no ifindex")?;
        Ok(u32::try_from(index)?)
    }

    /// A counter of `/proc/net/snmp` or `/proc/net/netstat` in this namespace, for example `("TcpExt", "TCPSynRetrans")`.
    ///
    /// # Errors
    /// When the counter does not exist.
    pub fn counter(&self, group: &str, name: &str) -> Result<u64> {
        let text = self.run("cat", &["/proc/net/snmp", "/proc/net/netstat"])?;
        crate::load::counter_of(&text, group, name)
            .with_context(|| format!("the kernel has no counter {group} {name}"))
    }
}

/// One end of a veth pair.
#[derive(Debug, Clone)]
pub struct End<'a> {
    /// The namespace that it is in.
    pub netns: &'a Netns,
    /// The name of the interface.
    pub interface: &'a str,
    /// Addresses with prefix length, both families.
    pub addresses: Vec<String>,
}

/// Joins two namespaces with a veth pair, both ends created in place, configured and up.
///
/// TX checksum offload is switched off: XDP programs would otherwise see partial checksums of local senders.
///
/// # Errors
/// When `ip` or `ethtool` fails.
pub fn join(left: &End<'_>, right: &End<'_>, mtu: u32) -> Result<()> {
    command::sh(&format!(
        "ip link add {} netns {} mtu {mtu} type veth peer name {} netns {}",
        left.interface, left.netns.name, right.interface, right.netns.name
    ))?;
    for end in [left, right] {
        end.netns.ip(&format!("link set {} mtu {mtu}", end.interface))?;
        end.netns.run("ethtool", &["-K", end.interface, "tx", "off"])?;
        for address in &end.addresses {
            add_address(end.netns, end.interface, address)?;
        }
        end.netns.link(end.interface, LinkState::Up)?;
    }
    Ok(())
}

/// Adds an address; IPv6 without duplicate address detection, so that it can be used at once.
///
/// # Errors
/// As [`command::run`].
pub fn add_address(netns: &Netns, interface: &str, address: &str) -> Result<()> {
    let nodad = if address.contains(':') { " nodad" } else { "" };
    netns.ip(&format!("addr replace {address} dev {interface}{nodad}")).map(drop)
}

/// A program that lets everything pass where no VIP is allowed: our own, so that no other has to be compiled.
const PASS: &[u8] = include_bytes!("../../../ebpf/obj/decap.o");

/// Makes an end of a veth pair take what an XDP program at the other end sends back (`XDP_TX`).
///
/// The kernel queues such packets as soon as this end polls (GRO is enough for that), but wakes the poll only when this
/// end has an XDP program too. Without one they wait for the next packet that the other end sends in the usual way, and
/// once 256 of them wait, not even that gets through any more.
///
/// # Errors
/// When `ip` cannot attach the program.
pub fn wake_on_xdp_tx(netns: &Netns, interface: &str, folder: &Path) -> Result<()> {
    let object = folder.join("pass.o");
    std::fs::write(&object, PASS).context("cannot write the program that lets everything pass")?;
    let object = object.to_string_lossy();
    netns.run("ip", &["link", "set", "dev", interface, "xdp", "obj", &object, "sec", "xdp.frags"]).map(drop)
}
