//! The forwarder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use serde_json::Value;

use super::subject::{backend4, backend6};
use super::{BACKENDS, VIP4, VIP6};
use crate::command::{inside, run, wait_until};

/// How long the agent may take to have a generation on a slow machine.
const START: Duration = Duration::from_secs(60);

/// lb-dataplane in the namespace.
pub(super) struct Forwarder {
    programs: PathBuf,
    namespace: String,
    folder: PathBuf,
    agent: Option<Child>,
}

impl Forwarder {
    /// The agent in `programs`, not started yet.
    pub(super) fn new(programs: &Path, namespace: String) -> Self {
        let folder = std::env::temp_dir().join(format!("guideway-vm-{}", std::process::id()));
        Self { programs: programs.to_owned(), namespace, folder, agent: None }
    }

    /// Starts the agent and waits until it has a generation.
    pub(super) fn start(&mut self) -> Result<()> {
        std::fs::create_dir_all(&self.folder).context("a folder for the agent")?;
        let config = self.folder.join("dataplane.yaml");
        std::fs::write(&config, self.config()).context("write the agent's configuration")?;
        let log = std::fs::File::create(self.folder.join("log")).context("the agent's log")?;
        let line = format!(
            "{} run --config {} --pin-root {}",
            self.programs.join("lb-dataplane").display(),
            config.display(),
            self.pins().display()
        );
        let child =
            inside(&self.namespace, &line).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        self.agent = Some(child.context("start lb-dataplane")?);
        let generation = wait_until("a generation of lb-dataplane", START, || {
            if let Some(status) =
                self.agent.as_mut().and_then(|agent| agent.try_wait().transpose()).transpose()?
            {
                bail!("lb-dataplane ended with {status}");
            }
            Ok(self.status().is_ok_and(|status| status["generation"].as_u64() > Some(0)))
        });
        generation.with_context(|| std::fs::read_to_string(self.folder.join("log")).unwrap_or_default())
    }

    /// Stops it and takes the program down.
    pub(super) fn stop(&mut self) -> Result<()> {
        if let Some(mut agent) = self.agent.take() {
            agent.kill().context("stop lb-dataplane")?;
            agent.wait().context("stop lb-dataplane")?;
        }
        let line = format!(
            "{} detach --pin-root {}",
            self.programs.join("lb-dataplane").display(),
            self.pins().display()
        );
        run(&mut inside(&self.namespace, &line)).map(drop)
    }

    fn pins(&self) -> PathBuf {
        Path::new("/sys/fs/bpf").join(format!("guideway-vm-{}", std::process::id()))
    }

    fn config(&self) -> String {
        let set = |name: &str, backend: fn(u8) -> String| {
            let backends = (0..BACKENDS)
                .map(|n| format!("      - {{name: {name}-{n}, address: \"{}\"}}\n", backend(n)))
                .collect::<String>();
            format!("  - name: {name}\n    backends:\n{backends}")
        };
        let vips = [(VIP4, "v4"), (VIP6, "v6")]
            .iter()
            .flat_map(|(vip, set)| ["tcp", "udp"].map(|protocol| (vip, set, protocol)))
            .map(|(vip, set, protocol)| {
                format!(
                    "  - {{name: {set}-{protocol}, address: \"{vip}\", port: 80, protocol: {protocol}, \
                     backend_set: {set}}}\n"
                )
            })
            .collect::<String>();
        format!(
            "seed: 00112233445566778899aabbccddeeff\ninterfaces:\n  - name: up0\nadmin:\n  socket: {}\n\
             backend_sets:\n{}{}vips:\n{vips}",
            self.socket().display(),
            set("v4", backend4),
            set("v6", backend6)
        )
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("dataplane.sock")
    }

    fn lbctl(&self, words: &[&str]) -> Result<Value> {
        let mut command = Command::new(self.programs.join("lbctl"));
        command.arg("--dataplane-socket").arg(self.socket()).args(["-o", "json"]).args(words);
        let output = command.output().context("start lbctl")?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("lbctl {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    fn status(&self) -> Result<Value> {
        self.lbctl(&["status"])
    }

    /// Packets that the program has sent out of the interface that they came in by.
    pub(super) fn sent(&self) -> Result<u64> {
        let counters = self.counters()?;
        counters.get("tx").copied().with_context(|| format!("no counter tx in {counters:?}"))
    }

    /// All counters of the program that are not zero.
    pub(super) fn counters(&self) -> Result<BTreeMap<String, u64>> {
        let answer = self.lbctl(&["counters"])?;
        let rows = answer["counters"].as_array().context("lbctl counters has no counters")?;
        let counter = |row: &Value| Some((row["name"].as_str()?.to_owned(), row["packets"].as_u64()?));
        Ok(rows.iter().filter_map(counter).filter(|(name, n)| *n > 0 || name == "tx").collect())
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
