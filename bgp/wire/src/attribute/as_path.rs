//! AS_PATH (RFC 4271 section 4.3, RFC 6793).

use crate::AsWidth;
use crate::error::DecodeError;
use crate::iana::{AS_TRANS, as_segment};
use crate::reader::Reader;

/// The autonomous systems that a route went through, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AsPath {
    /// Segments in order.
    pub segments: Vec<AsSegment>,
}

/// A part of an AS_PATH; not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsSegment {
    /// Set or sequence.
    pub kind: SegmentKind,
    /// AS numbers; never empty in a decoded path. More than 255 are written as several segments.
    pub asns: Vec<u32>,
}

/// Whether the order of a segment means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// Unordered.
    Set,
    /// Ordered.
    Sequence,
}

impl AsPath {
    /// The path of a route that `asn` originates towards an external peer.
    #[must_use]
    pub fn originated_by(asn: u32) -> Self {
        Self { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns: vec![asn] }] }
    }

    pub(super) fn decode(value: &[u8], width: AsWidth) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(value);
        let mut segments = Vec::new();
        while !reader.is_empty() {
            let kind = match reader.u8() {
                Some(as_segment::SET) => SegmentKind::Set,
                Some(as_segment::SEQUENCE) => SegmentKind::Sequence,
                _ => return Err(DecodeError::AsPath("unknown segment type")),
            };
            let count = reader.u8().ok_or(DecodeError::AsPath("a segment is cut off"))?;
            if count == 0 {
                // RFC 7606 section 7.2.
                return Err(DecodeError::AsPath("a segment is empty"));
            }
            let asns = (0..count).map(|_| match width {
                AsWidth::Two => reader.u16().map(u32::from),
                AsWidth::Four => reader.u32(),
            });
            let asns = asns.collect::<Option<Vec<_>>>().ok_or(DecodeError::AsPath("a segment is cut off"))?;
            segments.push(AsSegment { kind, asns });
        }
        Ok(Self { segments })
    }

    pub(super) fn encode(&self, width: AsWidth) -> Vec<u8> {
        let mut out = Vec::new();
        for segment in &self.segments {
            let kind = match segment.kind {
                SegmentKind::Set => as_segment::SET,
                SegmentKind::Sequence => as_segment::SEQUENCE,
            };
            for asns in segment.asns.chunks(255) {
                out.extend_from_slice(&[kind, u8::try_from(asns.len()).unwrap_or(u8::MAX)]);
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
        out
    }

    /// True when a number of the path has no room in two octets.
    pub(super) fn needs_four_octets(&self) -> bool {
        self.segments.iter().flat_map(|segment| &segment.asns).any(|asn| *asn > u32::from(u16::MAX))
    }
}
