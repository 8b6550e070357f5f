use std::fmt;

/// Names for communities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Name and value; each name once.
    pub aliases: Vec<(String, CommunityValue)>,
}

/// A BGP community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommunityValue {
    /// RFC 1997.
    Standard(u16, u16),
    /// RFC 8092.
    Large(u32, u32, u32),
}

/// As `bgp-speaker` writes it.
impl fmt::Display for CommunityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(high, low) => write!(f, "{high}:{low}"),
            Self::Large(global, first, second) => write!(f, "{global}:{first}:{second}"),
        }
    }
}

/// A community, or the name of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityName {
    /// The community itself.
    Value(CommunityValue),
    /// What a Community resource names.
    Alias(String),
}
