//! Prefixes as RFC 4271 section 4.3 writes them: a length in bits, then as many octets as hold these bits.

use ipnet::{Ipv4Net, Ipv6Net};

use crate::reader::Reader;

/// A prefix of one family on the wire.
pub(crate) trait Prefix: Sized {
    /// `None` when the length is more than the family has or the octets are missing. Bits behind the length are
    /// irrelevant (RFC 4271 section 4.3) and cleared.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    fn write(&self, out: &mut Vec<u8>);

    /// Octets that [`Prefix::write`] appends.
    fn wire_len(&self) -> usize;
}

/// All prefixes of a field; `None` when one is malformed.
pub(crate) fn decode_all<P: Prefix>(bytes: &[u8]) -> Option<Vec<P>> {
    let mut reader = Reader::new(bytes);
    let mut prefixes = Vec::new();
    while !reader.is_empty() {
        prefixes.push(P::read(&mut reader)?);
    }
    Some(prefixes)
}

pub(crate) fn encode_all<P: Prefix>(prefixes: &[P], out: &mut Vec<u8>) {
    for prefix in prefixes {
        prefix.write(out);
    }
}

fn read_octets<const N: usize>(reader: &mut Reader<'_>) -> Option<([u8; N], u8)> {
    let bits = reader.u8()?;
    let count = octets(bits);
    let mut address = [0; N];
    address.get_mut(..count)?.copy_from_slice(reader.take(count)?);
    Some((address, bits))
}

fn octets(bits: u8) -> usize {
    usize::from(bits).div_ceil(8)
}

impl Prefix for Ipv4Net {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (address, bits) = read_octets::<4>(reader)?;
        Some(Self::new(address.into(), bits).ok()?.trunc())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.prefix_len());
        out.extend_from_slice(&self.network().octets()[..octets(self.prefix_len())]);
    }

    fn wire_len(&self) -> usize {
        1 + octets(self.prefix_len())
    }
}

impl Prefix for Ipv6Net {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (address, bits) = read_octets::<16>(reader)?;
        Some(Self::new(address.into(), bits).ok()?.trunc())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.prefix_len());
        out.extend_from_slice(&self.network().octets()[..octets(self.prefix_len())]);
    }

    fn wire_len(&self) -> usize {
        1 + octets(self.prefix_len())
    }
}
