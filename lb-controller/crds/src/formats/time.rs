//! Times as Go writes them, which MetalLB's resources have: `1m30s`, `1.5h`, `0`.

use std::time::Duration;

use super::{Wrong, shown};

/// The units, longest name of two with one beginning first.
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

const REMEDY: &str = "write numbers with units, as in 90s, 1m30s or 500ms";

/// A time of at most 2^63 nanoseconds, as Go's `time.ParseDuration` reads it, but never negative.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = |problem: &str| Wrong::new(format!("{} {problem}", shown(text)), REMEDY);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(wrong("is negative"));
    }
    if text.is_empty() {
        return Err(wrong("is no time"));
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(wrong("is no time"));
        }
        let unit = UNITS.iter().find(|(name, _)| tail.starts_with(name)).filter(|(name, _)| {
            // `ms` is not `m`.
            *name != "m" || !tail.starts_with("ms")
        });
        let Some((name, nanos)) = unit else {
            return Err(wrong(if tail.is_empty() { "has no unit" } else { "has an unknown unit" }));
        };
        if whole.len() > 19 {
            return Err(wrong("is too long"));
        }
        let count: u128 =
            if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong("is no time"))? };
        total += count * u128::from(*nanos) + part(fraction, *nanos);
        if total > i64::MAX as u128 {
            return Err(wrong("is too long"));
        }
        rest = &tail[name.len()..];
    }
    Ok(Duration::from_nanos(u64::try_from(total).unwrap_or(u64::MAX)))
}

/// The digits behind the point; what is below a nanosecond is left out.
fn part(fraction: &str, nanos: u64) -> u128 {
    let mut scale = u128::from(nanos);
    let mut sum = 0;
    for digit in fraction.bytes() {
        scale /= 10;
        sum += u128::from(digit - b'0') * scale;
    }
    sum
}

pub(super) fn within(text: &str, min: Duration, max: Duration) -> Result<(), Wrong> {
    let time = duration(text)?;
    if time < min || time > max {
        let remedy = format!("write a time from {} to {}", show(min), show(max));
        return Err(Wrong::new(format!("{} is out of range", shown(text)), remedy));
    }
    Ok(())
}

pub(super) fn hold_time(text: &str) -> Result<(), Wrong> {
    let time = duration(text)?;
    if time.is_zero() {
        return Ok(());
    }
    seconds(text, 3, 65_535)
        .map_err(|wrong| Wrong::new(wrong.problem, "write 0s, or whole seconds from 3s to 65535s"))
}

pub(super) fn seconds(text: &str, min: u64, max: u64) -> Result<(), Wrong> {
    let time = duration(text)?;
    let remedy = || format!("write whole seconds from {min}s to {max}s");
    if time.subsec_nanos() != 0 {
        return Err(Wrong::new(format!("{} is no whole number of seconds", shown(text)), remedy()));
    }
    if !(min..=max).contains(&time.as_secs()) {
        return Err(Wrong::new(format!("{} is out of range", shown(text)), remedy()));
    }
    Ok(())
}

/// In the largest unit that divides it.
pub(super) fn show(time: Duration) -> String {
    let millis = time.as_millis();
    match (millis % 3_600_000, millis % 60_000, millis % 1000) {
        (0, ..) if millis > 0 => format!("{}h", millis / 3_600_000),
        (_, 0, _) if millis > 0 => format!("{}m", millis / 60_000),
        (_, _, 0) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_them() {
        let table = [
            ("0", 0),
            ("0s", 0),
            ("90s", 90_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.s", 5_000),
            ("300ms", 300),
            ("1h0m0s", 3_600_000),
            ("1500us", 1),
            ("2562047h47m16s", 9_223_372_036_000),
        ];
        for (text, millis) in table {
            assert_eq!(duration(text).unwrap().as_millis(), millis, "{text}");
        }
        assert_eq!(duration("1.5µs").unwrap(), Duration::from_nanos(1500));
        for bad in [
            "",
            "1",
            "-1s",
            "s",
            "1.2.3s",
            "1d",
            "1s ",
            " 1s",
            ".s",
            "2562048h",
            "99999999999999999999h",
            "1µ",
        ] {
            duration(bad).unwrap_err();
        }
    }

    #[test]
    fn bounds_and_hold_times() {
        for good in ["0", "0s", "3s", "90s", "65535s", "1m"] {
            hold_time(good).unwrap();
        }
        for bad in ["1s", "2999ms", "3500ms", "65536s", "x"] {
            hold_time(bad).unwrap_err();
        }
        let wrong = within("1ms", Duration::from_millis(10), Duration::from_secs(3600)).unwrap_err();
        assert_eq!(wrong, Wrong::new("\"1ms\" is out of range", "write a time from 10ms to 1h"));
    }
}
