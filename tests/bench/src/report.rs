//! Results.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// One scenario with one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) scenario: String,
    /// What did the work.
    pub(crate) program: String,
    /// Nanoseconds for one packet, table or change, without what the harness takes.
    pub(crate) self_ns_median: f64,
    /// The least of the rounds.
    pub(crate) self_ns_min: f64,
    /// The greatest of the rounds.
    pub(crate) self_ns_max: f64,
    /// Median over the median of the encap floor in the same scenario; none where there is no packet.
    pub(crate) ratio_to_encap_floor: Option<f64>,
    /// Rounds measured.
    pub(crate) rounds: usize,
}

impl Row {
    /// `samples` are nanoseconds, one for each round.
    pub(crate) fn new(scenario: &str, program: &str, samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().map_or(f64::NAN, hundredths);
        Self {
            scenario: scenario.to_owned(),
            program: program.to_owned(),
            self_ns_median: hundredths(median(&sorted)),
            self_ns_min: at(0),
            self_ns_max: at(sorted.len().saturating_sub(1)),
            ratio_to_encap_floor: None,
            rounds: samples.len(),
        }
    }

    /// This row beside the encap floor's of the same scenario.
    pub(crate) fn over(mut self, floor: &Self) -> Self {
        self.ratio_to_encap_floor = Some(hundredths(self.self_ns_median / floor.self_ns_median));
        self
    }
}

/// The median of these, in any order.
pub(crate) fn median_of(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    median(&sorted)
}

fn median(sorted: &[f64]) -> f64 {
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[sorted.len() / 2],
        _ => f64::midpoint(sorted[sorted.len() / 2 - 1], sorted[sorted.len() / 2]),
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Reads what was written as JSON, one row a line. Lines of other kinds are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Row>> {
    let rows: Vec<Row> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    rows.first().context("no line is a row")?;
    Ok(rows)
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["SCENARIO", "PROGRAM", "MEDIAN", "MIN", "MAX", "× FLOOR", "ROUNDS"]);
    for row in rows {
        table.add_row([
            row.scenario.clone(),
            row.program.clone(),
            time(row.self_ns_median),
            time(row.self_ns_min),
            time(row.self_ns_max),
            row.ratio_to_encap_floor.map_or_else(String::new, |ratio| format!("{ratio:.1}")),
            row.rounds.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
    table.trim_fmt()
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns >= 1e6 => format!("{:.2} ms", ns / 1e6),
        ns if ns >= 1e4 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{ns:.1} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_least_and_greatest() {
        let row = Row::new("s", "p", &[3.0, 1.0, 2.004, 9.0, 2.5]);
        assert_eq!((row.self_ns_min, row.self_ns_median, row.self_ns_max), (1.0, 2.5, 9.0));
        assert_eq!(Row::new("s", "p", &[1.0, 2.0]).self_ns_median, 1.5);
        assert_eq!(row.over(&Row::new("s", "floor", &[1.25])).ratio_to_encap_floor, Some(2.0));
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!([time(9.16), time(44_321.0), time(1.3e6)], ["9.2 ns", "44.3 µs", "1.30 ms"]);
    }
}
