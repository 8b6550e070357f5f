//! A server under test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use guideway_lab::free_port;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// How long a server may take to start on a machine that compiles at the same time.
const START: Duration = Duration::from_secs(60);

/// A running `orchestrator server`. It is killed when it is dropped.
pub struct Server {
    folder: TempDir,
    flags: Vec<String>,
    /// Kept over restarts.
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts one with an empty data folder.
    ///
    /// # Errors
    /// When the program is not built, or does not become ready; with the end of its log.
    pub fn start() -> Result<Self> {
        Self::with_flags(&[])
    }

    /// Starts one with further flags.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn with_flags(flags: &[&str]) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("guideway-kube-").tempdir().context("no temporary folder")?;
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut server = Self { folder, flags, port: free_port()?, child: None };
        server.spawn()?;
        Ok(server)
    }

    /// Starts the program in the folder that there is, once it does not run any more.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn spawn(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        // It is written again once the server answers.
        let _ = std::fs::remove_file(self.kubeconfig());
        let child = Command::new(guideway_lab::binaries::binary("orchestrator")?)
            .arg("server")
            .args(["--data-dir".as_ref(), self.data().as_os_str()])
            .arg("--listen")
            .arg(format!("127.0.0.1:{}", self.port))
            .args(["--kubeconfig".as_ref(), self.kubeconfig().as_os_str()])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start orchestrator")?;
        self.child = Some(child);
        let deadline = Instant::now() + START;
        while !self.is_ready()? {
            if Instant::now() > deadline {
                bail!("the server is not ready after {START:?}:\n{}", self.log_end());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The kubeconfig of an administrator is written once the server answers.
    fn is_ready(&mut self) -> Result<bool> {
        if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
            bail!("the server ended with {status}:\n{}", self.log_end());
        }
        Ok(self.kubeconfig().is_file())
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for what belongs to the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Kills it as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = child.try_wait()? {
                anyhow::ensure!(status.success(), "the server ended with {status}:\n{}", self.log_end());
                return Ok(());
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                bail!("the server does not end:\n{}", self.log_end());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
