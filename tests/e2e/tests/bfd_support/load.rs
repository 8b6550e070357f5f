//! Busy neighbours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use guideway_lab::command;

/// Keeps one CPU from everything else for a while, as a kernel does that is busy there and cannot be preempted.
pub fn hold_up(cpu: usize, time: Duration) -> Result<()> {
    let busy = BusyLoops::start(1)?;
    for pid in busy.pids() {
        command::sh(&format!("taskset -p -c {cpu} {pid}"))?;
        command::sh(&format!("chrt -f -p 99 {pid}"))?;
    }
    // This is how long it lasts, nothing is waited for.
    std::thread::sleep(time);
    Ok(())
}

/// Processes that do nothing but use the CPU; ended when it is dropped.
pub struct BusyLoops(Vec<Child>);

impl BusyLoops {
    pub fn start(count: usize) -> Result<Self> {
        let mut loops = Self(Vec::new());
        for _ in 0..count {
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
            loops.0.push(command.spawn().context("cannot start a busy loop")?);
        }
        Ok(loops)
    }

    pub fn pids(&self) -> Vec<u32> {
        self.0.iter().map(Child::id).collect()
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether real-time threads may run in a cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealTime {
    /// As with most kernels of distributions: real-time threads are not subject to a CPU quota.
    Share,
    /// As with kernels that have real-time groups, unless the group is given a share.
    Refused,
}

/// A cgroup whose processes get 50 ms of CPU time in each 100 ms, together. Its processes are moved out when it is dropped.
pub struct Quota {
    folder: PathBuf,
    procs: &'static str,
}

impl Quota {
    /// `None` when this machine has no controller for it.
    pub fn create(name: &str, real_time: RealTime) -> Result<Option<Self>> {
        let places = [
            ("/sys/fs/cgroup", "cpu.max", "50000 100000"),
            ("/sys/fs/cgroup/unified", "cpu.max", "50000 100000"),
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "50000"),
        ];
        for (base, file, value) in places {
            let folder = Path::new(base).join(name);
            // What a crashed run left behind is used again.
            if !folder.is_dir() && fs::create_dir(&folder).is_err() {
                continue;
            }
            if folder.join(file).exists() {
                fs::write(folder.join(file), value).with_context(|| format!("cannot set {file}"))?;
                // Only kernels with real-time groups have the file; with the others every group has its share.
                let share = folder.join("cpu.rt_runtime_us");
                if real_time == RealTime::Share && share.exists() {
                    fs::write(&share, "50000").context("cannot give the cgroup a real-time share")?;
                }
                return Ok(Some(Self { folder, procs: "cgroup.procs" }));
            }
            let _ = fs::remove_dir(&folder);
        }
        Ok(None)
    }

    pub fn add(&self, pid: u32) -> Result<()> {
        let file = self.folder.join(self.procs);
        fs::write(&file, pid.to_string()).with_context(|| format!("cannot put {pid} under the CPU quota"))
    }

    /// How often its processes had to wait for the next period.
    pub fn throttled(&self) -> Result<u64> {
        let text = fs::read_to_string(self.folder.join("cpu.stat"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        line.context("cpu.stat has no nr_throttled")?.parse().context("nr_throttled is no number")
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let pids = fs::read_to_string(self.folder.join(self.procs)).unwrap_or_default();
        let parent = self.folder.parent().unwrap_or(Path::new("/")).join(self.procs);
        for pid in pids.lines() {
            let _ = fs::write(&parent, pid);
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
