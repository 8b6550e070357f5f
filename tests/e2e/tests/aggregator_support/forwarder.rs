//! Real bgp-speakers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use guideway_interop::Agent;
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{binaries, wait};

use super::{PATIENCE, Site, link};

/// lb-bfd, where the daemons of this folder look for it.
pub fn start_bfd(netns: &Netns, folder: &Path) -> Result<Process> {
    let socket = folder.join("bfd.sock");
    let mut command = netns.command(binaries::binary("lb-bfd")?);
    command.arg("run").arg("--socket").arg(&socket);
    let mut process = Process::spawn("lb-bfd", command, folder)?;
    wait::until_true("lb-bfd to listen", PATIENCE, || {
        process.check_running()?;
        Ok(wait::listens(&socket))
    })?;
    Ok(process)
}

/// Speaker `n`, with its agent's stand-in.
pub struct Forwarder {
    pub speaker: Option<Process>,
    pub agent: Agent,
    pub folder: PathBuf,
}

impl Forwarder {
    /// `peer` are further fields of its peer. lb-bfd is looked for in the folder `fleet`.
    pub fn start(site: &Site, n: u8, vips: &[String], peer: &str) -> Result<Self> {
        let folder = site.folder(&format!("lb{n}"))?;
        let (aggregator, _) = link(1);
        let text = format!(
            "local_as: {}\nrouter_id: 10.255.1.{n}\nlisten: off\nagent: {{socket: {}, hold: 60s}}\n\
             admin: {{socket: {}}}\nbfd: {{socket: {}}}\nmetrics: {{listen: \"127.0.0.1:{}\"}}\npeers:\n  \
             - {{name: agg, address: {aggregator}, local_address: 10.1.0.{n}, remote_as: 65010, multihop: 8, hold_time: 9s{}{peer}}}\n",
            65100 + u32::from(n),
            folder.join("dataplane.sock").display(),
            folder.join("bgp.sock").display(),
            site.folder("fleet")?.join("bfd.sock").display(),
            9500 + u32::from(n),
            if peer.is_empty() { "" } else { ", " },
        );
        fs::write(folder.join("bgp.yaml"), text)?;
        let agent = Agent::start(&folder.join("dataplane.sock"), vips)?;
        let mut forwarder = Self { speaker: None, agent, folder };
        forwarder.run(site)?;
        Ok(forwarder)
    }

    pub fn run(&mut self, site: &Site) -> Result<()> {
        let mut command = site.fleet.command(binaries::binary("bgp-speaker")?);
        command.arg("run").arg("--config").arg(self.folder.join("bgp.yaml"));
        command.arg("--state-dir").arg(self.folder.join("state"));
        self.speaker = Some(Process::spawn("bgp-speaker", command, &self.folder)?);
        Ok(())
    }
}
