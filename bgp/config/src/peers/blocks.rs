//! The blocks `bfd` and `max_prefixes` of a peer.

use std::time::Duration;

use super::ReadFile;
use super::secrets::one_key;
use crate::addresses::{bounded, or_off, switch, word};
use crate::fields::{Problem, Section, number};
use crate::layers::Layers;
use crate::peer::{BfdAuthentication, BfdAuthenticationKind, BfdSettings, LimitAction, MaxPrefixes};
use crate::yaml::{Node, Value};

const KINDS: &[(&str, BfdAuthenticationKind)] = &[
    ("password", BfdAuthenticationKind::Password),
    ("md5", BfdAuthenticationKind::Md5),
    ("meticulous-md5", BfdAuthenticationKind::MeticulousMd5),
    ("sha1", BfdAuthenticationKind::Sha1),
    ("meticulous-sha1", BfdAuthenticationKind::MeticulousSha1),
];
const ACTIONS: &[(&str, LimitAction)] =
    &[("warn", LimitAction::Warn), ("block", LimitAction::Block), ("reset", LimitAction::Reset)];

impl Default for BfdSettings {
    /// 300 ms three times: a dead path is noticed within 0.9 s.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(300),
            receive: Duration::from_millis(300),
            multiplier: 3,
            authentication: None,
            echo: None,
            strict: false,
            passive: false,
            min_ttl: None,
        }
    }
}

/// `bfd: on`, `bfd: off`, or a map.
pub(super) fn bfd(
    layers: &mut Layers<'_>,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<BfdSettings> {
    let (node, name) = layers.node("bfd")?;
    if let Ok(on) = switch(&node.value) {
        return on.then(BfdSettings::default);
    }
    let mut settings = BfdSettings::default();
    let mut section = Section::open(&name, node, problems);
    if let Some(found) = section.optional("interval", problems, interval) {
        (settings.interval, settings.receive) = (found.value, found.value);
    }
    if let Some(found) = section.optional("receive", problems, interval) {
        settings.receive = found.value;
    }
    if let Some(found) = section.optional("multiplier", problems, multiplier) {
        settings.multiplier = found.value;
    }
    if let Some(found) = section.optional("echo", problems, |value| or_off(value, interval)) {
        settings.echo = found.value;
    }
    if let Some(found) = section.optional("strict", problems, switch) {
        settings.strict = found.value;
    }
    if let Some(found) = section.optional("passive", problems, switch) {
        settings.passive = found.value;
    }
    settings.min_ttl = section.optional("min_ttl", problems, min_ttl).map(|found| found.value);
    if let Some(node) = section.node("authentication") {
        settings.authentication = bfd_key(node, &section.name("authentication"), problems, read_file);
    }
    section.close(problems);
    Some(settings)
}

fn bfd_key(
    node: &Node,
    name: &str,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<BfdAuthentication> {
    let mut section = Section::open(name, node, problems);
    let kind = section.required("kind", problems, word(KINDS));
    let key_id = section.required("key_id", problems, number::<u8>("0 to 255"));
    let key = one_key(&mut section, problems, read_file);
    section.close(problems);
    let (kind, key_id, key) = (kind?.value, key_id?.value, key?);
    // RFC 5880 sections 4.2 to 4.4.
    let most = match kind {
        BfdAuthenticationKind::Password
        | BfdAuthenticationKind::Md5
        | BfdAuthenticationKind::MeticulousMd5 => 16,
        BfdAuthenticationKind::Sha1 | BfdAuthenticationKind::MeticulousSha1 => 20,
    };
    if key.value.as_bytes().len() > most {
        let reason = format!("must have at most {most} octets for this kind (RFC 5880)");
        problems.push(Problem { line: key.line, field: format!("{name}.key"), reason });
    }
    Some(BfdAuthentication { kind, key_id, key: key.value })
}

fn interval(value: &Value) -> Result<Duration, String> {
    bounded(value, Duration::from_millis(10), Duration::from_secs(60), "10ms to 60s")
}

fn multiplier(value: &Value) -> Result<u8, String> {
    match number::<u8>("1 to 255")(value)? {
        0 => Err("0 is not in 1 to 255 (RFC 5880)".to_owned()),
        multiplier => Ok(multiplier),
    }
}

fn min_ttl(value: &Value) -> Result<u8, String> {
    match number::<u8>("1 to 254")(value)? {
        ttl @ 1..=254 => Ok(ttl),
        other => Err(format!("{other} is not in 1 to 254")),
    }
}

/// A number, or a map.
pub(super) fn max_prefixes(layers: &mut Layers<'_>, problems: &mut Vec<Problem>) -> Option<MaxPrefixes> {
    let (node, name) = layers.node("max_prefixes")?;
    let mut settings = MaxPrefixes { limit: 0, warn_percent: 80, action: LimitAction::Block, restart: None };
    if let Value::Integer(_) = node.value {
        return match limit(&node.value) {
            Ok(limit) => Some(MaxPrefixes { limit, ..settings }),
            Err(reason) => {
                problems.push(Problem { line: node.line, field: name, reason });
                None
            }
        };
    }
    let mut section = Section::open(&name, node, problems);
    let found = section.required("limit", problems, limit);
    if let Some(found) = section.optional("warn_percent", problems, percent) {
        settings.warn_percent = found.value;
    }
    if let Some(found) = section.optional("action", problems, word(ACTIONS)) {
        settings.action = found.value;
    }
    let restart = |value: &Value| {
        bounded(value, Duration::from_secs(1), Duration::from_secs(86_400), "1s to 24h, or left out")
    };
    if let Some(found) = section.optional("restart", problems, restart) {
        if settings.action != LimitAction::Reset {
            let reason = "has no use: only `action: reset` ends the session".to_owned();
            problems.push(Problem { line: found.line, field: section.name("restart"), reason });
        }
        settings.restart = Some(found.value);
    }
    section.close(problems);
    settings.limit = found?.value;
    Some(settings)
}

/// What is kept of a peer is bounded by it: a million prefixes take some 200 MB.
fn limit(value: &Value) -> Result<u32, String> {
    match number::<u32>("1 to 1000000")(value)? {
        limit @ 1..=1_000_000 => Ok(limit),
        other => Err(format!("{other} is not in 1 to 1000000")),
    }
}

fn percent(value: &Value) -> Result<u8, String> {
    match number::<u8>("1 to 100")(value)? {
        percent @ 1..=100 => Ok(percent),
        other => Err(format!("{other} is not in 1 to 100")),
    }
}
