//! The controller under test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use guideway_kube_tests::{Server, free_port};
use guideway_lab::binaries::binary;
use guideway_test_forwarders::{Addresses, Fleet, identities};

/// A running `lb-controller`. It is killed when it is dropped.
pub(crate) struct Controller {
    folder: PathBuf,
    config: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Controller {
    /// Its configuration and its authority; it does not run yet.
    pub(crate) fn new(server: &Server) -> Result<Self> {
        let folder = server.folder().join("controller");
        std::fs::create_dir_all(&folder)?;
        let [port, enrolment, metrics] = [free_port()?, free_port()?, free_port()?];
        let (kubeconfig, path) = (server.kubeconfig(), folder.display().to_string());
        let text = format!(
            "seed: '000102030405060708090a0b0c0d0e0f'\nhome: {{kubeconfig: {kubeconfig}}}\n\
             clusters:\n- {{name: east, kubeconfig: {kubeconfig}}}\n\
             listen: ['127.0.0.1:{port}']\nenrolment: {{listen: '127.0.0.1:{enrolment}'}}\n\
             metrics: {{listen: '127.0.0.1:{metrics}'}}\n\
             ca: {{folder: {path}/ca, names: [127.0.0.1]}}\nadmin: {{socket: {path}/admin.sock}}\n",
            kubeconfig = kubeconfig.display(),
        );
        let config = folder.join("controller.yaml");
        std::fs::write(&config, text)?;
        let mut init = Command::new(binary("lb-controller")?);
        let init = init.args(["ca", "init", "--config"]).arg(&config).stdout(Stdio::null()).status()?;
        ensure!(init.success(), "lb-controller ca init failed");
        Ok(Self { folder, config, port, child: None })
    }

    /// Forwarders that dial it.
    pub(crate) fn fleet(&self, count: usize) -> Result<Fleet> {
        let program = binary("lb-controller")?;
        let authority = self.folder.join("ca/ca.crt");
        let identities =
            identities(&program, &self.config, authority, &self.folder.join("forwarders"), count)?;
        let addresses = Addresses::default();
        let address = format!("127.0.0.1:{}", self.port).parse().map_err(anyhow::Error::msg)?;
        addresses.lock().unwrap_or_else(PoisonError::into_inner).push(address);
        Fleet::start(identities, &addresses)
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let child = Command::new(binary("lb-controller")?)
            .args(["run", "--config"])
            .arg(&self.config)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start lb-controller")?;
        self.child = Some(child);
        Ok(())
    }

    /// Asks it to end, and waits until it has: it gives the election up, so that the next one does not wait for it.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        child.wait()?;
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn proc(&self) -> Result<PathBuf> {
        let child = self.child.as_ref().context("the controller does not run")?;
        Ok(Path::new("/proc").join(child.id().to_string()))
    }

    /// Resident memory in megabytes: now, and the most that it was.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        let status = std::fs::read_to_string(self.proc()?.join("status"))?;
        let value = |what: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(what)).context("no such line")?;
            Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
        };
        Ok((value("VmRSS:")?, value("VmHWM:")?))
    }

    /// The time that its threads have run.
    pub(crate) fn worked(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(self.proc()?.join("task"))? {
            // A thread may end while it is looked at.
            let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            nanoseconds += text.split(' ').next().context("no time")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The last lines that it logged.
    pub(crate) fn log_end(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}
