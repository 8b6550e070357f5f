//! Where a list goes on: base64url of JSON that names a revision and a key.
//!
//! Clients may not look into it, but those of Kubernetes are known to; so the form is the same.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};
use serde::{Deserialize, Serialize};

use crate::status::Status;

const FORM: &str = "meta.k8s.io/v1";

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continue {
    /// The revision at which the list is read; none: whatever is newest.
    pub revision: Option<u64>,
    /// Key of the store with which it goes on.
    pub start: String,
}

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(default)]
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
}

/// The token of a list of the keys with a prefix, read at a revision up to and with `last`.
pub fn format(revision: u64, last: &str, prefix: &str) -> String {
    encode(i64::try_from(revision).unwrap_or(i64::MAX), &format!("{}\0", relative(last, prefix)))
}

/// The token with which a list that expired goes on from the key `start`, with what is newest then.
pub fn inconsistent(start: &str, prefix: &str) -> String {
    encode(-1, relative(start, prefix))
}

/// Reads a token of a list of the keys with a prefix.
///
/// # Errors
///
/// 400: the server did not make it, or it leads out of the list.
pub fn parse(text: &str, prefix: &str) -> Result<Continue, Status> {
    let wrong =
        |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes =
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|error| wrong(&in_go_words(&error)))?;
    let decoded = guideway_schema::decode(&bytes).map_err(|error| wrong(&error.to_string()))?;
    let token: Token = serde_json::from_value(decoded.value).map_err(|error| wrong(&error.to_string()))?;
    if token.v != FORM {
        return Err(wrong(&format!("server does not recognize this encoded version {}", token.v)));
    }
    if token.start.is_empty() {
        return Err(wrong("encoded start key empty (version meta.k8s.io/v1)"));
    }
    if token.start.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(wrong(&token.start));
    }
    let revision = match token.rv {
        0 => return Err(wrong("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")),
        rv => u64::try_from(rv).ok(),
    };
    Ok(Continue { revision, start: format!("{prefix}{}", token.start.trim_start_matches('/')) })
}

/// What Kubernetes' decoder says.
fn in_go_words(error: &DecodeError) -> String {
    match error {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => {
            format!("illegal base64 data at input byte {at}")
        }
        DecodeError::InvalidLength(length) => format!("illegal base64 data at input byte {length}"),
        DecodeError::InvalidPadding => "illegal base64 data".to_owned(),
    }
}

fn relative<'a>(key: &'a str, prefix: &str) -> &'a str {
    key.strip_prefix(prefix).unwrap_or(key)
}

fn encode(rv: i64, start: &str) -> String {
    let token = Token { v: FORM.into(), rv, start: start.into() };
    // A struct of numbers and text can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_those_of_kubernetes() {
        let text = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NTU3NDcsInN0YXJ0IjoiZy1nZDI5OVx1MDAwMCJ9";
        let prefix = "/registry/core/configmaps/default/";
        assert_eq!(format(55747, "/registry/core/configmaps/default/g-gd299", prefix), text);
        let start = "/registry/core/configmaps/default/g-gd299\0".to_owned();
        assert_eq!(parse(text, prefix).unwrap(), Continue { revision: Some(55747), start });
    }

    #[test]
    fn other_tokens_are_refused() {
        let made = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for text in [
            "x!".to_owned(),
            made("{}"),
            made(r#"{"v":"meta.k8s.io/v2","rv":1,"start":"a"}"#),
            made(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
            made(r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#),
            made(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/a"}"#),
        ] {
            let status = parse(&text, "/registry/core/pods/").unwrap_err();
            assert_eq!((status.code, status.reason.as_str()), (400, "BadRequest"), "{text}");
        }
    }

    #[test]
    fn refusals_are_those_of_kubernetes() {
        let made = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for (text, words) in [
            ("%".to_owned(), "illegal base64 data at input byte 0"),
            (made("nope"), "invalid character 'o' in literal null (expecting 'u')"),
            (made(r#"{"v":"v9","rv":1,"start":"a"}"#), "server does not recognize this encoded version v9"),
            (made(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}"#), "../a"),
        ] {
            let status = parse(&text, "/registry/core/pods/").unwrap_err();
            assert_eq!(status.message, format!("invalid continue token: continue key is not valid: {words}"));
        }
    }

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(revision in 1..u64::MAX / 2, key in "[a-z0-9.-]{1,9}/x[a-z.]{1,9}") {
            prop_assume!(!key.starts_with("./") && !key.starts_with("../"));
            let prefix = "/registry/core/pods/";
            let last = format!("{prefix}{key}");
            let token = parse(&format(revision, &last, prefix), prefix).unwrap();
            prop_assert_eq!(token, Continue { revision: Some(revision), start: format!("{last}\0") });
            let token = parse(&inconsistent(&last, prefix), prefix).unwrap();
            prop_assert_eq!(token, Continue { revision: None, start: last });
        }

        #[test]
        fn nothing_panics(text in ".{0,80}") {
            let _ = parse(&text, "/registry/core/pods/");
        }
    }
}
