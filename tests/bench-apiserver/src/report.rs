//! Results.

use std::time::Duration;

use serde::Serialize;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) scenario: &'static str,
    /// The unit of the figures.
    pub(crate) unit: &'static str,
    /// Median of the samples.
    pub(crate) median: f64,
    /// The value that one of a hundred samples exceeds.
    pub(crate) p99: f64,
    /// The greatest.
    pub(crate) max: f64,
    /// How many in a second, all clients together.
    pub(crate) rate: Option<f64>,
    /// The rate, or the inverse of the time, over that of a plain append with fdatasync.
    pub(crate) ratio_to_fsync: Option<f64>,
    /// Samples.
    pub(crate) samples: usize,
}

impl Row {
    /// Of times, one for each sample.
    pub(crate) fn of_times(scenario: &'static str, times: &[Duration]) -> Self {
        let times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        Self::new(scenario, "ms", &times)
    }

    pub(crate) fn new(scenario: &'static str, unit: &'static str, samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let at = |index: usize| sorted.get(index.min(last)).copied().map_or(f64::NAN, thousandths);
        Self {
            scenario,
            unit,
            median: at(sorted.len() / 2),
            p99: at(sorted.len() * 99 / 100),
            max: at(last),
            rate: None,
            ratio_to_fsync: None,
            samples: samples.len(),
        }
    }

    /// With the rate of all clients over `time`.
    pub(crate) fn over(mut self, time: Duration) -> Self {
        let samples = u32::try_from(self.samples).unwrap_or(u32::MAX);
        self.rate = Some((f64::from(samples) / time.as_secs_f64()).round());
        self
    }

    /// Beside a plain append.
    pub(crate) fn beside(mut self, fsync: &Self) -> Self {
        let ratio = self.rate.zip(fsync.rate).map(|(rate, fsync)| rate / fsync);
        self.ratio_to_fsync = ratio.map(thousandths);
        self
    }

    /// For people who wait for the rest.
    pub(crate) fn line(&self) -> String {
        let rate = self.rate.map(|rate| format!(", {rate}/s")).unwrap_or_default();
        format!("{}: {} {}{rate}", self.scenario, self.median, self.unit)
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["SCENARIO", "MEDIAN", "P99", "MAX", "UNIT", "PER SECOND", "× FSYNC", "SAMPLES"]);
    for row in rows {
        let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        table.add_row([
            row.scenario.to_owned(),
            row.median.to_string(),
            row.p99.to_string(),
            row.max.to_string(),
            row.unit.to_owned(),
            or_dash(row.rate),
            or_dash(row.ratio_to_fsync),
            row.samples.to_string(),
        ]);
    }
    table.to_string()
}
