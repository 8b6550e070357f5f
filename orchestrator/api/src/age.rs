//! Times as Kubernetes writes them, and ages as kubectl shows them.

use jiff::Timestamp;
use serde_json::Value;

/// A time as `metadata.creationTimestamp` has it: whole seconds, `2026-11-20T08:19:41Z`.
pub fn seconds_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as `renewTime` and `eventTime` have it: microseconds, `2026-11-20T08:19:41.000000Z`.
pub fn micros_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// A time of an object.
pub(crate) fn parse(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// How long ago a time of an object is; `<unknown>` if it has none.
pub(crate) fn since(value: &Value, now: Timestamp) -> String {
    parse(value).map_or_else(|| "<unknown>".to_owned(), |time| span(now.as_second() - time.as_second()))
}

/// A span of seconds in two units at most, the way kubectl shortens it: `45s`, `3m12s`, `5d3h`, `2y10d`.
pub fn span(seconds: i64) -> String {
    // A clock that is slightly behind is forgiven; more than that shows.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |major: i64, major_unit: &str, minor: i64, minor_unit: &str| match minor {
        0 => format!("{major}{major_unit}"),
        _ => format!("{major}{major_unit}{minor}{minor_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % 24, "h"),
        () if days < 365 * 2 => format!("{days}d"),
        () if days < 365 * 8 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shortened_as_kubectl_does() {
        let cases = [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (10799, "179m"),
            (10800, "3h"),
            (3600 * 7 + 60 * 5, "7h5m"),
            (3600 * 8 + 60 * 5, "8h"),
            (3600 * 47, "47h"),
            (86400 * 2 + 3600, "2d1h"),
            (86400 * 8, "8d"),
            (86400 * 729, "729d"),
            (86400 * 730, "2y"),
            (86400 * 740, "2y10d"),
            (86400 * 365 * 8, "8y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn times_are_written_in_whole_units() {
        let time: Timestamp = "2026-11-20T08:19:41.5Z".parse().unwrap();
        assert_eq!(seconds_text(time), "2026-11-20T08:19:41Z");
        assert_eq!(micros_text(time), "2026-11-20T08:19:41.500000Z");
        assert_eq!(since(&Value::Null, time), "<unknown>");
    }
}
