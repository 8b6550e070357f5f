//! A forwarder node: lb-dataplane and bgp-speaker in one namespace.

pub mod config;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::addresses::Leg;
use crate::binaries::binary;
use crate::netns::{LinkState, Netns};
use crate::process::Process;
use crate::{LabId, command, sweep, wait};

pub use config::DataplaneConfig;

/// How long a daemon may take to come up on a busy machine.
const START: Duration = Duration::from_secs(20);

/// One forwarder node.
#[derive(Debug)]
pub struct Forwarder {
    name: String,
    number: u8,
    netns: Netns,
    folder: PathBuf,
    pins: PathBuf,
    password: Option<String>,
    agent: Option<Process>,
    speaker: Option<Process>,
}

impl Forwarder {
    /// A forwarder in this namespace; nothing is started yet.
    #[must_use]
    pub fn new(id: LabId, number: u8, netns: Netns, folder: PathBuf, password: Option<String>) -> Self {
        let name = format!("fw{number}");
        let pins = Path::new(sweep::BPFFS).join(id.prefix()).join(&name);
        Self { name, number, netns, folder, pins, password, agent: None, speaker: None }
    }

    /// `fw1`, `fw2`, ...; also the ToR's interface towards it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its leg.
    #[must_use]
    pub fn leg(&self) -> Leg {
        Leg::forwarder(self.number)
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Where its programs, maps and links are pinned.
    #[must_use]
    pub fn pins(&self) -> &Path {
        &self.pins
    }

    /// The folder with its configuration, sockets and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// lb-dataplane's configuration file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.folder.join("dataplane.yaml")
    }

    /// The process of lb-dataplane, while it runs.
    #[must_use]
    pub fn agent(&self) -> Option<&Process> {
        self.agent.as_ref()
    }

    /// Writes the configuration and starts both daemons; waits until the agent has a generation.
    ///
    /// # Errors
    /// When one of them does not come up.
    pub fn start(&mut self, config: &DataplaneConfig) -> Result<()> {
        self.write_config(config)?;
        self.start_agent()?;
        self.start_speaker()
    }

    /// Replaces lb-dataplane's configuration file by rename. The agent notices by itself.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_config(&self, config: &DataplaneConfig) -> Result<()> {
        self.write_config_text(&config.yaml(&self.folder))
    }

    /// [`Forwarder::write_config`] with any text, for bad files.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_config_text(&self, text: &str) -> Result<()> {
        let new = self.folder.join("dataplane.yaml.new");
        fs::write(&new, text)?;
        fs::rename(&new, self.config_path()).context("cannot replace the configuration")
    }

    /// Starts lb-dataplane and waits until it has a generation and answers on its socket.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_agent(&mut self) -> Result<()> {
        let mut command = self.netns.command(binary("lb-dataplane")?);
        command.arg("run").arg("--config").arg(self.config_path()).arg("--pin-root").arg(&self.pins);
        command.arg("--state-dir").arg(self.folder.join("state"));
        let mut agent = Process::spawn("lb-dataplane", command, &self.folder)?;
        wait::until_true(&format!("lb-dataplane of {} to have a generation", self.name), START, || {
            agent.check_running()?;
            Ok(self.generation().is_ok_and(|generation| generation > 0))
        })
        .with_context(|| format!("the log is {}", agent.log().display()))?;
        self.agent = Some(agent);
        Ok(())
    }

    /// Starts bgp-speaker.
    ///
    /// # Errors
    /// When it ends at once.
    pub fn start_speaker(&mut self) -> Result<()> {
        let text = config::speaker_yaml(self.number, self.password.as_deref(), &self.folder);
        self.start_speaker_with(&text)
    }

    /// Starts bgp-speaker with a configuration of the scenario's own; `admin.socket` has to be `bgp.sock` in the folder.
    ///
    /// # Errors
    /// When it ends at once.
    pub fn start_speaker_with(&mut self, text: &str) -> Result<()> {
        let config = self.folder.join("bgp.yaml");
        fs::write(&config, text)?;
        let mut command = self.netns.command(binary("bgp-speaker")?);
        command.arg("run").arg("--config").arg(&config);
        command.arg("--state-dir").arg(self.folder.join("speaker-state"));
        let mut speaker = Process::spawn("bgp-speaker", command, &self.folder)?;
        let socket = self.folder.join("bgp.sock");
        wait::until_true(&format!("bgp-speaker of {} to listen on its socket", self.name), START, || {
            speaker.check_running()?;
            Ok(wait::listens(&socket))
        })
        .with_context(|| format!("the log is {}", speaker.log().display()))?;
        self.speaker = Some(speaker);
        Ok(())
    }

    /// SIGKILL to lb-dataplane.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_agent(&mut self) -> Result<()> {
        self.agent.take().context("lb-dataplane does not run")?.kill_hard()
    }

    /// SIGKILL to bgp-speaker.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_speaker(&mut self) -> Result<()> {
        self.speaker.take().context("bgp-speaker does not run")?.kill_hard()
    }

    /// SIGTERM to bgp-speaker, which takes its routes back.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub fn stop_speaker(&mut self) -> Result<std::process::ExitStatus> {
        self.speaker.take().context("bgp-speaker does not run")?.stop()
    }

    /// SIGTERM to lb-dataplane; returns its exit status.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub fn stop_agent(&mut self) -> Result<std::process::ExitStatus> {
        self.agent.take().context("lb-dataplane does not run")?.stop()
    }

    /// SIGHUP to lb-dataplane: read the configuration again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal_reload(&self) -> Result<()> {
        self.agent.as_ref().context("lb-dataplane does not run")?.signal(Signal::SIGHUP)
    }

    /// Cuts the forwarder off, or connects it again with its addresses and routes.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn set_link(&self, state: LinkState) -> Result<()> {
        crate::lab::set_uplink(&self.netns, self.leg(), state)
    }

    /// Asks with `lbctl -o json` and these words.
    ///
    /// # Errors
    /// When lbctl fails.
    pub fn lbctl(&self, words: &[&str]) -> Result<Value> {
        let text = self.lbctl_text(&[&["-o", "json"], words].concat())?;
        serde_json::from_str(&text).with_context(|| format!("lbctl {words:?} gave no JSON: {text}"))
    }

    /// Asks with `lbctl` and these words, for people. Exit status 1 is an answer too: "no" or "out of order".
    ///
    /// # Errors
    /// When lbctl cannot answer.
    pub fn lbctl_text(&self, words: &[&str]) -> Result<String> {
        let program = binary("lbctl")?.to_string_lossy().into_owned();
        let dataplane = self.folder.join("dataplane.sock").to_string_lossy().into_owned();
        let bgp = self.folder.join("bgp.sock").to_string_lossy().into_owned();
        let mut args = vec!["--dataplane-socket", &dataplane, "--bgp-socket", &bgp];
        args.extend_from_slice(words);
        command::refuse_when_stopped()?;
        let output = command::output(&program, &args)?;
        match output.status.code() {
            Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => bail!("lbctl {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// One field of `lbctl status`; null when the forwarder has none.
    ///
    /// # Errors
    /// When lbctl fails.
    pub fn status(&self, field: &str) -> Result<Value> {
        Ok(self.lbctl(&["status"])?[field].take())
    }

    /// The installed generation; 0 when none is.
    ///
    /// # Errors
    /// When lbctl fails.
    pub fn generation(&self) -> Result<u64> {
        Ok(self.status("generation")?.as_u64().unwrap_or(0))
    }

    /// The digest over everything installed: equal on two forwarders when they hold equal tables.
    ///
    /// # Errors
    /// When lbctl fails.
    pub fn digest(&self) -> Result<String> {
        Ok(self.status("digest")?.as_str().context("the digest is no text")?.to_owned())
    }

    /// The backend to which `lbctl explain` says that a TCP flow goes.
    ///
    /// # Errors
    /// When lbctl fails or the flow is not forwarded.
    pub fn explain(&self, source: SocketAddr, destination: SocketAddr) -> Result<String> {
        let answer = self.lbctl(&["explain", &source.to_string(), &destination.to_string(), "tcp"])?;
        match answer["backend"].as_str() {
            Some(backend) => Ok(backend.to_owned()),
            _ => bail!("{} does not forward {source} -> {destination}: {answer}", self.name),
        }
    }

    /// The health of a backend of a VIP, in lbctl's words.
    ///
    /// # Errors
    /// When lbctl fails or there is no such backend.
    pub fn health(&self, vip: &str, backend: &str) -> Result<String> {
        let row = self.backend(vip, backend)?;
        Ok(row["health"].as_str().unwrap_or_default().to_owned())
    }

    /// How many slots of a VIP's table a backend holds.
    ///
    /// # Errors
    /// When lbctl fails or there is no such backend.
    pub fn slots(&self, vip: &str, backend: &str) -> Result<u64> {
        Ok(self.backend(vip, backend)?["slots"].as_u64().unwrap_or(0))
    }

    fn backend(&self, vip: &str, backend: &str) -> Result<Value> {
        let answer = self.lbctl(&["backends"])?;
        rows(&answer, "backends")
            .find(|row| row["vip"] == vip && row["name"] == backend)
            .cloned()
            .with_context(|| format!("`lbctl backends` has no {backend} of {vip}: {answer}"))
    }

    /// Slots of a set's table of which live flows may be on earlier backends.
    ///
    /// # Errors
    /// When lbctl fails or there is no such set.
    pub fn unsettled_slots(&self, set: &str) -> Result<u64> {
        let answer = self.lbctl(&["sets"])?;
        rows(&answer, "sets")
            .find(|row| row["name"] == set)
            .and_then(|row| row["unsettled_slots"].as_u64())
            .with_context(|| format!("`lbctl sets` has no {set}: {answer}"))
    }

    /// Packets that this forwarder counted for a VIP.
    ///
    /// # Errors
    /// When lbctl fails or there is no such VIP.
    pub fn vip_packets(&self, vip: &str) -> Result<u64> {
        let answer = self.lbctl(&["vips"])?;
        rows(&answer, "vips")
            .find(|row| row["name"] == vip)
            .and_then(|row| row["packets"].as_u64())
            .with_context(|| format!("`lbctl vips` has no {vip}: {answer}"))
    }

    /// A counter of the program by its name.
    ///
    /// # Errors
    /// When lbctl fails or there is no such counter.
    pub fn counter(&self, name: &str) -> Result<u64> {
        let answer = self.lbctl(&["counters"])?;
        rows(&answer, "counters")
            .find(|row| row["name"] == name)
            .and_then(|row| row["packets"].as_u64())
            .with_context(|| format!("`lbctl counters` has no {name}: {answer}"))
    }

    /// Waits until the agent has installed a generation other than `before`.
    ///
    /// # Errors
    /// When the deadline passes first.
    pub fn wait_new_generation(&self, before: u64, deadline: Duration) -> Result<Duration> {
        wait::until_true(&format!("{} to leave generation {before}", self.name), deadline, || {
            Ok(self.generation()? != before)
        })
    }
}

/// The rows of the list `name` in an answer.
fn rows<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer[name].as_array().into_iter().flatten()
}
