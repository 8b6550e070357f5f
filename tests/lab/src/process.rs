//! Long-running processes of the lab: each has a log file and is ended by its id.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{command, wait};

/// How long a process may take to end after SIGTERM before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running process; ended when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    stdout: Option<PathBuf>,
}

impl Process {
    /// Starts `command` with stdout and stderr in `<folder>/<name>.log`, in a process group of its own (a Ctrl-C at the
    /// terminal reaches only the lab's owner).
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(name: &str, command: Command, folder: &Path) -> Result<Self> {
        Self::start(name, command, folder, None)
    }

    /// [`Process::spawn`] with stdout in a file of its own, for a process whose answer is read ([`Process::stdout`]).
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_with_output(name: &str, command: Command, folder: &Path) -> Result<Self> {
        Self::start(name, command, folder, Some(folder.join(format!("{name}.out"))))
    }

    fn start(name: &str, mut process: Command, folder: &Path, stdout: Option<PathBuf>) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        command::refuse_when_stopped()?;
        let log = folder.join(format!("{name}.log"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        process.stdin(Stdio::null()).stderr(file.try_clone()?).process_group(0);
        match &stdout {
            Some(path) => process.stdout(File::create(path)?),
            None => process.stdout(file),
        };
        let child = process.spawn().with_context(|| format!("cannot start {name}: {process:?}"))?;
        Ok(Self { name: name.to_owned(), child, log, stdout })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it has written to the log so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What it has written to stdout so far; the log when stdout has no file of its own.
    #[must_use]
    pub fn stdout(&self) -> String {
        let path = self.stdout.as_ref().unwrap_or(&self.log);
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Fails with the tail of the log when the process has ended.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let text = self.log_text();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(10)..].join("\n");
            bail!("{} ended with {status}; {}:\n{tail}", self.name, self.log.display());
        }
        Ok(())
    }

    /// Waits until the log contains `text`.
    ///
    /// # Errors
    /// When the process ends or the deadline passes first.
    pub fn wait_for_log(&mut self, text: &str, deadline: Duration) -> Result<()> {
        let what = format!("{} to log `{text}`", self.name);
        wait::until_true(&what, deadline, || {
            if self.log_text().contains(text) {
                return Ok(true);
            }
            self.check_running()?;
            Ok(false)
        })
        .map(drop)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.nix_pid(), signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When the deadline passes first.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        let child = &mut self.child;
        wait::until(&what, deadline, || Ok(child.try_wait()?)).map(|(status, _)| status)
    }

    /// SIGKILL: the process gets no chance to tidy up.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill_hard(mut self) -> Result<()> {
        self.child.kill().ok();
        self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }

    /// SIGTERM, then SIGKILL when that does not help in five seconds.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM).ok();
        self.wait(PATIENCE)
    }

    fn nix_pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.signal(Signal::SIGTERM);
            if wait::until("", Duration::from_millis(300), || Ok(self.child.try_wait()?)).is_err() {
                let _ = self.child.kill();
            }
        }
        let _ = self.child.wait();
    }
}
