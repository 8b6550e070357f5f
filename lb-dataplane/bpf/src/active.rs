//! The word that names the active generation, in memory shared with the kernel.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use guideway_abi::ActiveWord;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::sys::MapRef;

/// The kernel maps whole pages, and this little is one on every machine.
const LENGTH: NonZeroUsize = NonZeroUsize::new(size_of::<u64>()).expect("eight is not zero");

/// The element of the map, mapped into this process.
#[derive(Debug)]
pub(crate) struct Active {
    word: NonNull<AtomicU64>,
}

// SAFETY: the memory stays mapped until the drop, wherever that happens, and is only accessed atomically.
unsafe impl Send for Active {}
// SAFETY: as above; an `AtomicU64` may be shared.
unsafe impl Sync for Active {}

impl Active {
    /// `map` must be an mmapable array with elements of 8 bytes.
    pub(crate) fn new(map: &MapRef) -> io::Result<Self> {
        if map.info().value_size != 8 || map.info().max_entries == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an array of words"));
        }
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe {
            mmap(
                None,
                LENGTH,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                map.as_fd(),
                0,
            )?
        };
        Ok(Self { word: address.cast() })
    }

    /// One store: a packet meets the old word or the new one.
    pub(crate) fn store(&self, word: ActiveWord) {
        self.word().store(word.0, Ordering::Release);
    }

    pub(crate) fn load(&self) -> ActiveWord {
        ActiveWord(self.word().load(Ordering::Acquire))
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: the start of a mapping is aligned to a page, the element has 8 bytes (checked in `new`), and the
        // mapping lives as long as `self`. The eBPF program only reads it, by one load of 8 bytes.
        unsafe { self.word.as_ref() }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping, and no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.word.cast(), LENGTH.get()) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}
