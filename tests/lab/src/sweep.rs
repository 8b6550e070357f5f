//! Taking labs down by their names: one that ends, one that was kept, or what dead runs left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{LabId, command, run_folder, wait};

/// The bpffs in which forwarders and backends pin their programs.
pub const BPFFS: &str = "/sys/fs/bpf";

/// Where named namespaces are.
const NETNS: &str = "/run/netns";

/// Where FRR instances keep sockets and configurations, one folder for each namespace.
const FRR: [&str; 2] = ["/var/run/frr", "/etc/frr"];

/// The logs of this many failed runs are kept, the newest ones.
const FAILED_RUNS: usize = 12;

/// Logs of failed runs are removed after this time.
const FAILED_LOGS: Duration = Duration::from_secs(24 * 3600);

/// Which labs of dead owners are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Labs that were kept on purpose stay.
    Spare,
    /// They are removed too.
    Remove,
}

/// Removes every lab whose owner is dead; returns their ids.
pub fn dead_runs(kept: Kept) -> Vec<LabId> {
    remove_old_logs();
    let dead: Vec<LabId> = all()
        .into_iter()
        .filter(|id| !owner_lives(*id))
        .filter(|id| kept == Kept::Remove || !folder(*id).join("keep").exists())
        .collect();
    for id in &dead {
        remove(*id);
    }
    dead
}

/// Every lab of which there is any trace on this machine.
#[must_use]
pub fn all() -> Vec<LabId> {
    let mut ids = BTreeSet::new();
    for place in [Path::new(NETNS), Path::new(BPFFS), &run_folder::base(), Path::new(FRR[0])] {
        ids.extend(names(place).iter().filter_map(|name| LabId::of_name(name)));
    }
    ids.into_iter().collect()
}

/// Takes a lab down: the processes in its namespaces, the namespaces, its pins and its folder.
pub fn remove(id: LabId) {
    remove_running(id);
    let _ = fs::remove_dir_all(folder(id));
}

/// [`remove`] without the folder with the logs.
pub fn remove_running(id: LabId) {
    let namespaces: Vec<String> =
        names(Path::new(NETNS)).into_iter().filter(|name| LabId::of_name(name) == Some(id)).collect();
    for name in &namespaces {
        end_processes_in(name);
    }
    let _ = fs::remove_dir_all(Path::new(BPFFS).join(id.prefix()));
    for name in &namespaces {
        let _ = command::run_always("ip", &["netns", "del", name]);
    }
    for place in FRR.map(Path::new) {
        for name in names(place).iter().filter(|name| LabId::of_name(name) == Some(id)) {
            let _ = fs::remove_dir_all(place.join(name));
        }
    }
}

/// When a process was born, in clock ticks since boot: tells a process from a later one with the same id.
#[must_use]
pub fn birth(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold anything; field 22 is the birth.
    let after = &stat[stat.rfind(')')? + 1..];
    after.split_whitespace().nth(19).map(str::to_owned)
}

fn owner_lives(id: LabId) -> bool {
    let Some(now) = birth(id.owner) else { return false };
    match fs::read_to_string(folder(id).join("owner")) {
        Ok(then) => then.trim() == now,
        Err(_) => true,
    }
}

fn end_processes_in(namespace: &str) {
    let pids = || -> Vec<Pid> {
        command::run_always("ip", &["netns", "pids", namespace])
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .filter(|pid| i64::from(*pid) != i64::from(std::process::id()))
            .map(Pid::from_raw)
            .collect()
    };
    let _ = wait::until_true("processes to end", Duration::from_secs(5), || {
        let left = pids();
        for pid in &left {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        Ok(left.is_empty())
    });
}

fn remove_old_logs() {
    let base = run_folder::base();
    let mut kept: Vec<(Duration, PathBuf)> = names(&base)
        .iter()
        .filter(|name| name.starts_with("failed-"))
        .filter_map(|name| {
            let path = base.join(name);
            let age = fs::metadata(&path).and_then(|m| m.modified()).ok()?.elapsed().unwrap_or_default();
            Some((age, path))
        })
        .collect();
    kept.sort();
    for (place, (age, path)) in kept.iter().enumerate() {
        if place >= FAILED_RUNS || *age > FAILED_LOGS {
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn folder(id: LabId) -> PathBuf {
    run_folder::base().join(id.prefix())
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_a_birth_and_a_pid_out_of_range_has_none() {
        assert!(super::birth(std::process::id()).is_some());
        assert_eq!(super::birth(u32::MAX), None);
    }
}
