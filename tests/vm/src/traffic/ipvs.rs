//! IPVS.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::subject::{backend4, backend6};
use super::{BACKENDS, VIP4, VIP6};
use crate::command::{inside, run};

/// Balances the VIPs. By itself the kernel makes a table of connections of 4,096 rows, too few for a hundred thousand.
pub(super) fn start(namespace: &str) -> Result<()> {
    load_module(&["ip_vs", "conn_tab_bits=20"])?;
    load_module(&["ip_vs_mh"])?;
    for line in [
        // Connections that began before IPVS looked.
        "sysctl -qw net.ipv4.vs.sloppy_tcp=1".to_owned(),
        format!("ip addr replace {VIP4}/32 dev lo"),
        format!("ip -6 addr replace {VIP6}/128 dev lo nodad"),
    ] {
        run(&mut inside(namespace, &line))?;
    }
    for (service, backend) in
        [(VIP4.to_owned(), backend4 as fn(u8) -> String), (format!("[{VIP6}]"), backend6)]
    {
        for kind in ["-t", "-u"] {
            run(&mut inside(namespace, &format!("ipvsadm -A {kind} {service}:80 -s mh -b mh-port")))?;
            for n in 0..BACKENDS {
                let backend = backend(n);
                let backend = if backend.contains(':') { format!("[{backend}]") } else { backend };
                run(&mut inside(namespace, &format!("ipvsadm -a {kind} {service}:80 -r {backend}:80 -i")))?;
            }
        }
    }
    Ok(())
}

/// Loads a kernel module with parameters, unless it is there.
fn load_module(words: &[&str]) -> Result<()> {
    let name = words.first().context("no module")?;
    if Path::new("/sys/module").join(name).exists() {
        return Ok(());
    }
    run(Command::new("modprobe").args(words)).map(drop)
}
