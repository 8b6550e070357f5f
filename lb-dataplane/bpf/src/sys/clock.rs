//! The kernel's timer.

use std::io;
use std::time::Duration;

/// How often the kernel's timer ticks, and `jiffies` are counted. It is a constant of the kernel, which tells it as the
/// resolution of the clocks that go by the tick (clock_getres(2)).
pub(crate) fn tick() -> io::Result<Duration> {
    let mut resolution = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to `resolution`, which is ours and outlives the call.
    let result = unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut resolution) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let invalid = |_| io::Error::other("the kernel's clock has a negative resolution");
    Ok(Duration::new(
        resolution.tv_sec.try_into().map_err(invalid)?,
        resolution.tv_nsec.try_into().map_err(invalid)?,
    ))
}
