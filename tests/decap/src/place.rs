//! A place for one test: a pin directory and a network namespace of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

const BPFFS: &str = "/sys/fs/bpf";
const PREFIX: &str = "guideway-decap-test-";

/// A directory of the bpffs, removed when dropped.
#[derive(Debug)]
pub struct Pins(PathBuf);

impl Pins {
    /// A path that nothing is at yet.
    ///
    /// # Errors
    /// When the caller is not root or no bpffs can be mounted.
    pub fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        ensure!(nix::unistd::geteuid().is_root(), "this test loads eBPF programs and has to run as root");
        if statfs(BPFFS)?.filesystem_type() != BPF_FS_MAGIC {
            let flags = nix::mount::MsFlags::empty();
            nix::mount::mount(Some("bpf"), BPFFS, Some("bpf"), flags, None::<&str>)?;
        }
        remove_leftovers()?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Path::new(BPFFS).join(format!("{PREFIX}{}-{count}", std::process::id()))))
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let _gone = guideway_bpf::Decap::remove(&self.0);
        if self.0.exists() {
            let _gone = remove_tree(&self.0);
        }
    }
}

/// Moves this thread into a network namespace of its own, which ends with it.
///
/// # Errors
/// The kernel's.
pub fn own_netns() -> Result<()> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)?;
    run("ip link set lo up").map(drop)
}

/// Runs a command given by its words, in this thread's network namespace; gives its output.
///
/// # Errors
/// When it fails.
pub fn run(command: &str) -> Result<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let (program, arguments) = words.split_first().context("no command")?;
    let output = Command::new(program).args(arguments).output().with_context(|| command.to_owned())?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {error}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn remove_tree(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_tree(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(fs::remove_dir(directory)?)
}

/// Of tests that were killed.
fn remove_leftovers() -> Result<()> {
    for entry in fs::read_dir(BPFFS)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another test may be at it.
            let _gone = remove_tree(&entry.path());
        }
    }
    Ok(())
}
