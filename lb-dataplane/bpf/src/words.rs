//! The words of a map, in memory shared with the kernel.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::sys::{MapRef, map_types};

const WORD: usize = size_of::<u64>();

/// All elements of an mmapable array, mapped into this process: word by word, one after the other.
#[derive(Debug)]
pub(crate) struct Words {
    start: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: the memory stays mapped until the drop, wherever that happens, and is only accessed atomically.
unsafe impl Send for Words {}
// SAFETY: as above; `AtomicU64`s may be shared.
unsafe impl Sync for Words {}

impl Words {
    /// `map` must be an mmapable array whose elements are whole words.
    pub(crate) fn new(map: &MapRef) -> io::Result<Self> {
        let element = map.info().value_size as usize;
        let bytes = element.checked_mul(map.info().max_entries as usize).and_then(NonZeroUsize::new);
        let (true, true, Some(bytes)) =
            (map.info().map_type == map_types::ARRAY, element.is_multiple_of(WORD), bytes)
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an array of words"));
        };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe {
            mmap(
                None,
                bytes,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                map.as_fd(),
                0,
            )?
        };
        Ok(Self { start: address.cast(), count: bytes.get() / WORD })
    }

    /// One store, after everything that was written before: a packet meets the old word or the new one. False when there
    /// is no such word.
    #[must_use]
    pub(crate) fn store(&self, index: usize, word: u64) -> bool {
        self.words().get(index).map(|to| to.store(word, Ordering::Release)).is_some()
    }

    /// None when there is no such word.
    pub(crate) fn load(&self, index: usize) -> Option<u64> {
        self.words().get(index).map(|word| word.load(Ordering::Acquire))
    }

    /// Stores zero to all words.
    pub(crate) fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Bits that are one.
    pub(crate) fn ones(&self) -> u32 {
        self.words().iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum()
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the start of a mapping is aligned to a page; an array with elements of whole words (checked in `new`)
        // has them without gaps, `count` in all, and the kernel refuses a mapping longer than the array. It lives as long
        // as `self`. The eBPF program accesses these words by loads of 8 bytes, or stores the byte 1 into them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping, and no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.start.cast(), self.count * WORD) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}
