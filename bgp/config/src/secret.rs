//! Keys that are never shown.

use std::fmt;

/// A password or key of 1 to 80 octets, which is what the kernel takes for TCP-MD5 and for TCP-AO
/// (`TCP_MD5SIG_MAXKEYLEN`, `TCP_AO_MAXKEYLEN`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(String);

impl Password {
    /// The longest one, in octets.
    pub const MAX: usize = 80;

    /// `None` when it is empty or too long.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Option<Self> {
        let password = password.into();
        (1..=Self::MAX).contains(&password.len()).then_some(Self(password))
    }

    /// The octets of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
