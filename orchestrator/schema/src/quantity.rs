//! Quantities of resources: `500m`, `1.5Gi`, `1e3`.

use std::{fmt, str::FromStr};

const NANO: i128 = 1_000_000_000;
/// The largest quantity with a binary suffix (2^63 - 1); larger ones are taken for it.
const MAX_BINARY: i128 = 9_223_372_036_854_775_807 * NANO;
/// The largest quantity there is. Kubernetes has no such limit; nothing that is counted comes near it.
const MAX: i128 = 10_i128.pow(28) * NANO;

/// How a quantity is written. It keeps the form that it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    /// `n`, `u`, `m`, none, `k`, `M`, `G`, `T`, `P`, `E`.
    Decimal,
    /// `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei`.
    Binary,
    /// `e3`.
    Exponent,
}

/// A fixed-point number with nine decimal places, as Kubernetes writes amounts of resources.
///
/// Equality and order are those of the numbers: `1000m` equals `1`. `Display` gives the canonical form, which is what
/// Kubernetes stores and answers: the largest suffix with which the number is whole.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

/// A text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It is no number with a suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// What follows the number is no suffix that there is.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, form: Form::Decimal };

    /// A whole number.
    pub fn whole(value: i64) -> Self {
        Self { nanos: i128::from(value) * NANO, form: Form::Decimal }
    }

    /// In thousandths, rounded up: `1.5` is 1500.
    pub fn millis(self) -> i128 {
        round_up(self.nanos, NANO / 1000)
    }

    /// Rounded up to a whole number: `1500m` is 2.
    pub fn value(self) -> i64 {
        i64::try_from(round_up(self.nanos, NANO)).unwrap_or(if self.nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// Below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// No fraction.
    pub fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }

    /// The sum, written in this quantity's form; at most the largest quantity there is.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        // Neither is more than 10^37 in billionths, of some 10^38.
        self.with(self.nanos + other.nanos, other)
    }

    /// The difference, written in this quantity's form.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(self.nanos - other.nanos, other)
    }

    fn with(self, nanos: i128, other: Self) -> Self {
        // Zero has no form of its own.
        let form = if self.nanos == 0 { other.form } else { self.form };
        Self { nanos: nanos.clamp(-MAX, MAX), form }
    }
}

/// Division that rounds away from zero.
fn round_up(value: i128, unit: i128) -> i128 {
    let whole = value / unit;
    if value % unit == 0 { whole } else { whole + value.signum() }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::Format);
        }
        let (form, scale) = scale(suffix)?;
        let mut nanos = nanos(whole, fraction, scale);
        let mut form = form;
        if form == Form::Binary {
            nanos = nanos.min(MAX_BINARY);
            // Kubernetes takes these for decimal ones: no binary suffix is for them.
            if nanos < NANO {
                form = Form::Decimal;
            }
        }
        Ok(Self { nanos: if negative { -nanos } else { nanos }, form })
    }
}

/// What a number is multiplied by.
#[derive(Clone, Copy)]
enum Scale {
    /// A power of ten.
    Ten(i32),
    /// A power of two.
    Two(u32),
}

fn scale(suffix: &str) -> Result<(Form, Scale), QuantityError> {
    Ok(match suffix {
        "n" => (Form::Decimal, Scale::Ten(-9)),
        "u" => (Form::Decimal, Scale::Ten(-6)),
        "m" => (Form::Decimal, Scale::Ten(-3)),
        "" => (Form::Decimal, Scale::Ten(0)),
        "k" => (Form::Decimal, Scale::Ten(3)),
        "M" => (Form::Decimal, Scale::Ten(6)),
        "G" => (Form::Decimal, Scale::Ten(9)),
        "T" => (Form::Decimal, Scale::Ten(12)),
        "P" => (Form::Decimal, Scale::Ten(15)),
        "E" => (Form::Decimal, Scale::Ten(18)),
        "Ki" => (Form::Binary, Scale::Two(10)),
        "Mi" => (Form::Binary, Scale::Two(20)),
        "Gi" => (Form::Binary, Scale::Two(30)),
        "Ti" => (Form::Binary, Scale::Two(40)),
        "Pi" => (Form::Binary, Scale::Two(50)),
        "Ei" => (Form::Binary, Scale::Two(60)),
        other => {
            let exponent = other.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
            // Also `+5`, as for Kubernetes.
            (Form::Exponent, Scale::Ten(exponent.parse().map_err(|_| QuantityError::Suffix)?))
        }
    })
}

/// The size of a number in billionths, rounded up, at most [`MAX`].
fn nanos(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
    if digits.is_empty() {
        return 0;
    }
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let (ten, two) = match scale {
        Scale::Ten(exponent) => (i64::from(exponent) + 9 - places, 0),
        Scale::Two(exponent) => (9 - places, exponent),
    };
    // The number is digits * 10^ten * 2^two. Its size in decimal places tells those too large and those too small.
    let size = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_add(ten);
    if size > 39 {
        return MAX;
    }
    if size < -20 {
        return 1;
    }
    // Digits that are too many to count only round up. Nineteen digits times 2^60 fit.
    let most = if two == 0 { 38 } else { 19 };
    let (kept, dropped) = digits.split_at(digits.len().min(most));
    let mut value = kept.iter().fold(0_i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let lost = dropped.iter().any(|digit| *digit != b'0');
    let ten = ten + i64::try_from(dropped.len()).unwrap_or(0);
    let Some(shifted) = value.checked_mul(1 << two) else { return MAX };
    value = shifted;
    let mut rest = lost;
    for _ in 0..ten.max(0) {
        let Some(next) = value.checked_mul(10) else { return MAX };
        value = next;
    }
    for _ in 0..(-ten).max(0) {
        rest |= value % 10 != 0;
        value /= 10;
    }
    (value + i128::from(rest)).min(MAX)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        if self.nanos == 0 {
            return f.write_str("0");
        }
        // Binary suffixes of what is smaller than the first, or of a fraction, would round.
        if self.form == Form::Binary && self.nanos.abs() >= 1024 * NANO && self.is_whole() {
            let mut value = self.nanos / NANO;
            let mut suffix = 0;
            while value % 1024 == 0 && suffix + 1 < BINARY.len() {
                value /= 1024;
                suffix += 1;
            }
            return write!(f, "{value}{}", BINARY[suffix]);
        }
        let mut value = self.nanos;
        let mut suffix = 0;
        while value % 1000 == 0 {
            value /= 1000;
            suffix += 1;
        }
        match (self.form, suffix) {
            (Form::Exponent, 3) => write!(f, "{value}"),
            (Form::Exponent, 0..3) => write!(f, "{value}e-{}", (3 - suffix) * 3),
            // Also what has no suffix that is large enough.
            (Form::Exponent, _) | (_, 10..) => write!(f, "{value}e{}", (suffix - 3) * 3),
            _ => write!(f, "{value}{}", DECIMAL[suffix]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_canonical_form_is_kubernetes() {
        let cases = [
            ("0", "0"),
            ("0Gi", "0"),
            ("-0", "0"),
            ("1", "1"),
            ("+1", "1"),
            ("01", "1"),
            ("1.", "1"),
            (".5", "500m"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.1m", "100u"),
            ("0.1n", "1n"),
            ("1e-10", "1e-9"),
            ("100000k", "100M"),
            ("1000", "1k"),
            ("-1500", "-1500"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("1.5Ki", "1536"),
            ("0.5Ki", "512"),
            ("0.0001Ki", "102400u"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("1.5e3", "1500"),
            ("1e-3", "1e-3"),
            ("12345e-2", "123450e-3"),
            ("1E", "1E"),
            ("7Ei", "7Ei"),
            ("8Ei", "9223372036854775807"),
            ("100000000000Gi", "9223372036854775807"),
            ("312.5Ki", "320000"),
            ("1.0001Ki", "1024102400u"),
            ("100E", "100E"),
            ("1000E", "1e21"),
            ("18446744073709551616", "18446744073709551616"),
            ("1234567890123456789012345.123456789", "1234567890123456789012345123456789n"),
            ("1e1000000000", "10e27"),
            ("99999999999999999999999999999999999999999999", "10e27"),
            ("1e-1000000000", "1e-9"),
        ];
        for (text, canonical) in cases {
            let quantity: Quantity = text.parse().expect(text);
            assert_eq!(quantity.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", "m", ".", "1.2.3", "Gi"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::Format), "{text}");
        }
        for text in ["1x", "1 ", "1gi", "1e", "1e5x", "1Kim", "1e99999999999"] {
            assert_eq!(text.parse::<Quantity>(), Err(QuantityError::Suffix), "{text}");
        }
    }

    #[test]
    fn sums_keep_the_form() {
        let gi: Quantity = "1Gi".parse().unwrap();
        assert_eq!(Quantity::ZERO.plus(gi).plus("512Mi".parse().unwrap()).to_string(), "1536Mi");
        let cpu: Quantity = "250m".parse().unwrap();
        assert_eq!(cpu.plus("1".parse().unwrap()).to_string(), "1250m");
        assert_eq!(cpu.minus("1".parse().unwrap()).to_string(), "-750m");
        assert_eq!((cpu.millis(), cpu.value()), (250, 1));
        assert!(Quantity::whole(1) == "1000m".parse().unwrap() && cpu < gi);
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_the_same_number(
            text in "[+-]?[0-9]{0,25}(\\.[0-9]{0,12})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e-?[0-9]{1,2})?"
        ) {
            if let Ok(quantity) = text.parse::<Quantity>() {
                let canonical = quantity.to_string();
                let again: Quantity = canonical.parse().unwrap();
                prop_assert_eq!(again, quantity);
                // A binary form without a suffix (`312.5Ki` is `320000`) is read as a decimal one (`320k`).
                if quantity.form != Form::Binary || canonical.ends_with('i') {
                    prop_assert_eq!(again.to_string(), canonical);
                }
            }
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,40}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
