//! The standing as text: lines `KEY: VALUE`, the last one a checksum of those before it. Pure.

use std::hash::Hasher as _;

use guideway_controller_core::{Generation, Term};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::Kept;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

const TITLE: &str = "guideway-standing: 1";

/// A text that is no standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandingError {
    /// It was not written as one, or has changed since.
    #[error("it is not whole")]
    NotWhole,
    /// A line is missing or says something else.
    #[error("its line {0:?} is not as it should be")]
    Line(&'static str),
}

/// As a file holds it.
pub(super) fn encode(kept: Kept) -> String {
    let committed = match kept.committed {
        None => "none".to_owned(),
        Some(Stamp { generation, digest }) => format!("{generation} {digest}"),
    };
    let body = format!(
        "{TITLE}\nhighest-term: {}\nknown: {}\ncommitted: {committed}\n",
        kept.highest_term, kept.known
    );
    format!("{body}checksum: {:032x}\n", checksum(&body))
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(text: &str) -> Result<Kept, StandingError> {
    let (body, sum) = text.rsplit_once("checksum: ").ok_or(StandingError::NotWhole)?;
    let sum = sum.strip_suffix('\n').filter(|sum| *sum == format!("{:032x}", checksum(body)));
    sum.ok_or(StandingError::NotWhole)?;
    let mut lines = body.lines();
    if lines.next() != Some(TITLE) {
        return Err(StandingError::Line(TITLE));
    }
    let mut value = |key: &'static str| {
        let line = lines.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.ok_or(StandingError::Line(key))
    };
    let number = |key, text: &str| text.parse::<u64>().map_err(|_| StandingError::Line(key));
    let highest_term = Term(number("highest-term", value("highest-term")?)?);
    let known = Generation(number("known", value("known")?)?);
    let committed = match value("committed")? {
        "none" => None,
        text => {
            let (generation, digest) = text.split_once(' ').ok_or(StandingError::Line("committed"))?;
            let generation = Generation(number("committed", generation)?);
            let digest = digest.parse().map_err(|_| StandingError::Line("committed"))?;
            Some(Stamp { generation, digest })
        }
    };
    Ok(Kept { highest_term, known, committed })
}

/// Against accidents, not against forgers.
fn checksum(body: &str) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(body.as_bytes());
    hasher.finish128().as_u128()
}

#[cfg(test)]
mod tests {
    use guideway_controller_core::Digest;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_back(term: u64, known: u64, committed: Option<(u64, [u8; 32])>) {
            let committed = committed.map(|(generation, digest)| Stamp {
                generation: Generation(generation),
                digest: Digest::from_bytes(digest),
            });
            let kept = Kept { highest_term: Term(term), known: Generation(known), committed };
            prop_assert_eq!(decode(&encode(kept)), Ok(kept));
        }

        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = decode(&text);
            let _ = decode(&format!("{text}checksum: {:032x}\n", checksum(&text)));
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let text = encode(Kept { highest_term: Term(7), ..Kept::default() });
        for place in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[place] ^= 1;
            assert!(String::from_utf8(bad).map_or(true, |bad| decode(&bad).is_err()), "byte {place}");
            assert!(decode(&text[..place]).is_err(), "cut at {place}");
        }
    }
}
