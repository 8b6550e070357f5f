//! Taking typed values out of a YAML tree while collecting every problem.

use std::fmt;
use std::time::Duration;

use crate::yaml::{Entry, Node, Value};

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, counted from 1; 0 when it is not known.
    pub line: u64,
    /// The field, such as `peers[1].remote_as`; empty for the whole document.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// `line: field: reason`, in one line whatever the file holds.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, field, reason } = self;
        match field.as_str() {
            "" => write!(f, "{line}: {reason}"),
            field => write!(f, "{line}: {}: {reason}", field.escape_debug()),
        }
    }
}

/// One map of the document; fields are taken out of it one by one, and what is left over in the end is unknown.
pub struct Section<'a> {
    /// How the map is called in messages, empty for the document.
    path: String,
    line: u64,
    entries: Vec<&'a Entry>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The map in `node`; an empty one, and a problem, when it holds something else.
    pub fn open(path: &str, node: &'a Node, problems: &mut Vec<Problem>) -> Self {
        let entries = match &node.value {
            Value::Map(entries) => entries.iter().collect(),
            Value::Null => Vec::new(),
            other => {
                let reason = format!("must be a map of fields, not {}", other.kind());
                problems.push(Problem { line: node.line, field: path.to_owned(), reason });
                Vec::new()
            }
        };
        Self { path: path.to_owned(), line: node.line, entries, known: Vec::new() }
    }

    /// The line where the map begins.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The name of a field of this map in messages.
    #[must_use]
    pub fn name(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// The node of a field, if it is there and not empty.
    pub fn node(&mut self, field: &'static str) -> Option<&'a Node> {
        self.known.push(field);
        let at = self.entries.iter().position(|entry| entry.key == field)?;
        let node = &self.entries.remove(at).node;
        (node.value != Value::Null).then_some(node)
    }

    /// The value of a field that may be left out.
    pub fn optional<T>(
        &mut self,
        field: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let node = self.node(field)?;
        match parse(&node.value) {
            Ok(value) => Some(Found { line: node.line, value }),
            Err(reason) => {
                problems.push(Problem { line: node.line, field: self.name(field), reason });
                None
            }
        }
    }

    /// The value of a field that must be there.
    pub fn required<T>(
        &mut self,
        field: &'static str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Found<T>> {
        if !self.entries.iter().any(|entry| entry.key == field && entry.node.value != Value::Null) {
            self.node(field);
            let reason = "is required and missing".to_owned();
            problems.push(Problem { line: self.line, field: self.name(field), reason });
            return None;
        }
        self.optional(field, problems, parse)
    }

    /// Reports every field that nobody took.
    pub fn close(self, problems: &mut Vec<Problem>) {
        for entry in &self.entries {
            let reason = format!("is unknown here; known fields: {}", self.known.join(", "));
            problems.push(Problem { line: entry.line, field: self.name(&entry.key), reason });
        }
    }
}

/// A value that is right in itself, and its line.
#[derive(Debug, Clone, Copy)]
pub struct Found<T> {
    /// Where it stands.
    pub line: u64,
    /// What it is.
    pub value: T,
}

/// A text that is not empty.
///
/// # Errors
///
/// What it must be instead.
pub fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) if !text.is_empty() => Ok(text.clone()),
        Value::Text(_) => Err("must not be empty".to_owned()),
        other => Err(format!("must be a text, not {}; put it in quotes", other.kind())),
    }
}

/// A text that a type can be parsed from, such as an address.
pub fn parsed<T: std::str::FromStr>(what: &'static str) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        let text = text(value).map_err(|_| format!("must be {what}"))?;
        text.parse().map_err(|_| format!("`{}` is not {what}", text.escape_debug()))
    }
}

/// A whole number.
pub fn number<T: TryFrom<i128>>(range: &'static str) -> impl Fn(&Value) -> Result<T, String> {
    move |value| match value {
        Value::Integer(number) => T::try_from(*number).map_err(|_| format!("{number} is not in {range}")),
        other => Err(format!("must be a number in {range}, not {}", other.kind())),
    }
}

/// A time with its units, from large to small: `500ms`, `9s`, `1m30s`, `1h`.
///
/// # Errors
///
/// How it is to be written.
pub fn duration(value: &Value) -> Result<Duration, String> {
    let wrong = || "must be whole numbers with units (h, m, s, ms), such as 60s or 1m30s".to_owned();
    let Value::Text(text) = value else { return Err(wrong()) };
    let (mut rest, mut total, mut last_unit) = (text.as_str(), Duration::ZERO, u64::MAX);
    while !rest.is_empty() || last_unit == u64::MAX {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        let milliseconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        let part = milliseconds.filter(|_| unit < last_unit).map(Duration::from_millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        (rest, last_unit) = (tail, unit);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let parse = |text: &str| duration(&Value::Text(text.to_owned()));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("9s"), Ok(Duration::from_secs(9)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("1m30s500ms"), Ok(Duration::from_millis(90_500)));
        for wrong in [
            "",
            "9",
            "s",
            "-1s",
            "1.5s",
            "9 s",
            "9d",
            "30s1m",
            "1s1s",
            "1m30",
            "ms",
            "99999999999999999999s",
            "99999999999999999h",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(duration(&Value::Integer(9)).is_err());
    }
}
