//! Maps: elements singly and in batches.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use super::{address, address_mut, attr, bpf, bpf_fd, length, object_info, raw, text};

/// Numbers of `enum bpf_map_type`.
pub(crate) mod map_types {
    pub(crate) const HASH: u32 = 1;
    pub(crate) const ARRAY: u32 = 2;
    pub(crate) const PERCPU_HASH: u32 = 5;
    pub(crate) const PERCPU_ARRAY: u32 = 6;
    pub(crate) const LRU_PERCPU_HASH: u32 = 10;
    pub(crate) const ARRAY_OF_MAPS: u32 = 12;
    pub(crate) const PERCPU_CGROUP_STORAGE: u32 = 21;
}

/// Bytes of one batch, so that no call holds the kernel or takes memory for long.
const BATCH_BYTES: usize = 1 << 20;

/// What the kernel says of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapInfo {
    pub(crate) map_type: u32,
    pub(crate) id: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    pub(crate) name: String,
}

/// A map whose sizes are known, so that no call can make the kernel write beyond a buffer.
#[derive(Debug)]
pub(crate) struct MapRef {
    fd: OwnedFd,
    info: MapInfo,
    /// Bytes of a value as user space sees it: for per-CPU maps those of all CPUs.
    user_value_size: usize,
}

impl MapRef {
    /// `fd` must be a map's.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        if super::object_kind(&fd)? != super::ObjectKind::Map {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a map"));
        }
        // SAFETY: `attr::MapInfo` is the start of `struct bpf_map_info`, integers only.
        let info: attr::MapInfo = unsafe { object_info(fd.as_fd())? };
        let value_size = info.value_size as usize;
        let user_value_size = match info.map_type {
            map_types::PERCPU_ARRAY
            | map_types::PERCPU_HASH
            | map_types::LRU_PERCPU_HASH
            | map_types::PERCPU_CGROUP_STORAGE => {
                let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
                value_size.next_multiple_of(8) * cpus
            }
            _ => value_size,
        };
        let info = MapInfo {
            map_type: info.map_type,
            id: info.id,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            flags: info.map_flags,
            name: text(&info.name),
        };
        Ok(Self { fd, info, user_value_size })
    }

    pub(crate) fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Bytes of a value as user space sees it.
    pub(crate) fn user_value_size(&self) -> usize {
        self.user_value_size
    }

    /// Reads the value of `key`; false when there is none.
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.check(key.len(), value.len(), 1)?;
        let mut attr = attr::MapElement {
            map_fd: raw(self.fd.as_fd()),
            key: address(key),
            value: address_mut(value),
            ..attr::MapElement::default()
        };
        // SAFETY: `key` and `value` are as long as the kernel's key and value (checked above) and outlive the call.
        found(unsafe { bpf(attr::BPF_MAP_LOOKUP_ELEM, &mut attr) })
    }

    /// Writes the value of `key`.
    pub(crate) fn update(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.check(key.len(), value.len(), 1)?;
        let mut attr = attr::MapElement {
            map_fd: raw(self.fd.as_fd()),
            key: address(key),
            value: address(value),
            ..attr::MapElement::default()
        };
        // SAFETY: `key` and `value` are as long as the kernel's key and value (checked above) and are only read.
        unsafe { bpf(attr::BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Removes `key`; false when it was not there.
    pub(crate) fn delete(&self, key: &[u8]) -> io::Result<bool> {
        self.check(key.len(), self.user_value_size, 1)?;
        let mut attr = attr::MapElement {
            map_fd: raw(self.fd.as_fd()),
            key: address(key),
            ..attr::MapElement::default()
        };
        // SAFETY: `key` is as long as the kernel's key (checked above) and is only read.
        found(unsafe { bpf(attr::BPF_MAP_DELETE_ELEM, &mut attr) })
    }

    /// All keys of a hash map. A key that comes or goes meanwhile may be missed or seen twice, as the kernel says.
    pub(crate) fn keys(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        // A key deleted by another while we stand on it starts the walk afresh; the limit makes it end anyway.
        while keys.len() <= self.info.max_entries as usize {
            let mut next = vec![0; self.info.key_size as usize];
            let mut attr = attr::MapElement {
                map_fd: raw(self.fd.as_fd()),
                key: keys.last().map_or(0, |key| address(key)),
                value: address_mut(&mut next),
                ..attr::MapElement::default()
            };
            // SAFETY: the last key and `next` are key_size bytes long; a zero address asks for the first key.
            if !found(unsafe { bpf(attr::BPF_MAP_GET_NEXT_KEY, &mut attr) })? {
                break;
            }
            keys.push(next);
        }
        Ok(keys)
    }

    /// Reads elements `first..` of an array into `values`, whole elements, in as few calls as sensible.
    pub(crate) fn read_array(&self, first: u32, values: &mut [u8]) -> io::Result<()> {
        let elements = self.elements(first, values.len())?;
        let per_call = self.per_call();
        let mut index = first;
        for chunk in values.chunks_mut(per_call * self.user_value_size) {
            let count = length(chunk.len() / self.user_value_size)?;
            let mut keys = vec![0; chunk.len() / self.user_value_size * 4];
            // A batch starts behind the key that it is given, at the start when given none.
            let before = index.wrapping_sub(1).to_ne_bytes();
            let mut reached = [0; 4];
            let mut attr = attr::MapBatch {
                in_batch: if index == 0 { 0 } else { address(&before) },
                out_batch: address_mut(&mut reached),
                keys: address_mut(&mut keys),
                values: address_mut(chunk),
                count,
                map_fd: raw(self.fd.as_fd()),
                ..attr::MapBatch::default()
            };
            // SAFETY: `keys` and `chunk` have room for `count` keys of 4 bytes and values of user_value_size bytes,
            // which is what the kernel writes at most; `before` and `reached` are keys of 4 bytes. All outlive the call.
            let read = unsafe { bpf(attr::BPF_MAP_LOOKUP_BATCH, &mut attr) };
            if read.is_err() || attr.count != count {
                // The end of the array also ends with ENOENT, after the last element was read.
                let complete = attr.count == count;
                if !(complete && read.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::ENOENT)))
                {
                    return Err(read.err().unwrap_or_else(|| io::Error::other("short read of a map")));
                }
            }
            index += count;
        }
        debug_assert_eq!(index - first, elements);
        Ok(())
    }

    /// Writes elements `first..` of an array from `values`, whole elements, in as few calls as sensible.
    pub(crate) fn write_array(&self, first: u32, values: &[u8]) -> io::Result<()> {
        self.elements(first, values.len())?;
        let per_call = self.per_call();
        let mut index = first;
        for chunk in values.chunks(per_call * self.user_value_size) {
            let count = length(chunk.len() / self.user_value_size)?;
            let keys: Vec<u8> = (index..index + count).flat_map(u32::to_ne_bytes).collect();
            #[cfg(feature = "fault-points")]
            let count = length(crate::fault::elements(count as usize))?;
            let mut attr = attr::MapBatch {
                keys: address(&keys),
                values: address(chunk),
                count,
                map_fd: raw(self.fd.as_fd()),
                ..attr::MapBatch::default()
            };
            // SAFETY: `keys` and `chunk` hold `count` keys of 4 bytes and values of user_value_size bytes; both are only
            // read.
            unsafe { bpf(attr::BPF_MAP_UPDATE_BATCH, &mut attr)? };
            index += count;
        }
        Ok(())
    }

    fn per_call(&self) -> usize {
        (BATCH_BYTES / self.user_value_size).max(1)
    }

    /// Checks that `bytes` are whole elements of an array that exist from `first` on; gives their number.
    fn elements(&self, first: u32, bytes: usize) -> io::Result<u32> {
        let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if !matches!(self.info.map_type, map_types::ARRAY | map_types::PERCPU_ARRAY)
            || self.info.key_size != 4
        {
            return invalid("not an array");
        }
        if !bytes.is_multiple_of(self.user_value_size) {
            return invalid("not whole elements");
        }
        let elements = length(bytes / self.user_value_size)?;
        match first.checked_add(elements) {
            Some(end) if end <= self.info.max_entries => Ok(elements),
            _ => invalid("beyond the end of the array"),
        }
    }

    fn check(&self, key: usize, value: usize, elements: usize) -> io::Result<()> {
        if key != self.info.key_size as usize || value != self.user_value_size * elements {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "key of {key} and value of {value} bytes where the map has {} and {}",
                    self.info.key_size, self.user_value_size
                ),
            ));
        }
        Ok(())
    }
}

impl AsFd for MapRef {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn found(result: io::Result<i32>) -> io::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a map. `name` is cut to what the kernel keeps.
pub(crate) fn create_map(
    name: &str,
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
) -> io::Result<MapRef> {
    create(
        attr::MapCreate {
            map_type,
            key_size,
            value_size,
            max_entries,
            map_flags,
            ..attr::MapCreate::default()
        },
        name,
    )
}

fn create(mut attr: attr::MapCreate, name: &str) -> io::Result<MapRef> {
    // The last byte stays NUL.
    for (to, from) in attr.map_name[..15].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: the attributes hold no address.
    MapRef::new(unsafe { bpf_fd(attr::BPF_MAP_CREATE, &mut attr)? })
}

/// Makes an array of maps with one element, and the map that belongs into it.
pub(crate) fn array_of_maps_with_one(name: &str) -> io::Result<(MapRef, MapRef)> {
    let inner = create_map(name, map_types::ARRAY, 4, 4, 1, 0)?;
    let outer = create(
        attr::MapCreate {
            map_type: map_types::ARRAY_OF_MAPS,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            inner_map_fd: inner.as_fd().as_raw_fd().cast_unsigned(),
            ..attr::MapCreate::default()
        },
        name,
    )?;
    Ok((outer, inner))
}
