//! A place for one test: its own directory in a bpffs and its own network namespace.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use guideway_abi::Capacities;
use guideway_bpf::{Dataplane, OpenError};

const BPFFS: &str = "/sys/fs/bpf";
const PREFIX: &str = "guideway-test-";

/// Small maps: the kernel clears them faster.
pub const CAPACITIES: Capacities =
    Capacities { vips: 16, backends: 16, tables_large: 1, tables_small: 2, flow_buckets: 64 };

/// Removed when dropped, also by a panic.
pub struct Place {
    pub root: PathBuf,
}

impl Place {
    /// Moves this thread into a network namespace of its own, which ends with the thread.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        assert!(nix::unistd::geteuid().is_root(), "this test loads eBPF programs and has to run as root");
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        run("ip link set lo up");
        mount_bpffs();
        remove_leftovers();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = Path::new(BPFFS).join(format!("{PREFIX}{}-{count}", std::process::id()));
        Self { root }
    }

    pub fn open(&self) -> Result<Dataplane, OpenError> {
        Dataplane::open(&self.root, CAPACITIES)
    }

    pub fn map(&self, name: &str) -> PathBuf {
        self.root.join("maps").join(name)
    }

    /// The lines that say what does not fit, without the common start of their paths.
    pub fn differences(&self, error: OpenError) -> Vec<String> {
        let OpenError::Incompatible { differences, .. } = error else { panic!("another error: {error:?}") };
        let start = format!("{}/", self.root.display());
        differences.0.iter().map(|difference| difference.to_string().replace(&start, "")).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.root.exists() {
            remove_tree(&self.root);
        }
    }
}

/// Runs a command given by its words, in this thread's network namespace.
pub fn run(command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

pub fn remove_tree(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() { remove_tree(&path) } else { fs::remove_file(&path).unwrap() }
    }
    fs::remove_dir(directory).unwrap();
}

fn mount_bpffs() {
    use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
    if statfs(BPFFS).unwrap().filesystem_type() != BPF_FS_MAGIC {
        nix::mount::mount(Some("bpf"), BPFFS, Some("bpf"), nix::mount::MsFlags::empty(), None::<&str>)
            .unwrap();
    }
}

fn remove_leftovers() {
    for entry in fs::read_dir(BPFFS).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid).exists()
            && entry.path().exists()
        {
            // Another test may be at it.
            let _ = std::panic::catch_unwind(|| remove_tree(&entry.path()));
        }
    }
}
