//! How the timing threads get the CPU when others want it too.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::unistd::Pid;
use rustix::process::setpriority_process;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tracing::{info, warn};

/// Above everything of the fair class, below the kernel's own real-time threads (50 and more).
const FIFO_PRIORITY: u8 = 40;
const NICE: i32 = -20;

/// Where the two timing threads may run, so that no CPU can hold up both.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    first: CpuSet,
    /// One CPU.
    pub(crate) second: CpuSet,
    number: usize,
}

/// `None` when this process has but one CPU.
pub(crate) fn places() -> Option<Places> {
    let mut first = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let mut allowed = (0..CpuSet::count()).rev().filter(|cpu| first.is_set(*cpu).unwrap_or(false));
    let number = allowed.next()?;
    allowed.next()?;
    let mut second = CpuSet::new();
    second.set(number).ok()?;
    first.unset(number).ok()?;
    Some(Places { first, second, number })
}

/// Gives the second timing thread its place, and the priority that the first one has if that is permitted.
pub(crate) fn follow(place: &CpuSet) {
    bind(place);
    // The first thread says what was refused, and why.
    let _ = fifo().or_else(|_| setpriority_process(None, NICE));
}

/// The kernel goes by a set of CPUs if it still can; without it the threads only help each other less.
fn bind(place: &CpuSet) {
    if let Err(why) = sched_setaffinity(Pid::from_raw(0), place) {
        warn!(%why, "a timing thread cannot be bound to its CPUs");
    }
}

/// Raises the calling thread, which is the first timing thread, as far as is permitted, and says how far that was.
pub(crate) fn raise(places: Option<&Places>) -> String {
    let priority = class();
    match places {
        None => format!("{priority}, one CPU"),
        Some(places) => {
            bind(&places.first);
            format!("{priority}, CPU {} stands by", places.number)
        }
    }
}

fn class() -> String {
    match fifo() {
        Ok(()) => format!("real-time (SCHED_FIFO {FIFO_PRIORITY})"),
        Err(why) => match setpriority_process(None, NICE) {
            Ok(()) => {
                info!(
                    %why,
                    "no real-time scheduling (the cgroup may give no real-time share, or CAP_SYS_NICE is missing); \
                     the timing thread runs at nice {NICE}, under the CPU quota of its cgroup"
                );
                format!("nice {NICE} (real-time refused: {why})")
            }
            Err(nice) => {
                warn!(
                    real_time = %why, %nice,
                    "the timing thread is scheduled like any other: busy neighbours can delay it; give CAP_SYS_NICE"
                );
                format!("normal (real-time refused: {why}; nice refused: {nice})")
            }
        },
    }
}

fn fifo() -> Result<(), String> {
    let priority = ThreadPriorityValue::try_from(FIFO_PRIORITY)?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy)
        .map_err(|error| match error {
            thread_priority::Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
            other => format!("{other:?}"),
        })
}

/// Keeps the program in memory: a page that has to be read from disk takes longer than a detection time.
pub(crate) fn lock_memory() {
    if let Err(why) = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE) {
        warn!(%why, "the program's memory can be swapped out, which can delay packets; give CAP_IPC_LOCK");
    }
}
