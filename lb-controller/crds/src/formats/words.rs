//! Names and other texts.

use super::{Wrong, shown};

pub(super) fn plain(text: &str, max: usize) -> Result<(), Wrong> {
    not_empty(text)?;
    bounded(text, max)
}

pub(super) fn not_empty(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        Err(Wrong::new("is empty", "write a value, or leave the field out"))
    } else {
        Ok(())
    }
}

fn bounded(text: &str, max: usize) -> Result<(), Wrong> {
    if text.len() > max {
        return Err(Wrong::new(format!("has {} bytes", text.len()), format!("write at most {max}")));
    }
    Ok(())
}

pub(super) fn name(text: &str) -> Result<(), Wrong> {
    let remedy = "write the name of an object: lower-case letters, digits, `-` and `.`, at most 253";
    let fine = text.len() <= 253 && text.split('.').all(dns_label);
    if fine { Ok(()) } else { Err(Wrong::new(format!("{} is no name", shown(text)), remedy)) }
}

pub(super) fn namespace(text: &str) -> Result<(), Wrong> {
    let remedy = "write the name of a namespace: lower-case letters, digits and `-`, at most 63";
    let fine = text.len() <= 63 && dns_label(text);
    if fine { Ok(()) } else { Err(Wrong::new(format!("{} is no name", shown(text)), remedy)) }
}

/// Lower-case letters, digits and `-`, neither first nor last; RFC 1123.
fn dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

pub(super) fn secret_key(text: &str) -> Result<(), Wrong> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(inner) {
        return Ok(());
    }
    let remedy = "write letters, digits, `-`, `_` and `.`, at most 253";
    Err(Wrong::new(format!("{} is no key of a Secret", shown(text)), remedy))
}

/// A key of a label: a name of at most 63 characters, and a domain with `/` before it or not.
pub(crate) fn label_key(text: &str) -> Result<(), Wrong> {
    let (domain, part) = text.rsplit_once('/').map_or((None, text), |(domain, part)| (Some(domain), part));
    let fine =
        domain.is_none_or(|domain| name(domain).is_ok()) && !part.is_empty() && label_value(part).is_ok();
    if fine {
        return Ok(());
    }
    let remedy = "write a name as in app or example.com/app: letters, digits, `-`, `_` and `.`, at most 63";
    Err(Wrong::new(format!("{} is no name of this kind", shown(text)), remedy))
}

pub(crate) fn label_value(text: &str) -> Result<(), Wrong> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let ends = [text.bytes().next(), text.bytes().last()];
    let fine =
        text.len() <= 63 && text.bytes().all(inner) && ends.iter().flatten().all(u8::is_ascii_alphanumeric);
    if fine {
        return Ok(());
    }
    let remedy = "write letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends";
    Err(Wrong::new(format!("{} is no value of a label", shown(text)), remedy))
}

/// RFC 2385; the text is never part of an error.
pub(super) fn password(text: &str) -> Result<(), Wrong> {
    if (1..=80).contains(&text.len()) && !text.contains('\0') {
        return Ok(());
    }
    Err(Wrong::new(format!("a password of {} bytes", text.len()), "write 1 to 80 bytes, none of them zero"))
}

pub(super) fn http_path(text: &str) -> Result<(), Wrong> {
    if !text.starts_with('/') {
        return Err(Wrong::new(
            format!("{} does not start with `/`", shown(text)),
            "write a path as in /healthz",
        ));
    }
    visible(text, 4096, "percent-encode other characters")
}

pub(super) fn http_host(text: &str) -> Result<(), Wrong> {
    not_empty(text)?;
    visible(text, 255, "write a host name")
}

fn visible(text: &str, max: usize, remedy: &str) -> Result<(), Wrong> {
    bounded(text, max)?;
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(wrong) => Err(Wrong::new(format!("holds {wrong:?}, which is no visible ASCII"), remedy)),
        None => Ok(()),
    }
}

pub(super) fn digest(text: &str) -> Result<(), Wrong> {
    let fine = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if fine {
        return Ok(());
    }
    Err(Wrong::new(format!("{} is no digest", shown(text)), "write 64 hexadecimal digits in lower case"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "a-b.c", "0", &"a".repeat(253)] {
            name(good).unwrap();
        }
        for bad in ["", "A", "-a", "a.", "a..b", "a_b", &"a".repeat(254), "ä"] {
            name(bad).unwrap_err();
        }
        namespace("a.b").unwrap_err();
        for good in ["app", "example.com/app", "app.kubernetes.io/name", "A_b.c"] {
            label_key(good).unwrap();
        }
        for bad in ["", "/app", "example.com/", "a/b/c", "-a", &"a".repeat(64)] {
            label_key(bad).unwrap_err();
        }
    }

    #[test]
    fn passwords_are_not_repeated() {
        let secret = "s3cret".repeat(20);
        let wrong = password(&secret).unwrap_err();
        assert!(!format!("{wrong:?}").contains("s3cret"));
    }
}
