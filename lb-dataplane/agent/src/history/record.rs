//! A configuration of the history as bytes: a head of lines `KEY: VALUE`, an empty line, the text of the configuration.
//! Pure.

use std::hash::Hasher as _;
use std::num::ParseIntError;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

const TITLE: &str = "guideway-history: 1";

/// A configuration that was in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// That it came into force with.
    pub generation: u64,
    /// Of that generation.
    pub digest: u64,
    /// When, in milliseconds of Unix time.
    pub at_unix_ms: u64,
    /// What it has and where it came from: a line for people.
    pub summary: String,
    /// The configuration as it was read.
    pub text: String,
}

/// Bytes that are no [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The beginning is not that of a file of the history, or of another version's.
    #[error("it is no file of the history")]
    NotAHistory,
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// The head lacks a line, or has them in another order.
    #[error("its head has no {0:?} where it should")]
    Missing(&'static str),
    /// A number is none.
    #[error("its {key:?} is no number")]
    Number {
        /// Of the line.
        key: &'static str,
        /// Why.
        #[source]
        source: ParseIntError,
    },
    /// The checksum is another one.
    #[error("its content has changed since it was written")]
    Checksum,
}

impl Entry {
    /// As a file holds it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body();
        format!("{TITLE}\nchecksum: {:032x}\n{body}", checksum(&body)).into_bytes()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// See [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if !bytes.starts_with(TITLE.as_bytes()) {
            return Err(DecodeError::NotAHistory);
        }
        let text = str::from_utf8(bytes).map_err(|_| DecodeError::NotText)?;
        let rest = text.strip_prefix(TITLE).and_then(|rest| rest.strip_prefix('\n'));
        let rest = rest.ok_or(DecodeError::NotAHistory)?;
        let (sum, body) = line(rest, "checksum")?;
        let sum = u128::from_str_radix(sum, 16)
            .map_err(|source| DecodeError::Number { key: "checksum", source })?;
        if sum != checksum(body) {
            return Err(DecodeError::Checksum);
        }
        let number = |key, value: &str, radix| {
            u64::from_str_radix(value, radix).map_err(|source| DecodeError::Number { key, source })
        };
        let (generation, rest) = line(body, "generation")?;
        let (digest, rest) = line(rest, "digest")?;
        let (at, rest) = line(rest, "at-unix-ms")?;
        let (summary, rest) = line(rest, "summary")?;
        let text = rest.strip_prefix('\n').ok_or(DecodeError::Missing("empty line"))?;
        Ok(Self {
            generation: number("generation", generation, 10)?,
            digest: number("digest", digest, 16)?,
            at_unix_ms: number("at-unix-ms", at, 10)?,
            summary: summary.to_owned(),
            text: text.to_owned(),
        })
    }

    fn body(&self) -> String {
        let Self { generation, digest, at_unix_ms, summary, text } = self;
        // The head has one line for it.
        let summary = summary.replace('\n', " ");
        format!(
            "generation: {generation}\ndigest: {digest:016x}\nat-unix-ms: {at_unix_ms}\nsummary: {summary}\n\n{text}"
        )
    }
}

/// The value of the first line, whose key is known, and what follows.
fn line<'a>(text: &'a str, key: &'static str) -> Result<(&'a str, &'a str), DecodeError> {
    let missing = || DecodeError::Missing(key);
    let (line, rest) = text.split_once('\n').ok_or_else(missing)?;
    let value = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(": ")).ok_or_else(missing)?;
    Ok((value, rest))
}

/// Against accidents, not against forgers: who can write these files can write the configuration.
fn checksum(body: &str) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(body.as_bytes());
    hasher.finish128().as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> Entry {
        Entry {
            generation: 7,
            digest: 0xabcd,
            at_unix_ms: 1_700_000_000_123,
            summary: "2 VIPs".to_owned(),
            text: "seed: x\n\nvips: []\n".to_owned(),
        }
    }

    #[test]
    fn is_readable() {
        let text = String::from_utf8(entry().encode()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2..6],
            ["generation: 7", "digest: 000000000000abcd", "at-unix-ms: 1700000000123", "summary: 2 VIPs"]
        );
        assert!(text.ends_with("\n\nseed: x\n\nvips: []\n"));
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = entry().encode();
        for place in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[place] ^= 1;
            assert!(Entry::decode(&bad).is_err(), "byte {place}");
            assert!(Entry::decode(&bytes[..place]).is_err(), "cut at {place}");
        }
        assert_eq!(Entry::decode(b""), Err(DecodeError::NotAHistory));
    }

    proptest! {
        #[test]
        fn comes_back(generation: u64, digest: u64, at_unix_ms: u64, summary in "[^\n]*", text in "(?s).*") {
            let entry = Entry { generation, digest, at_unix_ms, summary, text };
            prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Entry::decode(&bytes);
            let _ = Entry::decode(&[TITLE.as_bytes(), b"\n", &bytes].concat());
        }
    }
}
