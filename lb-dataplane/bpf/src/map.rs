//! Typed maps: what the rest of the crate reads and writes.

use std::io;
use std::marker::PhantomData;

use crate::plain::{Plain, bytes, bytes_mut};
use crate::sys::MapRef;

/// A map could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} map {map}")]
pub struct MapError {
    /// What was tried.
    pub operation: &'static str,
    /// Name of the map.
    pub map: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

/// An array map of `T`.
#[derive(Debug)]
pub(crate) struct Array<T> {
    name: &'static str,
    map: MapRef,
    element: PhantomData<T>,
}

impl<T: Plain> Array<T> {
    /// `map` has been checked against the object's definition, so that its values are `size_of::<T>()` bytes long; the
    /// calls below fail if they are not.
    pub(crate) fn new(name: &'static str, map: MapRef) -> Self {
        Self { name, map, element: PhantomData }
    }

    pub(crate) fn read(&self, index: u32) -> Result<T, MapError> {
        let mut value = [T::default()];
        match self.map.lookup(&index.to_ne_bytes(), bytes_mut(&mut value)) {
            Ok(true) => Ok(value[0]),
            Ok(false) => {
                Err(self.error("read", io::Error::new(io::ErrorKind::InvalidInput, "no such element")))
            }
            Err(error) => Err(self.error("read", error)),
        }
    }

    pub(crate) fn read_many(&self, first: u32, count: u32) -> Result<Vec<T>, MapError> {
        let mut values = vec![T::default(); count as usize];
        self.check_element()
            .and_then(|()| self.map.read_array(first, bytes_mut(&mut values)))
            .map_err(|error| self.error("read", error))?;
        Ok(values)
    }

    pub(crate) fn write(&self, index: u32, value: &T) -> Result<(), MapError> {
        self.map
            .update(&index.to_ne_bytes(), bytes(std::slice::from_ref(value)))
            .map_err(|error| self.error("write", error))
    }

    pub(crate) fn write_many(&self, first: u32, values: &[T]) -> Result<(), MapError> {
        self.check_element()
            .and_then(|()| self.map.write_array(first, bytes(values)))
            .map_err(|error| self.error("write", error))
    }

    fn check_element(&self) -> io::Result<()> {
        if self.map.user_value_size() == size_of::<T>() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, "elements are of another size"))
    }

    fn error(&self, operation: &'static str, source: io::Error) -> MapError {
        MapError { operation, map: self.name, source }
    }
}

/// An array map whose elements are themselves arrays of `u16`: the lookup tables.
#[derive(Debug)]
pub(crate) struct Tables {
    name: &'static str,
    map: MapRef,
}

impl Tables {
    pub(crate) fn new(name: &'static str, map: MapRef) -> Self {
        Self { name, map }
    }

    pub(crate) fn read(&self, index: u32) -> Result<Vec<u16>, MapError> {
        let mut slots = vec![0_u16; self.map.user_value_size() / 2];
        match self.map.lookup(&index.to_ne_bytes(), bytes_mut(&mut slots)) {
            Ok(true) => Ok(slots),
            Ok(false) => {
                Err(self.error("read", io::Error::new(io::ErrorKind::InvalidInput, "no such element")))
            }
            Err(error) => Err(self.error("read", error)),
        }
    }

    pub(crate) fn write(&self, index: u32, slots: &[u16]) -> Result<(), MapError> {
        self.map.update(&index.to_ne_bytes(), bytes(slots)).map_err(|error| self.error("write", error))
    }

    fn error(&self, operation: &'static str, source: io::Error) -> MapError {
        MapError { operation, map: self.name, source }
    }
}

/// A per-CPU array map of `T`, whose size is a multiple of 8.
#[derive(Debug)]
pub(crate) struct PerCpuArray<T> {
    name: &'static str,
    map: MapRef,
    element: PhantomData<T>,
}

impl<T: Plain> PerCpuArray<T> {
    pub(crate) fn new(name: &'static str, map: MapRef) -> Self {
        const { assert!(size_of::<T>().is_multiple_of(8), "the kernel rounds each CPU's value up to 8 bytes") };
        Self { name, map, element: PhantomData }
    }

    /// All elements, each folded over the CPUs.
    pub(crate) fn read_all(&self, add: impl Fn(T, T) -> T) -> Result<Vec<T>, MapError> {
        let cpus = self.map.user_value_size() / size_of::<T>();
        let mut values = vec![T::default(); self.map.info().max_entries as usize * cpus];
        self.map.read_array(0, bytes_mut(&mut values)).map_err(|source| MapError {
            operation: "read",
            map: self.name,
            source,
        })?;
        Ok(values
            .chunks(cpus.max(1))
            .map(|of_cpus| of_cpus.iter().copied().fold(T::default(), &add))
            .collect())
    }

    /// Sets an element to zero on all CPUs.
    pub(crate) fn zero(&self, index: u32) -> Result<(), MapError> {
        let zero = vec![0; self.map.user_value_size()];
        self.map.update(&index.to_ne_bytes(), &zero).map_err(|source| MapError {
            operation: "write",
            map: self.name,
            source,
        })
    }
}
