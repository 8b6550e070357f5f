//! What is long comes in parts.

use bytes::{Bytes, BytesMut};

use crate::error::{At, WireError};
use crate::v1::Part;

/// Bytes of a part.
pub const MAX_PART_BYTES: usize = 1 << 20;
/// Bytes of an encoded delta: about twenty times what 10,000 Services with five endpoints need.
pub const MAX_DELTA_BYTES: usize = 128 << 20;

/// The parts of `whole`; at least one.
pub(crate) fn split(whole: &Bytes) -> impl Iterator<Item = Part> + use<> {
    let whole = whole.clone();
    let count = whole.len().div_ceil(MAX_PART_BYTES).max(1);
    (0..count).map(move |index| {
        let start = index * MAX_PART_BYTES;
        let end = whole.len().min(start + MAX_PART_BYTES);
        Part { total: whole.len() as u64, offset: start as u64, bytes: whole.slice(start..end) }
    })
}

/// Puts parts together. What is announced is not believed: memory is taken for what has come.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// The number of what the parts are of: a generation or a term.
    number: u64,
    total: u64,
    so_far: BytesMut,
}

impl Assembly {
    /// The whole, once its last part has come.
    pub(crate) fn push(&mut self, number: u64, part: &Part) -> Result<Option<Bytes>, WireError> {
        let result = self.add(number, part);
        if result.is_err() {
            *self = Self::default();
        }
        result
    }

    fn add(&mut self, number: u64, part: &Part) -> Result<Option<Bytes>, WireError> {
        if part.bytes.len() > MAX_PART_BYTES {
            let reason = format_args!("has {} bytes, at most {MAX_PART_BYTES} are allowed", part.bytes.len());
            return Err(WireError::new(reason)).at("bytes");
        }
        if part.total > MAX_DELTA_BYTES as u64 {
            let reason = format_args!("is {}, at most {MAX_DELTA_BYTES} is allowed", part.total);
            return Err(WireError::new(reason)).at("total");
        }
        if part.offset == 0 {
            *self = Self { number, total: part.total, so_far: BytesMut::new() };
        } else if part.bytes.is_empty() {
            return Err(WireError::new("is empty")).at("bytes");
        }
        let so_far = self.so_far.len() as u64;
        if (number, part.total, part.offset) != (self.number, self.total, so_far) {
            let reason = format_args!(
                "{} of {} bytes of number {number} does not follow {so_far} of {} of {}",
                part.offset, part.total, self.total, self.number
            );
            return Err(WireError::new(reason)).at("offset");
        }
        self.so_far.extend_from_slice(&part.bytes);
        let so_far = self.so_far.len() as u64;
        if so_far > self.total {
            return Err(WireError::new(format_args!("are more than the {} announced", self.total)))
                .at("bytes");
        }
        Ok((so_far == self.total).then(|| std::mem::take(self).so_far.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        for length in [0, 1, MAX_PART_BYTES, MAX_PART_BYTES + 1, 3 * MAX_PART_BYTES] {
            let whole = Bytes::from((0..length).map(|n| u8::try_from(n % 251).unwrap()).collect::<Vec<_>>());
            let parts: Vec<Part> = split(&whole).collect();
            assert_eq!(parts.len(), length.div_ceil(MAX_PART_BYTES).max(1));
            let mut assembly = Assembly::default();
            let (last, first) = parts.split_last().unwrap();
            for part in first {
                assert_eq!(assembly.push(7, part), Ok(None));
            }
            assert_eq!(assembly.push(7, last), Ok(Some(whole)));
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_errors() {
        let part = |total, offset, length| Part { total, offset, bytes: vec![0; length].into() };
        let first = part(10, 0, 5);
        for (number, second, field) in [
            (7, part(10, 4, 5), "offset"),
            (7, part(10, 6, 5), "offset"),
            (7, part(11, 5, 5), "offset"),
            (8, part(10, 5, 5), "offset"),
            (7, part(10, 5, 6), "bytes"),
            (7, part(10, 5, 0), "bytes"),
            (7, part(u64::MAX, 5, 5), "total"),
            (7, part(10, 5, MAX_PART_BYTES + 1), "bytes"),
        ] {
            let mut assembly = Assembly::default();
            assert_eq!(assembly.push(7, &first), Ok(None));
            assert_eq!(assembly.push(number, &second).unwrap_err().field, field);
            // It begins anew after an error, and with a first part at any time.
            assert_eq!(assembly.push(9, &first), Ok(None));
            assert_eq!(assembly.push(9, &first), Ok(None));
            assert_eq!(assembly.push(9, &part(10, 5, 5)).unwrap().unwrap().len(), 10);
        }
        assert_eq!(Assembly::default().push(7, &part(10, 5, 5)).unwrap_err().field, "offset");
    }
}
