//! AS_PATH (RFC 4271 section 4.3, RFC 5065, RFC 6793).

use std::fmt;

use crate::AsWidth;
use crate::error::DecodeError;
use crate::iana::{AS_TRANS, as_segment};
use crate::reader::Reader;

/// The autonomous systems that a route went through, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AsPath {
    /// Segments in order.
    pub segments: Vec<AsSegment>,
}

/// A part of an AS_PATH; not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AsSegment {
    /// Set or sequence.
    pub kind: SegmentKind,
    /// AS numbers; never empty in a decoded path and never 0. More than 255 are written as several segments.
    pub asns: Vec<u32>,
}

/// Whether the order of a segment means something, and whether it stays inside a confederation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Unordered.
    Set,
    /// Ordered.
    Sequence,
    /// Ordered members of the own confederation (RFC 5065).
    ConfedSequence,
    /// Unordered members of the own confederation.
    ConfedSet,
}

impl SegmentKind {
    /// True for the segments of a confederation.
    #[must_use]
    pub fn is_confederation(self) -> bool {
        matches!(self, Self::ConfedSequence | Self::ConfedSet)
    }

    fn value(self) -> u8 {
        match self {
            Self::Set => as_segment::SET,
            Self::Sequence => as_segment::SEQUENCE,
            Self::ConfedSequence => as_segment::CONFED_SEQUENCE,
            Self::ConfedSet => as_segment::CONFED_SET,
        }
    }

    fn from_value(value: u8) -> Option<Self> {
        [Self::Set, Self::Sequence, Self::ConfedSequence, Self::ConfedSet]
            .into_iter()
            .find(|kind| kind.value() == value)
    }
}

impl AsPath {
    /// The path of a route that `asn` originates towards an external peer.
    #[must_use]
    pub fn originated_by(asn: u32) -> Self {
        Self { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns: vec![asn] }] }
    }

    /// The length that counts when routes are compared: a set counts once (RFC 4271 section 9.1.2.2), the confederation
    /// not at all (RFC 5065 section 5.3).
    #[must_use]
    pub fn hops(&self) -> usize {
        self.segments.iter().map(AsSegment::hops).sum()
    }

    /// RFC 7606 section 7.2 says what is malformed; RFC 7607 section 2 adds AS 0.
    pub(super) fn decode(value: &[u8], width: AsWidth) -> Result<Self, DecodeError> {
        let cut_off = DecodeError::AsPath("a segment is cut off");
        let mut reader = Reader::new(value);
        let mut segments = Vec::new();
        while !reader.is_empty() {
            let kind = reader.u8().and_then(SegmentKind::from_value);
            let kind = kind.ok_or(DecodeError::AsPath("unknown segment type"))?;
            let count = reader.u8().ok_or_else(|| cut_off.clone())?;
            if count == 0 {
                return Err(DecodeError::AsPath("a segment is empty"));
            }
            let octets = reader.take(usize::from(count) * width.octets()).ok_or_else(|| cut_off.clone())?;
            let asns: Vec<u32> = octets
                .chunks_exact(width.octets())
                .map(|asn| asn.iter().fold(0, |asn, octet| asn << 8 | u32::from(*octet)))
                .collect();
            if asns.contains(&0) {
                return Err(DecodeError::AsPath("AS 0 is in it"));
            }
            segments.push(AsSegment { kind, asns });
        }
        Ok(Self { segments })
    }

    pub(super) fn encode(&self, width: AsWidth, out: &mut Vec<u8>) {
        for segment in &self.segments {
            segment.encode(width, out);
        }
    }

    pub(super) fn has_confederation(&self) -> bool {
        self.segments.iter().any(|segment| segment.kind.is_confederation())
    }

    /// True when a number of the path has no room in two octets.
    pub(super) fn needs_four_octets(&self) -> bool {
        self.segments.iter().flat_map(|segment| &segment.asns).any(|asn| *asn > u32::from(u16::MAX))
    }
}

impl AsSegment {
    pub(super) fn hops(&self) -> usize {
        match self.kind {
            SegmentKind::Sequence => self.asns.len(),
            SegmentKind::Set => 1,
            SegmentKind::ConfedSequence | SegmentKind::ConfedSet => 0,
        }
    }

    pub(super) fn encode(&self, width: AsWidth, out: &mut Vec<u8>) {
        for asns in self.asns.chunks(255) {
            out.extend_from_slice(&[self.kind.value(), u8::try_from(asns.len()).unwrap_or(u8::MAX)]);
            for asn in asns {
                match width {
                    AsWidth::Two => {
                        out.extend_from_slice(&u16::try_from(*asn).unwrap_or(AS_TRANS).to_be_bytes());
                    }
                    AsWidth::Four => out.extend_from_slice(&asn.to_be_bytes()),
                }
            }
        }
    }
}

impl fmt::Display for AsPath {
    /// As operators write it: `65001 65002 {65003,65004} (65005)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            let (open, separator, close) = match segment.kind {
                SegmentKind::Sequence => ("", " ", ""),
                SegmentKind::Set => ("{", ",", "}"),
                SegmentKind::ConfedSequence => ("(", " ", ")"),
                SegmentKind::ConfedSet => ("[", ",", "]"),
            };
            let asns: Vec<String> = segment.asns.iter().map(ToString::to_string).collect();
            let blank = if index == 0 { "" } else { " " };
            write!(f, "{blank}{open}{}{close}", asns.join(separator))?;
        }
        Ok(())
    }
}
