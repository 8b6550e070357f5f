//! The words of a map, in memory shared with the kernel.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shared::Mapping;
use crate::sys::MapRef;

/// All elements of an mmapable array, word by word, one after the other.
#[derive(Debug)]
pub(crate) struct Words(Mapping);

impl Words {
    /// `map` must be an mmapable array whose elements are whole words.
    pub(crate) fn new(map: &MapRef) -> io::Result<Self> {
        Mapping::new(map).map(Self)
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
        let words = self.0.start().cast::<AtomicU64>();
        // SAFETY: the start of a mapping is aligned to a page, and it is whole words long. It lives as long as `self`. The
        // eBPF program accesses these words by loads of 8 bytes, or stores the byte 1 into them.
        unsafe { std::slice::from_raw_parts(words.as_ptr(), self.0.bytes() / size_of::<AtomicU64>()) }
    }
}
