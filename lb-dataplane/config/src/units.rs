//! What single values accept. Each function takes a scalar and answers with the typed value or with the reason.

mod address;

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::read::{Scalar, shown};
use crate::suggest::did_you_mean;
use crate::types::{BitRate, ControllerAddress, InterfaceName, MacAddress, Ports, Seed};

pub(crate) use address::{
    check_source, check_unicast, check_vip_address, source, source_v4, source_v6, unicast, vip_address,
};

pub(crate) type Parsed<T> = Result<T, String>;

/// `sockaddr_un` holds 108 bytes, the last of them zero.
const MAX_SOCKET_PATH: usize = 107;
/// `PATH_MAX` with its final zero.
const MAX_PATH: usize = 4095;

pub(crate) fn seed(scalar: &Scalar<'_>) -> Parsed<Seed> {
    let text = scalar.text;
    let wanted = "write 32 hexadecimal digits (128 bits)";
    let count = text.chars().count();
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!("{wrong:?} is no hexadecimal digit: {wanted}"));
    }
    u128::from_str_radix(text, 16)
        .ok()
        .filter(|_| count == 32)
        .map(|bits| Seed(bits.to_be_bytes()))
        .ok_or_else(|| format!("\"{}\" has {count} characters: {wanted}", shown(text)))
}

pub(crate) fn interface_name(scalar: &Scalar<'_>) -> Parsed<InterfaceName> {
    let text = scalar.text;
    let wanted = "an interface name has 1 to 15 bytes, no `/`, no `:` and no white space";
    if text.is_empty() || text.len() > 15 {
        return Err(format!("\"{}\" has {} bytes: {wanted}", shown(text), text.len()));
    }
    if let Some(wrong) = text.chars().find(|c| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control())
    {
        return Err(format!("{wrong:?} cannot be part of it: {wanted}"));
    }
    if matches!(text, "." | "..") {
        return Err(format!("\"{text}\" cannot be the name of an interface"));
    }
    Ok(InterfaceName(text.to_owned()))
}

pub(crate) fn mac(scalar: &Scalar<'_>) -> Parsed<MacAddress> {
    let text = scalar.text;
    let wanted = "write six pairs of hexadecimal digits as in \"02:00:00:00:00:01\"";
    let malformed = || format!("\"{}\" is no MAC address: {wanted}", shown(text));
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().ok_or_else(malformed)?;
        if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        *byte = u8::from_str_radix(part, 16).map_err(|_| malformed())?;
    }
    if parts.next().is_some() {
        return Err(malformed());
    }
    if bytes == [0; 6] {
        return Err("all zeroes is no router's address: write the one that `ip neighbour` shows".to_owned());
    }
    if bytes[0] & 1 != 0 {
        return Err(format!(
            "{text} is a group address (the lowest bit of the first byte is set), write a unicast one"
        ));
    }
    Ok(MacAddress(bytes))
}

/// A decimal number within `allowed`.
pub(crate) fn number<T>(allowed: RangeInclusive<T>) -> impl Fn(&Scalar<'_>) -> Parsed<T>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    move |scalar| {
        let text = scalar.text;
        let (low, high) = (allowed.start(), allowed.end());
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("\"{}\" is no whole number: write one from {low} to {high}", shown(text)));
        }
        if scalar.quoted {
            return Err(format!("\"{}\" is a text in quotes: write the number without them", shown(text)));
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(format!(
                "{} starts with a zero, which some read as octal: leave it out",
                shown(text)
            ));
        }
        text.parse::<u64>()
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| allowed.contains(number))
            .ok_or_else(|| format!("{} is out of range: {low} to {high}", shown(text)))
    }
}

/// The ports of a VIP: a number, `first-last` or `any`.
pub(crate) fn ports(scalar: &Scalar<'_>) -> Parsed<Ports> {
    let text = scalar.text;
    if text == "any" {
        return Ok(Ports::Any);
    }
    let (first, last) = match text.split_once('-') {
        Some((first, last)) if !first.is_empty() => (first, last),
        _ => {
            return number(1..=u16::MAX)(scalar).map(Ports::One).map_err(|reason| {
                if scalar.quoted { reason } else { format!("{reason}, a range as in 8000-8999, or `any`") }
            });
        }
    };
    let port = |part: &str| {
        number(1..=u16::MAX)(&Scalar { text: part, quoted: false }).map_err(|_| {
            format!("\"{}\" is no range of ports from 1 to 65535: write one as in 8000-8999", shown(text))
        })
    };
    match (port(first)?, port(last)?) {
        (first, last) if first < last => Ok(Ports::Range(first, last)),
        (first, last) if first == last => Err(format!("{} is one port: write {first}", shown(text))),
        (first, last) => Err(format!("{} has no ports in it: write {last}-{first}", shown(text))),
    }
}

/// A duration within `allowed`, such as `500ms`, `1s` or `1m30s`.
pub(crate) fn duration(allowed: RangeInclusive<Duration>) -> impl Fn(&Scalar<'_>) -> Parsed<Duration> {
    move |scalar| {
        let text = scalar.text;
        let value = parse_duration(text).ok_or_else(|| {
            format!("\"{}\" is no duration: write one as in 500ms, 1s or 1m30s", shown(text))
        })?;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let (low, high) = (show_duration(*allowed.start()), show_duration(*allowed.end()));
        Err(format!("{} is out of range: {low} to {high}", shown(text)))
    }
}

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Whole numbers with units, the units from large to small, none twice.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut units = UNITS.iter();
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() || rest.len() == text.len() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = rest[..rest.len() - after.len()].parse().ok()?;
        let unit_length = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (_, millis) = units.find(|(name, _)| *name == &after[..unit_length])?;
        total = total.checked_add(number.checked_mul(*millis)?)?;
        rest = &after[unit_length..];
    }
    Some(Duration::from_millis(total))
}

/// A duration as the file would write it.
/// The fastest interface that is thought of, in bits per second.
const MAX_BIT_RATE: u64 = 10_000_000_000_000;

pub(crate) fn bit_rate(scalar: &Scalar<'_>) -> Parsed<BitRate> {
    const UNITS: [(&str, u64); 3] =
        [("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000), ("Tbit/s", 1_000_000_000_000)];
    let text = scalar.text;
    let rate = UNITS.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit)?.trim_end();
        let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u64>().ok()?.checked_mul(*factor)
    });
    rate.filter(|rate| (1..=MAX_BIT_RATE).contains(rate)).map(|bits_per_second| BitRate { bits_per_second }).ok_or_else(
        || format!("\"{}\" is no rate up to 10 Tbit/s: write a whole number with a unit, as in 25Gbit/s or 2500Mbit/s", shown(text)),
    )
}

pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    UNITS
        .iter()
        .find(|(_, unit)| millis > 0 && millis.is_multiple_of(u128::from(*unit)))
        .map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / u128::from(*unit)))
}

/// `true` or `false`.
pub(crate) fn boolean(scalar: &Scalar<'_>) -> Parsed<bool> {
    if scalar.quoted {
        return Err(format!(
            "\"{}\" is a text in quotes: write true or false without them",
            shown(scalar.text)
        ));
    }
    one_of(&[("true", true), ("false", false)])(scalar)
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(choices: &'static [(&'static str, T)]) -> impl Fn(&Scalar<'_>) -> Parsed<T> {
    move |scalar| {
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == scalar.text) {
            return Ok(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let hint = did_you_mean(scalar.text, names.iter().copied());
        Err(format!("\"{}\" is not one of {}{hint}", shown(scalar.text), names.join(", ")))
    }
}

/// The name of a VIP, a set or a backend.
pub(crate) fn name(scalar: &Scalar<'_>) -> Parsed<String> {
    check_name(scalar.text).map(|()| scalar.text.to_owned())
}

pub(crate) fn check_name(text: &str) -> Parsed<()> {
    if text.is_empty() {
        return Err("is empty: write a name of 1 to 253 bytes".to_owned());
    }
    if text.len() > 253 {
        return Err(format!("has {} bytes: a name has at most 253", text.len()));
    }
    if text.trim() != text {
        return Err("starts or ends with white space: remove it".to_owned());
    }
    if let Some(wrong) = text.chars().find(|c| is_unprintable(*c)) {
        return Err(format!("holds the unprintable character U+{:04X}: remove it", u32::from(wrong)));
    }
    Ok(())
}

/// A key of a label, as Kubernetes has them: an optional prefix and `/`, then a name.
pub(crate) fn label_key(text: &str) -> Parsed<String> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_part = |part: &str, max: usize, also: &[char]| {
        let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        part.len() <= max
            && is_end(part.chars().next())
            && is_end(part.chars().next_back())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c))
    };
    if prefix.is_none_or(|prefix| is_part(prefix, 253, &['-', '.'])) && is_part(name, 63, &['-', '_', '.']) {
        return Ok(text.to_owned());
    }
    let wanted = "write letters, digits, `-`, `_` and `.`, at most 63, after a domain and `/` if need be";
    Err(format!("\"{}\" is no key of a label: {wanted}", shown(text)))
}

/// The value of a label: empty, or as its key without a prefix.
pub(crate) fn label_value(scalar: &Scalar<'_>) -> Parsed<String> {
    let text = scalar.text;
    if text.is_empty() || (!text.contains('/') && label_key(text).is_ok()) {
        return Ok(text.to_owned());
    }
    let wanted = "write letters, digits, `-`, `_` and `.`, at most 63";
    Err(format!("\"{}\" is no value of a label: {wanted}", shown(text)))
}

/// A host by name or address, and a port.
pub(crate) fn host_and_port(scalar: &Scalar<'_>) -> Parsed<ControllerAddress> {
    let text = scalar.text;
    let wrong = || {
        format!(
            "\"{}\" is no host and port: write them as in lb-controller.example:9443, 192.0.2.1:9443 or \
             \"[2001:db8::1]:9443\"",
            shown(text)
        )
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = number(1..=u16::MAX)(&Scalar { text: port, quoted: false }).map_err(|_| wrong())?;
    if let Some(v6) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let v6: std::net::Ipv6Addr = v6.parse().map_err(|_| wrong())?;
        return Ok(ControllerAddress { host: v6.to_string(), port });
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(wrong());
    }
    Ok(ControllerAddress { host: host.to_ascii_lowercase(), port })
}

/// Control characters, line and paragraph separators, and the invisible ones that reorder or join text.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

pub(crate) fn socket_path(scalar: &Scalar<'_>) -> Parsed<PathBuf> {
    let text = scalar.text;
    if !text.starts_with('/') {
        return Err(format!("\"{}\" is not absolute: write a path that starts with `/`", shown(text)));
    }
    if text.len() > MAX_SOCKET_PATH {
        return Err(format!("has {} bytes: the path of a socket has at most {MAX_SOCKET_PATH}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("holds a control character: remove it".to_owned());
    }
    if text.ends_with('/') {
        return Err(format!("\"{text}\" names a directory: write the socket's own path"));
    }
    Ok(PathBuf::from(text))
}

/// Of a file that the agent reads or writes.
pub(crate) fn file_path(scalar: &Scalar<'_>) -> Parsed<PathBuf> {
    let text = scalar.text;
    if !text.starts_with('/') {
        return Err(format!("\"{}\" is not absolute: write a path that starts with `/`", shown(text)));
    }
    if text.len() > MAX_PATH || text.chars().any(char::is_control) {
        return Err(format!("is no path: write at most {MAX_PATH} bytes without control characters"));
    }
    if text.ends_with('/') {
        return Err(format!("\"{}\" names a directory: write the path of a file", shown(text)));
    }
    Ok(PathBuf::from(text))
}

pub(crate) fn listen_address(scalar: &Scalar<'_>) -> Parsed<SocketAddr> {
    scalar.text.parse().map_err(|_| {
        format!(
            "\"{}\" is no address and port: write one as in 127.0.0.1:9470 or \"[::1]:9470\"",
            shown(scalar.text)
        )
    })
}

pub(crate) fn http_path(scalar: &Scalar<'_>) -> Parsed<String> {
    check_http_path(scalar.text).map(|()| scalar.text.to_owned())
}

pub(crate) fn check_http_path(text: &str) -> Parsed<()> {
    if !text.starts_with('/') {
        return Err(format!("\"{}\" does not start with `/`", shown(text)));
    }
    visible_ascii(text, 4096).map_err(|reason| format!("{reason}; percent-encode other characters"))
}

pub(crate) fn http_host(scalar: &Scalar<'_>) -> Parsed<String> {
    check_http_host(scalar.text).map(|()| scalar.text.to_owned())
}

pub(crate) fn check_http_host(text: &str) -> Parsed<()> {
    if text.is_empty() {
        return Err(
            "is empty: write a host name, or leave the field out for the backend's address".to_owned()
        );
    }
    visible_ascii(text, 255)
}

fn visible_ascii(text: &str, max: usize) -> Parsed<()> {
    if text.len() > max {
        return Err(format!("has {} bytes, at most {max} are allowed", text.len()));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(wrong) => Err(format!("holds {wrong:?}, only visible ASCII is allowed")),
        None => Ok(()),
    }
}
