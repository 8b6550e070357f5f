//! `health-check` and what belongs to it.

use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::time::Duration;

use guideway_controller_crds::guideway::HealthCheckPolicy;
use guideway_dataplane_config::Probe;

use super::{Reader, value};

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(500);
const DEFAULT_RISE: NonZeroU8 = NonZeroU8::new(2).expect("2 is not zero");
const DEFAULT_FALL: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");
const DEFAULT_EXPECT: RangeInclusive<u16> = 200..=399;
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

const OF_ANY: [&str; 5] = [
    "health-check-port",
    "health-check-interval",
    "health-check-timeout",
    "health-check-rise",
    "health-check-fall",
];
const OF_HTTP: [&str; 3] = ["health-check-path", "health-check-host", "health-check-expect"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    None,
    Tcp,
    Http,
}

/// How a set's backends are asked unless something is said about it.
pub(crate) fn check(probe: Probe, port: Option<NonZeroU16>) -> HealthCheckPolicy {
    HealthCheckPolicy::On {
        probe,
        port,
        interval: DEFAULT_INTERVAL,
        timeout: DEFAULT_TIMEOUT,
        rise: DEFAULT_RISE,
        fall: DEFAULT_FALL,
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<HealthCheckPolicy> {
    let kinds = [("none", Kind::None), ("tcp", Kind::Tcp), ("http", Kind::Http)];
    let kind = reader.read("health-check", value::one_of(&kinds));
    let misplaced: &[&str] = if matches!(kind, None | Some(Kind::None)) { &OF_ANY } else { &[] };
    let not_http: &[&str] = if kind == Some(Kind::Http) { &[] } else { &OF_HTTP };
    // What belongs to a check whose kind cannot be read is not wrong itself.
    if kind.is_some() || reader.text("health-check").is_none() {
        for name in
            misplaced.iter().chain(not_http).filter(|name| reader.text(name).is_some()).collect::<Vec<_>>()
        {
            let kinds = if OF_HTTP.contains(name) { "http" } else { "tcp or http" };
            reader.problem(name, format!("is for guideway.dev/health-check: {kinds} only: remove it"));
        }
    }
    let probe = match kind? {
        Kind::None => return Some(HealthCheckPolicy::Off),
        Kind::Tcp => Probe::Tcp,
        Kind::Http => Probe::Http {
            path: reader.read("health-check-path", path).unwrap_or_else(|| "/".to_owned()),
            host: reader.read("health-check-host", host),
            expect: reader.read("health-check-expect", expect).unwrap_or(DEFAULT_EXPECT),
        },
    };
    let nonzero =
        |text: &str| value::number(1..=u8::MAX)(text).map(|n| NonZeroU8::new(n).unwrap_or(NonZeroU8::MIN));
    let port = reader.read("health-check-port", value::number(1..=u16::MAX)).and_then(NonZeroU16::new);
    let interval =
        reader.read("health-check-interval", value::duration(INTERVALS)).unwrap_or(DEFAULT_INTERVAL);
    let mut timeout = reader.read("health-check-timeout", value::duration(TIMEOUTS));
    if timeout.is_some_and(|timeout| timeout > interval) {
        reader.problem("health-check-timeout", "is longer than the interval: write at most that");
        timeout = None;
    }
    Some(HealthCheckPolicy::On {
        probe,
        port,
        interval,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT.min(interval)),
        rise: reader.read("health-check-rise", nonzero).unwrap_or(DEFAULT_RISE),
        fall: reader.read("health-check-fall", nonzero).unwrap_or(DEFAULT_FALL),
    })
}

fn path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("{} does not start with /", value::quoted(text)));
    }
    visible(text, 4096)
}

fn host(text: &str) -> Result<String, String> {
    visible(text, 255)
}

fn visible(text: &str, max: usize) -> Result<String, String> {
    if text.is_empty() || text.len() > max || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("{} is not 1 to {max} bytes of visible ASCII", value::quoted(text)));
    }
    Ok(text.to_owned())
}

fn expect(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wanted = || format!("{} is no range of status codes: write one as in 200-399", value::quoted(text));
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let code = |text: &str| value::number(100..=599_u16)(text).map_err(|_| wanted());
    let (low, high) = (code(low)?, code(high)?);
    if low > high { Err(wanted()) } else { Ok(low..=high) }
}
