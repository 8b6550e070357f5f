//! What the machine was set to before it was changed, kept beside the pins: it lives exactly as long as they do.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use crate::map::MapError;
use crate::sys::{self, MapRef, ObjectKind, create_map, map_types};

/// Name of the pin.
pub(super) const SETTINGS: &str = "settings";
/// Bytes of a name, with a NUL.
const NAME: usize = 96;
/// Bytes of a value, with a NUL.
const VALUE: usize = 32;
/// Settings, at most.
const ENTRIES: u32 = 256;

#[derive(Debug)]
pub(super) struct Settings(MapRef);

impl Settings {
    /// Opens the pin; `None` when there is none.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match sys::open_pin(path) {
            Ok((fd, ObjectKind::Map)) => MapRef::new(fd).map(Self).map(Some),
            Ok(_) => Err(io::Error::other("not a map")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the pin, or makes it.
    pub(super) fn open_or_create(path: &Path) -> io::Result<Self> {
        if let Some(settings) = Self::open(path)? {
            return Ok(settings);
        }
        let (Ok(key_size), Ok(value_size)) = (u32::try_from(NAME), u32::try_from(VALUE)) else {
            return Err(io::Error::other("sizes above 4 GiB"));
        };
        let map = create_map(SETTINGS, map_types::HASH, key_size, value_size, ENTRIES, 0)?;
        sys::pin(map.as_fd(), path)?;
        Ok(Self(map))
    }

    pub(super) fn read(&self) -> Result<BTreeMap<String, String>, MapError> {
        let mut settings = BTreeMap::new();
        for key in self.0.keys().map_err(error("read"))? {
            let mut value = [0; VALUE];
            if self.0.lookup(&key, &mut value).map_err(error("read"))? {
                settings.insert(unpadded(&key), unpadded(&value));
            }
        }
        Ok(settings)
    }

    pub(super) fn write(&self, name: &str, value: &str) -> Result<(), MapError> {
        let name = padded::<NAME>(name).map_err(error("write"))?;
        let value = padded::<VALUE>(value).map_err(error("write"))?;
        self.0.update(&name, &value).map_err(error("write"))
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), MapError> {
        let name = padded::<NAME>(name).map_err(error("write"))?;
        self.0.delete(&name).map(drop).map_err(error("write"))
    }
}

fn error(operation: &'static str) -> impl Fn(io::Error) -> MapError {
    move |source| MapError { operation, map: SETTINGS, source }
}

/// Text in a field of fixed length, which keeps one NUL at least.
fn padded<const N: usize>(text: &str) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() >= N || text.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?} does not fit {N} bytes")));
    }
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Ok(bytes)
}

fn unpadded(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{padded, unpadded};

    #[test]
    fn text_too_long_for_a_setting_is_refused() {
        assert_eq!(unpadded(&padded::<4>("abc").unwrap()), "abc");
        padded::<4>("abcd").unwrap_err();
        padded::<4>("a\0").unwrap_err();
    }
}
