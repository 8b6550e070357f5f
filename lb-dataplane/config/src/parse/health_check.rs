//! The health check of a set.

use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::read::{FieldNames, Fields, Scalar, list, scalar};
use crate::sink::{Path, Sink};
use crate::tree::Node;
use crate::types::{HealthCheck, Probe};
use crate::units::{self, show_duration};

pub(super) const FIELDS: FieldNames =
    &["type", "port", "path", "host", "expect", "interval", "timeout", "rise", "fall"];
const HTTP_FIELDS: FieldNames = &["path", "host", "expect"];

pub(crate) const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
pub(crate) const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(500);
const DEFAULT_RISE: NonZeroU8 = NonZeroU8::new(2).expect("2 is not zero");
const DEFAULT_FALL: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");
const DEFAULT_EXPECT: RangeInclusive<u16> = 200..=399;

#[derive(Clone, Copy, PartialEq)]
enum Type {
    None,
    Tcp,
    Http,
}

/// `None` is reported; `Some(None)` is a set whose backends are not checked.
pub(super) fn read(node: &Node<'_>, path: &Path<'_>, sink: &mut Sink) -> Option<Option<HealthCheck>> {
    let fields = Fields::open(node, FIELDS, path, sink)?;
    let types = units::one_of(&[("tcp", Type::Tcp), ("http", Type::Http), ("none", Type::None)]);
    let kind = fields.required("type", types, path, sink);
    let misplaced: FieldNames = match kind {
        Some(Type::None) => FIELDS.get(1..).unwrap_or_default(),
        Some(Type::Tcp) => HTTP_FIELDS,
        Some(Type::Http) | None => &[],
    };
    for name in misplaced.iter().filter(|name| fields.node(name).is_some()) {
        let owner = if HTTP_FIELDS.contains(name) { "`type: http`" } else { "`type: tcp` or `type: http`" };
        let reason = format_args!("only {owner} has this field: remove it or change the type");
        sink.error(fields.key_at(name), &Path::Field(path, name), reason);
    }
    if kind == Some(Type::None) {
        return Some(None);
    }

    let port = fields.required("port", port, path, sink);
    let (interval, timeout) = intervals(&fields, path, sink);
    let rise = fields.optional("rise", threshold, path, sink);
    let fall = fields.optional("fall", threshold, path, sink);
    let probe = if kind == Some(Type::Tcp) { Some(Probe::Tcp) } else { http(&fields, path, sink) };
    kind?;
    Some(Some(HealthCheck {
        probe: probe?,
        port: port?,
        interval: interval?,
        timeout: timeout?,
        rise: rise?.unwrap_or(DEFAULT_RISE),
        fall: fall?.unwrap_or(DEFAULT_FALL),
    }))
}

/// A TCP or UDP port.
pub(super) fn port(scalar: &Scalar<'_>) -> Result<NonZeroU16, String> {
    let number = units::number(1..=u16::MAX)(scalar)?;
    NonZeroU16::new(number).ok_or_else(|| "0 is no port".to_owned())
}

fn threshold(scalar: &Scalar<'_>) -> Result<NonZeroU8, String> {
    let number = units::number(1..=u8::MAX)(scalar)?;
    NonZeroU8::new(number).ok_or_else(|| "0 is out of range".to_owned())
}

/// Probes of one backend must not overlap, so that the timeout is at most the interval.
fn intervals(
    fields: &Fields<'_, '_>,
    path: &Path<'_>,
    sink: &mut Sink,
) -> (Option<Duration>, Option<Duration>) {
    let interval = fields
        .optional("interval", units::duration(INTERVALS), path, sink)
        .map(|i| i.unwrap_or(DEFAULT_INTERVAL));
    let timeout = fields.optional("timeout", units::duration(TIMEOUTS), path, sink);
    let timeout = match (interval, timeout) {
        (Some(interval), Some(Some(timeout))) if timeout > interval => {
            let reason = format_args!(
                "{} is longer than the interval of {}: write at most that",
                show_duration(timeout),
                show_duration(interval)
            );
            sink.error(fields.value_at("timeout"), &Path::Field(path, "timeout"), reason);
            None
        }
        (Some(interval), Some(None)) => Some(DEFAULT_TIMEOUT.min(interval)),
        (_, timeout) => timeout.flatten(),
    };
    (interval, timeout)
}

fn http(fields: &Fields<'_, '_>, path: &Path<'_>, sink: &mut Sink) -> Option<Probe> {
    let target = fields.optional("path", units::http_path, path, sink);
    let host = fields.optional("host", units::http_host, path, sink);
    let expect = match fields.node("expect") {
        None => Some(DEFAULT_EXPECT),
        Some(node) => expect(node, &Path::Field(path, "expect"), sink),
    };
    Some(Probe::Http { path: target?.unwrap_or_else(|| "/".to_owned()), host: host?, expect: expect? })
}

fn expect(node: &Node<'_>, path: &Path<'_>, sink: &mut Sink) -> Option<RangeInclusive<u16>> {
    let items = list(node, path, sink)?;
    let codes: Vec<Option<u16>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| scalar(item, units::number(100..=599), &Path::Item(path, index), sink))
        .collect();
    match codes[..] {
        [Some(low), Some(high)] if low <= high => Some(low..=high),
        [Some(low), Some(high)] => {
            sink.error(node.at, path, format_args!("{low} is above {high}: write [lowest, highest]"));
            None
        }
        [None, _] | [_, None] => None,
        _ => {
            let reason =
                format_args!("has the length {}: write [lowest, highest] as in [200, 399]", codes.len());
            sink.error(node.at, path, reason);
            None
        }
    }
}
