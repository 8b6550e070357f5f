//! Waiting until no packet can still see what was replaced.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};

use crate::sys::{MapRef, array_of_maps_with_one};

/// A way to wait for an RCU grace period.
///
/// An update of a map of maps returns only when every XDP program that was running has ended: the kernel promises this
/// to userspace, so that it may reuse the inner map that it has just replaced. So a map of maps that no program uses
/// serves to wait. `membarrier(MEMBARRIER_CMD_GLOBAL)` also waits for RCU, but does nothing on a machine with one CPU
/// and is refused by kernels with `nohz_full`.
#[derive(Debug)]
pub(crate) struct Grace {
    outer: MapRef,
    inner: MapRef,
}

impl Grace {
    pub(crate) fn new() -> io::Result<Self> {
        let (outer, inner) = array_of_maps_with_one("grace_period")?;
        Ok(Self { outer, inner })
    }

    /// Returns when every program run that began before the call has ended; takes some 10 ms.
    pub(crate) fn wait(&self) -> io::Result<()> {
        self.outer.update(&0_u32.to_ne_bytes(), &self.inner.as_fd().as_raw_fd().to_ne_bytes())
    }
}
