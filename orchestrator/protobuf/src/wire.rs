//! The wire format: tags, varints and lengths (protobuf's encoding, versions 2 and 3).

use crate::DecodeError;

/// What a tag is followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32,
}

impl Wire<'_> {
    fn number(self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32 => 5,
        }
    }

    /// The error about a value that should be something else.
    pub(crate) fn unexpected(self, expected: &'static str) -> DecodeError {
        DecodeError::WireType { field: String::new(), expected, found: self.number() }
    }
}

impl<'a> Wire<'a> {
    pub(crate) fn varint(self) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(value) => Ok(value),
            other => Err(other.unexpected("a number")),
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => Err(other.unexpected("bytes with a length")),
        }
    }

    pub(crate) fn text(self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| value("the text is not UTF-8"))
    }
}

/// An error about what the bytes hold; the field's name comes from who knows it.
pub(crate) fn value(reason: &'static str) -> DecodeError {
    DecodeError::Value { field: String::new(), reason }
}

/// Reads the fields of a message one after the other.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next field's tag and value.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Wire<'a>)>, DecodeError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let tag = u32::try_from(key >> 3)
            .ok()
            .filter(|tag| *tag > 0)
            .ok_or_else(|| value("a tag is out of range"))?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let bytes = self.take(8)?;
                Wire::Fixed64(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| truncated())?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            // Groups are not part of any message of Kubernetes.
            _ => return Err(value("unknown wire type")),
        };
        Ok(Some((tag, wire)))
    }

    /// The next number of a packed list.
    pub(crate) fn packed(&mut self) -> Result<Option<u64>, DecodeError> {
        if self.bytes.is_empty() { Ok(None) } else { self.varint().map(Some) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte, rest @ ..] = self.bytes else { return Err(truncated()) };
            self.bytes = rest;
            if shift == 63 && *byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(value("a number is longer than 64 bits"))
    }
}

fn truncated() -> DecodeError {
    DecodeError::Truncated { field: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_one_after_the_other() {
        let mut reader = Reader::new(b"\x08\x96\x01\x12\x02hi\x19\x01\0\0\0\0\0\0\0\x25\0\0\0\0");
        assert_eq!(reader.next().unwrap(), Some((1, Wire::Varint(150))));
        assert_eq!(reader.next().unwrap(), Some((2, Wire::Bytes(b"hi"))));
        assert_eq!(reader.next().unwrap(), Some((3, Wire::Fixed64(1))));
        assert_eq!(reader.next().unwrap(), Some((4, Wire::Fixed32)));
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_an_error() {
        let cut: [&[u8]; 4] = [b"\x08", b"\x12\x05hi", b"\x19\x01", b"\x25\0"];
        for bytes in cut {
            assert_eq!(Reader::new(bytes).next(), Err(truncated()), "{bytes:?}");
        }
        let wrong: [&[u8]; 3] = [b"\x0b", b"\x00\x01", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"];
        for bytes in wrong {
            assert!(matches!(Reader::new(bytes).next(), Err(DecodeError::Value { .. })), "{bytes:?}");
        }
        let longest = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(Reader::new(longest).next(), Ok(Some((1, Wire::Varint(u64::MAX)))));
    }
}
