//! Names of things.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::limits::MAX_NAME_BYTES;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing.
    #[error("is empty: write a name of 1 to {MAX_NAME_BYTES} bytes")]
    Empty,
    /// Too much.
    #[error("has {0} bytes: a name has at most {MAX_NAME_BYTES}")]
    Long(usize),
    /// It would be taken for another one by people.
    #[error("starts or ends with white space: remove it")]
    Space,
    /// Nobody sees it.
    #[error("holds the unprintable character U+{:04X}: remove it", u32::from(*.0))]
    Unprintable(char),
}

/// The rules of the names of `guideway-dataplane-config`: 1 to 253 bytes, printable, no white space around them.
///
/// # Errors
///
/// See [`NameError`].
pub fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::Long(text.len()));
    }
    // Nearly all names.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    if text.trim() != text {
        return Err(NameError::Space);
    }
    text.chars().find(|c| is_unprintable(*c)).map_or(Ok(()), |c| Err(NameError::Unprintable(c)))
}

/// Control characters, line and paragraph separators, and the invisible ones that reorder or join text.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// 1 to 253 bytes, printable. A clone shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A name of this text.
            ///
            /// # Errors
            ///
            /// See [`NameError`].
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// What sorts before every name.
            #[allow(dead_code)] // not every kind of name is a part of a key
            pub(crate) fn lowest() -> Self {
                Self("".into())
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        /// Orders and hashes as its text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )*};
}

names! {
    /// The name of a backend set.
    SetName;
    /// The name of a VIP.
    VipName;
    /// The name of a shard.
    ShardName;
    /// The name of a forwarder: what its certificate says.
    ForwarderName;
    /// The name of a pool of addresses.
    PoolName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_short() {
        for (text, error) in [
            ("", Some(NameError::Empty)),
            ("a", None),
            ("shop/web/v4", None),
            (" a", Some(NameError::Space)),
            ("a\n", Some(NameError::Space)),
            ("a\u{7}b", Some(NameError::Unprintable('\u{7}'))),
            ("a\u{202e}b", Some(NameError::Unprintable('\u{202e}'))),
        ] {
            assert_eq!(SetName::new(text).err(), error, "{text:?}");
        }
        assert_eq!(SetName::new(&"a".repeat(254)), Err(NameError::Long(254)));
        assert!(SetName::new(&"a".repeat(253)).is_ok());
    }
}
