//! Formats of strings (`format`). Those that are not listed here are not checked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, civil::Date};

/// Whether a text has a format. Unknown formats allow everything.
pub(crate) fn matches(format: &str, text: &str) -> bool {
    match format {
        "byte" => STANDARD.decode(text).is_ok(),
        "date" => text.len() == 10 && Date::from_str(text).is_ok(),
        "date-time" | "datetime" => text.contains(['T', 't']) && Timestamp::from_str(text).is_ok(),
        "duration" => duration(text).is_some(),
        "ipv4" => Ipv4Addr::from_str(text).is_ok(),
        "ipv6" => Ipv6Addr::from_str(text).is_ok(),
        "ip" => IpAddr::from_str(text).is_ok(),
        "cidr" => cidr(text),
        "mac" => mac(text),
        "uuid" => uuid(text, None),
        "uuid3" => uuid(text, Some(b'3')),
        "uuid4" => uuid(text, Some(b'4')),
        "uuid5" => uuid(text, Some(b'5')),
        "hostname" => hostname(text),
        "email" => text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
        }),
        "uri" => uri(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => true,
    }
}

/// A duration as Go spells it (`1h30m`, `-1.5s`), in nanoseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let mut rest = unsigned;
    let mut total: f64 = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    if text.starts_with('-') {
        total = -total;
    }
    // About 292 years, as much as Go's durations hold.
    #[allow(clippy::cast_possible_truncation)] // within the bounds
    (total.abs() < 9.223e18).then_some(total as i64)
}

fn cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let Ok(address) = IpAddr::from_str(address) else { return false };
        let most = if address.is_ipv4() { 32 } else { 128 };
        !length.is_empty()
            && length.bytes().all(|byte| byte.is_ascii_digit())
            && length.parse::<u8>().is_ok_and(|length| length <= most)
    })
}

fn mac(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { ':' };
    let parts: Vec<&str> = text.split(separator).collect();
    matches!(parts.len(), 6 | 8 | 20)
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn uuid(text: &str, version: Option<u8>) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let dashes =
        text.bytes().enumerate().filter(|(_, byte)| *byte == b'-').all(|(at, _)| (8..=23).contains(&at));
    digits.len() == 32
        && dashes
        && digits.iter().all(u8::is_ascii_hexdigit)
        && version.is_none_or(|version| digits[12] == version)
}

/// RFC 1123, section 2.1.
fn hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// A URI with a scheme, or an absolute path, as Go's `url.ParseRequestURI` wants it.
fn uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return false;
    }
    text.starts_with('/')
        || text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        let cases: [(&str, &[&str], &[&str]); 14] = [
            ("byte", &["aGVsbG8=", ""], &["a", "!"]),
            ("date", &["2026-02-28"], &["2026-02-30", "x"]),
            ("date-time", &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+01:00"], &["2026-01-01", "x"]),
            ("duration", &["1h30m", "0", "1.5s", "-2us", "100ms"], &["", "1", "1x", "s", "h1"]),
            ("ipv4", &["10.0.0.1"], &["::1", "10.0.0.256"]),
            ("ipv6", &["::1"], &["10.0.0.1"]),
            ("cidr", &["10.0.0.0/8", "fc00::/7"], &["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8"]),
            ("mac", &["02:00:5e:10:00:00", "02-00-5E-10-00-00"], &["02:00", "x"]),
            ("uuid", &["a9af304f-580f-4aed-b7d8-6f08adc36e36"], &["a9af304f", "x"]),
            ("uuid4", &["a9af304f-580f-4aed-b7d8-6f08adc36e36"], &["a9af304f-580f-3aed-b7d8-6f08adc36e36"]),
            ("hostname", &["a.example.com", "a"], &["-a", "a..b", "a_b"]),
            ("uri", &["http://a/b", "/a", "urn:x"], &["a", "http://a b"]),
            ("email", &["a@b"], &["a", "@b"]),
            ("whatever", &["anything"], &[]),
        ];
        for (format, good, bad) in cases {
            assert!(good.iter().all(|text| matches(format, text)), "{format} {good:?}");
            assert!(!bad.iter().any(|text| matches(format, text)), "{format} {bad:?}");
        }
        assert_eq!(duration("1h30m"), Some(5_400_000_000_000));
    }
}
