//! FRRouting as the ToR: zebra and bgpd in a path space of their own, named like the namespace.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{Group, User, chown};

use crate::addresses::{TOR_AS, TOR_ROUTER_ID};
use crate::netns::Netns;
use crate::process::Process;
use crate::tor::Neighbour;
use crate::wait;

#[derive(Debug)]
pub(super) struct Frr {
    netns: Netns,
    _daemons: Vec<Process>,
}

impl Frr {
    pub(super) fn start(netns: &Netns, folder: &Path, neighbours: &[Neighbour]) -> Result<Self> {
        let space = netns.name();
        owned_folder(&Path::new("/var/run/frr").join(space), "frr", 0o755)?;
        let config = Path::new("/etc/frr").join(space);
        owned_folder(&config, "frrvty", 0o750)?;
        let text = text(neighbours);
        fs::write(folder.join("frr.conf"), &text)?;
        fs::write(config.join("frr.conf"), text)?;
        owned(&config.join("frr.conf"), "frr", 0o640)?;
        fs::write(config.join("vtysh.conf"), "")?;

        let mut daemons = Vec::new();
        for daemon in ["zebra", "bgpd"] {
            let mut command = netns.command(format!("/usr/lib/frr/{daemon}"));
            command.args(["-N", space, "-A", "127.0.0.1", "--log", "stdout"]);
            let mut process = Process::spawn(daemon, command, folder)?;
            let socket = Path::new("/var/run/frr").join(space).join(format!("{daemon}.vty"));
            wait::until_true(&format!("{daemon} to listen"), Duration::from_secs(15), || {
                process.check_running()?;
                Ok(socket.exists())
            })?;
            daemons.push(process);
        }
        netns.run("vtysh", &["-N", space, "-b"]).context("FRR refused its configuration")?;
        Ok(Self { netns: netns.clone(), _daemons: daemons })
    }

    pub(super) fn command(&self, words: &str) -> Result<String> {
        self.netns.run("vtysh", &["-N", self.netns.name(), "-c", words])
    }
}

/// FRR gives up root for user frr and wants its folders to belong to it.
fn owned_folder(path: &Path, group: &str, mode: u32) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    owned(path, group, mode)
}

fn owned(path: &Path, group: &str, mode: u32) -> Result<()> {
    let user = User::from_name("frr")?.context("there is no user frr: is the package frr installed?")?;
    let group = Group::from_name(group)?.with_context(|| format!("there is no group {group}"))?;
    chown(path, Some(user.uid), Some(group.gid))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// `no zebra nexthop kernel enable`: with kernel nexthop objects FRR 8.4 loses a leg of the group when a link flaps.
fn text(neighbours: &[Neighbour]) -> String {
    let mut text = format!(
        "frr version 8.4.4
frr defaults datacenter
hostname tor
no zebra nexthop kernel enable
ip nht resolve-via-default
!
router bgp {TOR_AS}
 bgp router-id {TOR_ROUTER_ID}
 no bgp ebgp-requires-policy
 bgp bestpath as-path multipath-relax
"
    );
    for Neighbour { address, remote_as, password, .. } in neighbours {
        text.push_str(&format!(" neighbor {address} remote-as {remote_as}\n"));
        text.push_str(&format!(" neighbor {address} timers 3 9\n neighbor {address} timers connect 1\n"));
        if let Some(password) = password {
            text.push_str(&format!(" neighbor {address} password {password}\n"));
        }
    }
    for family in ["ipv4", "ipv6"] {
        text.push_str(&format!(" address-family {family} unicast\n  maximum-paths 64\n"));
        for neighbour in neighbours {
            text.push_str(&format!("  neighbor {} activate\n", neighbour.address));
        }
        text.push_str(" exit-address-family\n");
    }
    text.push_str("!\nline vty\n");
    text
}
