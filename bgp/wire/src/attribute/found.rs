//! One attribute as it stands in a message, and the rules that hold for all of them.

use crate::error::DecodeError;
use crate::iana::{attribute as kind, attribute_flag as flag};
use crate::reader::Reader;

/// Flags, type and value of an attribute.
pub(crate) struct Found<'a> {
    pub(crate) flags: u8,
    pub(crate) kind: u8,
    pub(crate) value: &'a [u8],
    /// Flags, type, length and value.
    raw: &'a [u8],
}

impl<'a> Found<'a> {
    /// RFC 7606 section 4: fewer octets than an attribute has, or than its length says, are an overrun.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.rest();
        let flags = reader.u8();
        let kind = reader.u8();
        let (Some(flags), Some(kind)) = (flags, kind) else {
            return Err(DecodeError::AttributeOverrun(kind.unwrap_or_default()));
        };
        let overrun = || DecodeError::AttributeOverrun(kind);
        let length =
            if flags & flag::EXTENDED_LENGTH != 0 { reader.u16() } else { reader.u8().map(u16::from) };
        let value = reader.take(usize::from(length.ok_or_else(overrun)?)).ok_or_else(overrun)?;
        Ok(Self { flags, kind, value, raw: &start[..start.len() - reader.rest().len()] })
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        self.raw.to_vec()
    }

    /// The bits that say what class of attribute this is, without the encoding of the length.
    pub(super) fn class(&self) -> u8 {
        self.flags & (flag::OPTIONAL | flag::TRANSITIVE | flag::PARTIAL)
    }

    /// RFC 4271 sections 4.3 and 6.3. The Partial bit is not looked at: RFC 7606 section 3 (c) speaks of the other two
    /// only.
    pub(super) fn has_expected_flags(&self) -> bool {
        expected_flags(self.kind)
            .is_none_or(|expected| self.flags & (flag::OPTIONAL | flag::TRANSITIVE) == expected)
    }

    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        self.value.try_into().map_err(|_| self.bad_length())
    }

    /// The value as entries of `N` octets; at least one.
    pub(super) fn entries<const N: usize>(
        &self,
    ) -> Result<impl Iterator<Item = [u8; N]> + use<'a, N>, DecodeError> {
        match self.value.as_chunks::<N>() {
            (entries @ [_, ..], []) => Ok(entries.iter().copied()),
            _ => Err(self.bad_length()),
        }
    }

    fn bad_length(&self) -> DecodeError {
        DecodeError::AttributeLength(self.raw())
    }
}

/// The optional and transitive bits that an attribute must have; `None` for one that is not known.
pub(super) fn expected_flags(kind: u8) -> Option<u8> {
    match kind {
        kind::ORIGIN | kind::AS_PATH | kind::NEXT_HOP | kind::LOCAL_PREF | kind::ATOMIC_AGGREGATE => {
            Some(flag::TRANSITIVE)
        }
        kind::MED
        | kind::ORIGINATOR_ID
        | kind::CLUSTER_LIST
        | kind::MP_REACH
        | kind::MP_UNREACH
        | kind::AIGP => Some(flag::OPTIONAL),
        kind::AGGREGATOR
        | kind::COMMUNITIES
        | kind::EXTENDED_COMMUNITIES
        | kind::AS4_PATH
        | kind::AS4_AGGREGATOR
        | kind::IPV6_EXTENDED_COMMUNITIES
        | kind::LARGE_COMMUNITIES
        | kind::ONLY_TO_CUSTOMER => Some(flag::OPTIONAL | flag::TRANSITIVE),
        _ => None,
    }
}
