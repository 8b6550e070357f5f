//! The two threads that may take a turn.
//!
//! A thread of the highest priority still waits while its CPU is inside the kernel, where a thread is not preempted: tens of
//! milliseconds on a machine that compiles or reclaims memory. The other CPUs go on meanwhile. So a second thread, bound to a
//! CPU that the first one leaves alone, takes the turn when it is overdue.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::Epoll;
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::receive::{self, Port};
use super::runner::Runner;

/// How long an overdue turn is left to the first thread: longer than it usually waits for the CPU, and short beside any
/// interval in use.
const GRACE: Duration = Duration::from_millis(5);

/// What makes a turn necessary before its time.
pub(super) struct Sources {
    pub(super) ports: Vec<Port>,
    pub(super) wake: Arc<EventFd>,
    /// The sockets of echo packets.
    pub(super) echoes: Epoll,
}

impl Sources {
    /// Sleeps until a packet or an order comes, or until then.
    fn wait(&self, until: Option<Instant>) {
        let timeout =
            until.map(|until| TimeSpec::from_duration(until.saturating_duration_since(Instant::now())));
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut places: [PollFd<'_>; receive::MAX_PORTS + 2] = std::array::from_fn(|place| {
            readable(match place {
                0 => self.wake.as_fd(),
                1 => self.echoes.0.as_fd(),
                place => self.ports.get(place - 2).map_or(self.wake.as_fd(), |port| port.socket.as_fd()),
            })
        });
        // Whatever it returns, the next turn looks at everything.
        let _ = ppoll(&mut places, timeout, None);
    }
}

/// What the two threads share.
pub(super) struct Turns {
    runner: Mutex<Runner>,
    sources: Arc<Sources>,
    clock: Clock,
    /// When the next turn is due.
    due: AtomicU64,
    /// Until when the second thread sleeps.
    asleep_until: AtomicU64,
}

impl Turns {
    pub(super) fn new(runner: Runner) -> Self {
        Self {
            sources: Arc::clone(&runner.sources),
            runner: Mutex::new(runner),
            clock: Clock(Instant::now()),
            due: AtomicU64::new(Clock::NEVER),
            asleep_until: AtomicU64::new(Clock::NEVER),
        }
    }

    /// The first thread: runs until [`super::Order::Stop`] has been carried out.
    pub(super) fn lead(&self, second: Option<&Thread>) {
        loop {
            let mut runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner);
            if runner.is_done() {
                break;
            }
            let due = self.take(&mut runner);
            drop(runner);
            if self.due.load(Ordering::SeqCst) < self.asleep_until.load(Ordering::SeqCst)
                && let Some(second) = second
            {
                second.unpark();
            }
            self.sources.wait(due);
        }
        if let Some(second) = second {
            second.unpark();
        }
    }

    /// The second thread: takes the turns that the first one is too late for, as long as there is a first one.
    pub(super) fn stand_by(&self) {
        loop {
            let due = self.due.load(Ordering::SeqCst);
            let until = self.clock.instant(due).map(|due| due + GRACE);
            self.asleep_until.store(due, Ordering::SeqCst);
            // Looked at once more, now that the first thread would see that it has to wake this one.
            if self.due.load(Ordering::SeqCst) >= due {
                match until {
                    None => thread::park(),
                    Some(until) => thread::park_timeout(until.saturating_duration_since(Instant::now())),
                }
            }
            let mut runner = match self.runner.try_lock() {
                Ok(runner) => runner,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // The first thread is at it.
                Err(TryLockError::WouldBlock) => {
                    thread::park_timeout(GRACE);
                    continue;
                }
            };
            if runner.is_done() {
                break;
            }
            if runner.wanted.is_some_and(|wanted| wanted + GRACE <= Instant::now()) {
                self.take(&mut runner);
            }
        }
        // The first thread may sleep without an end.
        let _ = self.sources.wake.write(1);
    }

    fn take(&self, runner: &mut MutexGuard<'_, Runner>) -> Option<Instant> {
        let due = runner.turn();
        self.due.store(self.clock.number(due), Ordering::SeqCst);
        due
    }
}

/// Points in time as numbers: microseconds since a start.
struct Clock(Instant);

impl Clock {
    const NEVER: u64 = u64::MAX;

    fn number(&self, at: Option<Instant>) -> u64 {
        let since = |at: Instant| u64::try_from(at.saturating_duration_since(self.0).as_micros());
        at.map_or(Self::NEVER, |at| since(at).unwrap_or(Self::NEVER))
    }

    fn instant(&self, number: u64) -> Option<Instant> {
        (number != Self::NEVER).then(|| self.0 + Duration::from_micros(number))
    }
}
