//! System calls that go wrong on purpose, so that tests can look at what is left.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;

use nix::sys::signal::{Signal, raise};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with `EIO` and has done nothing.
    Refused,
    /// It fails with `EIO` and has done its work: all of it, or that of the first half of a batch.
    Torn,
    /// The process is killed (`SIGKILL`) before it.
    Killed,
}

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static ARMED: Cell<Option<(u64, Fault)>> = const { Cell::new(None) };
}

/// A call of this thread that goes wrong, until the drop. There is one at a time.
#[derive(Debug)]
pub struct Armed {
    /// Another thread has calls of its own.
    not_send: PhantomData<*const ()>,
}

impl Armed {
    /// Has this thread's `number`th call of bpf(2) from now on, counted from 1, go wrong. A store into shared memory
    /// counts as a call, too, though it could not fail; of the faults that of the active word only knows [`Fault::Killed`].
    #[must_use]
    pub fn new(number: u64, fault: Fault) -> Self {
        CALLS.set(0);
        ARMED.set(Some((number, fault)));
        Self { not_send: PhantomData }
    }

    /// How many calls there were so far, with the one that went wrong.
    #[must_use]
    pub fn calls(&self) -> u64 {
        CALLS.get()
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        ARMED.set(None);
    }
}

/// How a call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    AsItDoes,
    Failed,
}

/// Passed by each call before it is made.
pub(crate) fn call() -> io::Result<Ending> {
    CALLS.set(CALLS.get() + 1);
    match ARMED.get() {
        Some((number, fault)) if number == CALLS.get() => match fault {
            Fault::Refused => Err(error()),
            Fault::Torn => Ok(Ending::Failed),
            Fault::Killed => kill(),
        },
        _ => Ok(Ending::AsItDoes),
    }
}

/// How many of `count` elements the next call may write.
pub(crate) fn elements(count: usize) -> usize {
    match ARMED.get() {
        Some((number, Fault::Torn)) if number == CALLS.get() + 1 => count.div_ceil(2),
        _ => count,
    }
}

/// What a torn call returns.
pub(crate) fn error() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn kill() -> ! {
    let raised = raise(Signal::SIGKILL);
    unreachable!("a process outlived its SIGKILL: {raised:?}")
}

#[cfg(test)]
mod tests {
    use super::{Armed, Ending, Fault, call, elements};

    #[test]
    fn one_call_goes_wrong() {
        {
            let armed = Armed::new(2, Fault::Refused);
            assert_eq!(call().unwrap(), Ending::AsItDoes);
            call().unwrap_err();
            assert_eq!(call().unwrap(), Ending::AsItDoes);
            assert_eq!(armed.calls(), 3);
        }
        let _armed = Armed::new(1, Fault::Torn);
        assert_eq!(elements(5), 3);
        assert_eq!(call().unwrap(), Ending::Failed);
        assert_eq!(elements(5), 5);
    }
}
