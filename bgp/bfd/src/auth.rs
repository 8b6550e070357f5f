//! Authentication of packets (RFC 5880 sections 4.2 to 4.4 and 6.7): keys, and the section that they make.

mod section;

use thiserror::Error;

pub use section::{Section, Window, sign};

/// The kind of authentication, by its value on the wire (RFC 5880 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A password in clear text.
    Simple = 1,
    /// MD5; a packet may be repeated within a window.
    KeyedMd5 = 2,
    /// MD5; each packet has a sequence number of its own.
    MeticulousMd5 = 3,
    /// SHA1; a packet may be repeated within a window.
    KeyedSha1 = 4,
    /// SHA1; each packet has a sequence number of its own.
    MeticulousSha1 = 5,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Simple, Self::KeyedMd5, Self::MeticulousMd5, Self::KeyedSha1, Self::MeticulousSha1];

    /// The longest secret, in octets (RFC 5880 sections 4.2 to 4.4).
    #[must_use]
    pub const fn longest_secret(self) -> usize {
        match self {
            Self::Simple | Self::KeyedMd5 | Self::MeticulousMd5 => 16,
            Self::KeyedSha1 | Self::MeticulousSha1 => 20,
        }
    }

    /// Octets of the digest; a password has none.
    pub(crate) const fn digest_len(self) -> Option<usize> {
        match self {
            Self::Simple => None,
            Self::KeyedMd5 | Self::MeticulousMd5 => Some(16),
            Self::KeyedSha1 | Self::MeticulousSha1 => Some(20),
        }
    }

    /// Whether every packet has a sequence number of its own.
    pub(crate) const fn is_meticulous(self) -> bool {
        matches!(self, Self::MeticulousMd5 | Self::MeticulousSha1)
    }

    /// From the field of the packet.
    #[must_use]
    pub fn from_wire(value: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == value)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::KeyedMd5 => "keyed-md5",
            Self::MeticulousMd5 => "meticulous-md5",
            Self::KeyedSha1 => "keyed-sha1",
            Self::MeticulousSha1 => "meticulous-sha1",
        })
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or(UnknownKind)
    }
}

/// No kind has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write simple, keyed-md5, meticulous-md5, keyed-sha1 or meticulous-sha1")]
pub struct UnknownKind;

/// A secret with its number.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: u8,
    length: u8,
    /// Filled up with zeros, which is how the digests take it (RFC 5880 sections 4.3 and 4.4).
    secret: [u8; 20],
}

impl Key {
    pub(crate) const LONGEST: usize = 20;

    /// The number of the key.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret[..usize::from(self.length)]
    }

    pub(crate) const fn padded(&self) -> &[u8; 20] {
        &self.secret
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, ...)", self.id)
    }
}

/// How a session authenticates its packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    kind: Kind,
    keys: Vec<Key>,
}

/// Why an authentication cannot be configured so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthenticationError {
    /// There is no key.
    #[error("authentication needs at least one key")]
    NoKey,
    /// More keys than a rotation can need.
    #[error("more than {max} keys", max = Authentication::MAX_KEYS)]
    TooManyKeys,
    /// A secret is empty or too long.
    #[error("the secret of key {id} has {length} octets; {kind} takes 1 to {}", kind.longest_secret())]
    Secret {
        /// The number of the key.
        id: u8,
        /// Its length in octets.
        length: usize,
        /// The kind of authentication.
        kind: Kind,
    },
    /// Two keys have the same number.
    #[error("key {0} is there twice")]
    Twice(u8),
}

impl Authentication {
    /// How many keys there may be.
    pub const MAX_KEYS: usize = 8;

    /// Packets are sent with the first key, and received with each: a rotation adds the new key last on both sides, then
    /// puts it first on both, then removes the old one.
    ///
    /// # Errors
    ///
    /// When a key does not fit the kind, or there are none or too many.
    pub fn new<S: AsRef<[u8]>>(
        kind: Kind,
        keys: impl IntoIterator<Item = (u8, S)>,
    ) -> Result<Self, AuthenticationError> {
        let mut list: Vec<Key> = Vec::new();
        for (id, secret) in keys {
            let octets = secret.as_ref();
            let length = octets.len();
            if length == 0 || length > kind.longest_secret() {
                return Err(AuthenticationError::Secret { id, length, kind });
            }
            if list.iter().any(|key| key.id == id) {
                return Err(AuthenticationError::Twice(id));
            }
            if list.len() == Self::MAX_KEYS {
                return Err(AuthenticationError::TooManyKeys);
            }
            let mut secret = [0; Key::LONGEST];
            secret[..length].copy_from_slice(octets);
            list.push(Key { id, length: u8::try_from(length).unwrap_or(u8::MAX), secret });
        }
        if list.is_empty() {
            return Err(AuthenticationError::NoKey);
        }
        Ok(Self { kind, keys: list })
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The keys, the one to send with first. There is at least one.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        let new = |kind, keys: &[(u8, &str)]| Authentication::new(kind, keys.iter().copied());
        assert_eq!(new(Kind::Simple, &[]), Err(AuthenticationError::NoKey));
        assert_eq!(new(Kind::KeyedMd5, &[(1, "a"), (1, "b")]), Err(AuthenticationError::Twice(1)));
        let long = "x".repeat(17);
        assert_eq!(
            new(Kind::KeyedMd5, &[(3, &long)]).unwrap_err().to_string(),
            "the secret of key 3 has 17 octets; keyed-md5 takes 1 to 16"
        );
        assert!(new(Kind::KeyedSha1, &[(3, &long)]).is_ok());
        assert!(new(Kind::Simple, &[(3, "")]).is_err());
        let many: Vec<_> = (0..9).map(|id| (id, "x")).collect();
        assert_eq!(new(Kind::Simple, &many), Err(AuthenticationError::TooManyKeys));
    }

    #[test]
    fn kinds_have_names() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(Kind::from_wire(kind as u8), Some(kind));
        }
        assert_eq!(Kind::from_wire(0), None);
        assert!("sha1".parse::<Kind>().is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let authentication = Authentication::new(Kind::Simple, [(1, "geheim")]).unwrap();
        assert!(!format!("{authentication:?}").contains("geheim"));
        assert_eq!(authentication.keys()[0].secret(), b"geheim");
    }
}
