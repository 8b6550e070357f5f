//! Counts what a claim costs, for tests.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One look-up or turn of a loop.
#[inline]
pub(crate) fn count() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// How many there have been in this thread since the last call.
#[cfg(test)]
pub(crate) fn taken() -> u64 {
    STEPS.with(|steps| steps.replace(0))
}
