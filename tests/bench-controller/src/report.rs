//! Results.

use std::time::Duration;

use serde::Serialize;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) scenario: String,
    /// The unit of the figures.
    pub(crate) unit: &'static str,
    /// Median of the samples.
    pub(crate) median: f64,
    /// The value that one of a hundred samples exceeds.
    pub(crate) p99: f64,
    /// The greatest.
    pub(crate) max: f64,
    /// The median over that of one durable write to the API server.
    pub(crate) ratio_to_write: Option<f64>,
    /// Samples.
    pub(crate) samples: usize,
}

impl Row {
    /// Of times, one for each sample.
    pub(crate) fn of_times(scenario: impl Into<String>, times: &[Duration]) -> Self {
        let times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        Self::new(scenario, "ms", &times)
    }

    pub(crate) fn new(scenario: impl Into<String>, unit: &'static str, samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let at = |index: usize| sorted.get(index.min(last)).copied().map_or(f64::NAN, thousandths);
        Self {
            scenario: scenario.into(),
            unit,
            median: at(sorted.len() / 2),
            p99: at(sorted.len() * 99 / 100),
            max: at(last),
            ratio_to_write: None,
            samples: samples.len(),
        }
    }

    /// Beside a write to the API server.
    pub(crate) fn beside(mut self, write: &Self) -> Self {
        self.ratio_to_write = Some(thousandths(self.median / write.median));
        self
    }

    /// For people who wait for the rest.
    pub(crate) fn line(&self) -> String {
        format!("{}: {} {}, p99 {}", self.scenario, self.median, self.unit, self.p99)
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["SCENARIO", "MEDIAN", "P99", "MAX", "UNIT", "× WRITE", "SAMPLES"]);
    for row in rows {
        table.add_row([
            row.scenario.clone(),
            row.median.to_string(),
            row.p99.to_string(),
            row.max.to_string(),
            row.unit.to_owned(),
            row.ratio_to_write.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string()),
            row.samples.to_string(),
        ]);
    }
    table.to_string()
}
