//! Tables, JSON, numbers and times as people read them.

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::cli::{Cli, Output};
use crate::dial::Failure;

/// A column of a table: its header, and whether numbers are aligned in it.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table without lines, two spaces between the columns, and no space at the end of a line.
pub(crate) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) | Column::Number(name) => *name,
    }));
    table.add_rows(
        rows.into_iter().map(|row| row.into_iter().map(|cell| one_line(&cell)).collect::<Vec<_>>()),
    );
    for (index, column) in columns.iter().enumerate() {
        if let Some(target) = table.column_mut(index) {
            target.set_padding((0, 2));
            if let Column::Number(_) = column {
                target.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `label  value` lines; a line with an empty value is left out.
pub(crate) fn labelled<'l>(lines: impl IntoIterator<Item = (&'l str, String)>) -> String {
    let lines: Vec<_> = lines.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(label, value)| format!("{label:width$}  {}\n", one_line(value))).collect()
}

/// JSON with a newline at its end.
pub(crate) fn json(view: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(view).map(|text| text + "\n").map_err(|error| Failure::Output(error.into()))
}

/// The JSON of `view` or the text of `human`, as the command line wants it.
pub(crate) fn output(
    cli: &Cli,
    view: &impl Serialize,
    human: impl FnOnce() -> String,
) -> Result<String, Failure> {
    match cli.output {
        Output::Json => json(view),
        Output::Table => Ok(human()),
    }
}

/// Texts come from configurations and peers: none may break a line or steer the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `None` for the empty text, which protobuf has in its place.
pub(crate) fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `-` for the empty text.
pub(crate) fn or_dash(text: &str) -> String {
    non_empty(text).unwrap_or("-").to_owned()
}

pub(crate) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// Bytes in the largest binary unit of which there is at least one.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let exponent = count.ilog(1024);
    // One digit behind the point; integers, because f64 would round 1023.99 up to 1024.0.
    let tenths = u128::from(count) * 10 / (1_u128 << (10 * exponent));
    let unit = UNITS.get(exponent as usize - 1).unwrap_or(&"EiB");
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Seconds as the two largest units.
pub(crate) fn seconds(total: u64) -> String {
    let (days, hours, minutes, seconds) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {seconds}s"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// How long ago a moment was, both in milliseconds of Unix time; `-` for 0, which stands for never.
pub(crate) fn since(at_unix_ms: u64, now_unix_ms: u64) -> String {
    if at_unix_ms == 0 { "-".to_owned() } else { seconds(now_unix_ms.saturating_sub(at_unix_ms) / 1000) }
}

/// How far ahead a moment is; `None` for 0, which stands for never. What is past is 0 s ahead.
pub(crate) fn until(at_unix_ms: u64, now_unix_ms: u64) -> Option<String> {
    (at_unix_ms > 0).then(|| seconds(at_unix_ms.saturating_sub(now_unix_ms).div_ceil(1000)))
}

/// Milliseconds of Unix time.
pub(crate) fn now_unix_ms() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_binary_units() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ];
        for (count, expected) in table {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn times() {
        let table = [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3_725, "1h 2m"), (90_061, "1d 1h")];
        for (total, expected) in table {
            assert_eq!(seconds(total), expected);
        }
        assert_eq!(since(0, 5), "-");
        assert_eq!(since(5_000, 4_000), "0s"); // clocks disagree
        assert_eq!(since(1_000, 62_500), "1m 1s");
        assert_eq!(until(0, 5), None);
        assert_eq!(until(5_001, 4_000).as_deref(), Some("2s"));
        assert_eq!(until(4_000, 5_000).as_deref(), Some("0s"));
    }

    #[test]
    fn tables_are_plain() {
        let columns = [Column::Text("NAME"), Column::Number("PACKETS")];
        let rows = [
            vec!["a\nb\u{1b}[31m".to_owned(), "7".to_owned()],
            vec!["longer-name".to_owned(), "12345678".to_owned()],
        ];
        let expected = "NAME          PACKETS\na b [31m            7\nlonger-name  12345678\n";
        assert_eq!(table(&columns, rows), expected);
        assert_eq!(table(&columns, []), "NAME  PACKETS\n");
    }
}
