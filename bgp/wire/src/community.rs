//! Communities: standard (RFC 1997), extended (RFC 4360) and large (RFC 8092).

mod extended;
mod large;
mod standard;

use thiserror::Error;

pub use extended::{ExtendedCommunity, Transitivity};
pub use large::LargeCommunity;
pub use standard::Community;

/// A text is not a community.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not {expected}")]
pub struct CommunityError {
    text: String,
    expected: &'static str,
}

/// The two halves of `text` at the first colon.
fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_once(':')
}

/// Digits only: no sign, no blanks.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
