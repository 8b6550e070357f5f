//! UPDATE (RFC 4271 section 4.3).

use ipnet::Ipv4Net;

use crate::Context;
use crate::attribute::{Attributes, MpUnreach};
use crate::error::{DecodeError, EncodeError};
use crate::family::Family;
use crate::nlri;
use crate::reader::Reader;

/// Routes that are withdrawn, and routes that are advertised with one set of path attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// IPv4 prefixes that are withdrawn.
    pub withdrawn: Vec<Ipv4Net>,
    /// Path attributes, those of the multiprotocol extensions included.
    pub attributes: Attributes,
    /// IPv4 prefixes that are advertised.
    pub nlri: Vec<Ipv4Net>,
}

impl Update {
    /// The End-of-RIB marker of `family` (RFC 4724 section 2).
    #[must_use]
    pub fn end_of_rib(family: Family) -> Self {
        let mut update = Self::default();
        if family == Family::Ipv6 {
            update.attributes.mp_unreach = Some(MpUnreach::Ipv6(Vec::new()));
        }
        update
    }

    /// The family whose End-of-RIB marker this is, if it is one.
    #[must_use]
    pub fn ends_rib_of(&self) -> Option<Family> {
        Family::ALL.into_iter().find(|family| *self == Self::end_of_rib(*family))
    }

    pub(crate) fn decode(body: &[u8], context: &Context) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        // RFC 4271 section 6.3: lengths that exceed the message are a malformed attribute list.
        let mut field = |what| {
            let length = reader.u16().ok_or(DecodeError::AttributeList(what))?;
            reader.take(usize::from(length)).ok_or(DecodeError::AttributeList(what))
        };
        let withdrawn = field("the withdrawn routes are longer than the message")?;
        let attributes = field("the path attributes are longer than the message")?;
        let withdrawn = nlri::decode_all(withdrawn).ok_or(DecodeError::NetworkField("withdrawn routes"))?;
        let nlri: Vec<_> = nlri::decode_all(reader.rest()).ok_or(DecodeError::NetworkField("NLRI"))?;
        let (attributes, survivable) = Attributes::decode(attributes, context)?;
        match survivable.or_else(|| attributes.missing(!nlri.is_empty())) {
            Some(error) => Err(error),
            None => Ok(Self { withdrawn, attributes, nlri }),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>, context: &Context) -> Result<(), EncodeError> {
        with_length(out, |out| nlri::encode_all(&self.withdrawn, out))?;
        with_length(out, |out| self.attributes.encode(out, context))?;
        nlri::encode_all(&self.nlri, out);
        Ok(())
    }
}

/// Appends what `write` writes, behind its length in two octets.
fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = out.len() - start - 2;
    let length = u16::try_from(length).map_err(|_| EncodeError::TooLong(out.len()))?;
    out[start..start + 2].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
