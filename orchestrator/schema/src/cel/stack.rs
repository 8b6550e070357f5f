//! A stack for what recurses deeply.

use std::thread;

/// How large it is. In unoptimised builds the parser takes some 200 KiB for a level of brackets, the interpreter some
/// 130 KiB. Only what is touched is real memory.
const SIZE: usize = 64 << 20;

/// Runs something on a stack of its own, which costs some tens of microseconds, and waits for it.
///
/// # Errors
/// If there is no thread to be had, or if it panicked.
pub(super) fn on_own_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("cel".into()).stack_size(SIZE).spawn_scoped(scope, run);
        let thread = thread.map_err(|error| format!("no thread for it: {error}"))?;
        thread.join().map_err(|_| "it cannot be processed".to_owned())
    })
}
