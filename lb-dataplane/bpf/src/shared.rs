//! Arrays in memory shared with the kernel: see [`guideway_abi::SHARED`].

use std::io;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::map::MapError;
use crate::plain::Plain;
use crate::sys::{MapRef, map_types};

/// The one value of an mmapable array, mapped into this process.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: NonZeroUsize,
}

// SAFETY: the memory stays mapped until the drop, wherever that happens.
unsafe impl Send for Mapping {}
// SAFETY: as above; who writes to it, and when, is for those who have the mapping to say.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn new(map: &MapRef) -> io::Result<Self> {
        let bytes = (map.info().value_size as usize)
            .checked_mul(map.info().max_entries as usize)
            .and_then(NonZeroUsize::new)
            .filter(|_| map.info().map_type == map_types::ARRAY && map.info().value_size.is_multiple_of(8))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an array of words"))?;
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
        Ok(Self { start: address.cast(), bytes })
    }

    /// Its start, at a multiple of a page.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Its length: elements have no gaps between them.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is our own mapping, and no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.start.cast(), self.bytes.get()) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

/// An array of `T` in shared memory.
///
/// A store is no system call and cannot fail. Which elements packets read meanwhile, and that nobody else writes to the same
/// ones, is up to the caller, as with any other map.
#[derive(Debug)]
pub(crate) struct SharedArray<T> {
    name: &'static str,
    mapping: Mapping,
    element: PhantomData<T>,
}

impl<T: Plain> SharedArray<T> {
    pub(crate) fn new(name: &'static str, map: &MapRef) -> io::Result<Self> {
        const { assert!(align_of::<T>() <= 4096, "a mapping begins with a page") };
        Ok(Self { name, mapping: Mapping::new(map)?, element: PhantomData })
    }

    /// Elements.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.mapping.bytes() / size_of::<T>()).unwrap_or(u32::MAX)
    }

    pub(crate) fn read(&self, index: u32) -> Result<T, MapError> {
        let mut value = [T::default()];
        self.read_into(index, &mut value)?;
        let [value] = value;
        Ok(value)
    }

    pub(crate) fn read_many(&self, first: u32, count: u32) -> Result<Vec<T>, MapError> {
        self.place("read", first, count as usize)?;
        let mut values = vec![T::default(); count as usize];
        self.read_into(first, &mut values)?;
        Ok(values)
    }

    fn read_into(&self, first: u32, values: &mut [T]) -> Result<(), MapError> {
        let place = self.place("read", first, values.len())?;
        // SAFETY: so many elements lie there, and `values` is elsewhere. Should packets or other processes change them
        // meanwhile, old and new bytes may be mixed; every pattern of bytes is a `T`.
        unsafe { std::ptr::copy_nonoverlapping(place, values.as_mut_ptr(), values.len()) };
        Ok(())
    }

    pub(crate) fn write(&self, index: u32, value: &T) -> Result<(), MapError> {
        self.write_many(index, std::slice::from_ref(value))
    }

    pub(crate) fn write_many(&self, first: u32, values: &[T]) -> Result<(), MapError> {
        let place = self.place("write", first, values.len())?;
        #[cfg(feature = "fault-points")]
        let (count, ending) = (crate::fault::elements(values.len()), crate::fault::call());
        #[cfg(feature = "fault-points")]
        let ending = ending.map_err(|error| self.error("write", error))?;
        #[cfg(not(feature = "fault-points"))]
        let count = values.len();
        // SAFETY: as above, the other way round.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), place, count) };
        #[cfg(feature = "fault-points")]
        if ending == crate::fault::Ending::Failed {
            return Err(self.error("write", crate::fault::error()));
        }
        Ok(())
    }

    /// Where `count` elements from `first` on lie, if there are so many.
    fn place(&self, operation: &'static str, first: u32, count: usize) -> Result<*mut T, MapError> {
        let within = (first as usize).checked_add(count).is_some_and(|end| end <= self.len() as usize);
        if !within {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "beyond the end of the array");
            return Err(self.error(operation, why));
        }
        // SAFETY: it lies within the mapping, or at its end.
        Ok(unsafe { self.mapping.start().cast::<T>().as_ptr().add(first as usize) })
    }

    fn error(&self, operation: &'static str, source: io::Error) -> MapError {
        MapError { operation, map: self.name, source }
    }
}
