//! The digest of a content.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What stands for a content: two contents with the same digest are the same.
///
/// It is the sum, modulo 2^256, of the SHA-256 of every item, each over the seed and the item's canonical bytes. Addition
/// has neither an order nor a history, and a change subtracts the old item and adds the new one, so that it costs what it
/// changes. The seed is secret: who does not know it cannot look for items whose sums meet, and a digest tells nobody
/// anything about the content. The bytes of an item are a matter of the version of this crate; a table of them stands in
/// its tests.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// From its 32 bytes, the most significant one first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, the most significant one first.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The first 16 of its 64 hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(16);
        text
    }

    /// The sum modulo 2^256.
    pub(crate) fn plus(self, other: Self) -> Self {
        let mut sum = [0; 32];
        let limbs = self.0.as_chunks().0.iter().zip(other.0.as_chunks().0);
        let mut carry = false;
        for (limb, (a, b)) in sum.as_chunks_mut().0.iter_mut().zip(limbs).rev() {
            let (total, over) = u64::from_be_bytes(*a).carrying_add(u64::from_be_bytes(*b), carry);
            *limb = total.to_be_bytes();
            carry = over;
        }
        Self(sum)
    }

    /// The difference modulo 2^256.
    pub(crate) fn minus(self, other: Self) -> Self {
        // -x = !x + 1
        let mut one = [0; 32];
        one[31] = 1;
        self.plus(Self(other.0.map(|byte| !byte))).plus(Self(one))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a digest has 64 hexadecimal digits")]
pub struct ParseDigestError;

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err(ParseDigestError);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or(ParseDigestError)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_wrap() {
        let one = Digest::default().minus(Digest([0xff; 32]));
        assert_eq!(one.bytes()[31], 1);
        assert_eq!(Digest([0xff; 32]).plus(one), Digest::default());
        let mut carried = [0; 32];
        carried[30] = 1;
        let mut low = [0; 32];
        low[31] = 0xff;
        assert_eq!(Digest(low).plus(one), Digest(carried));
    }

    proptest! {
        #[test]
        fn sums_have_no_order_and_differences_undo_them(a: [u8; 32], b: [u8; 32], c: [u8; 32]) {
            let [a, b, c] = [a, b, c].map(Digest);
            prop_assert_eq!(a.plus(b).plus(c), c.plus(a).plus(b));
            prop_assert_eq!(a.plus(b).minus(b), a);
            prop_assert_eq!(a.to_string().parse(), Ok(a));
        }
    }
}
