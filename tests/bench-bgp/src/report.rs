//! Results.

use std::time::Duration;

use serde::Serialize;

/// One scenario.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) scenario: String,
    /// Who announced.
    pub(crate) speaker: String,
    /// The unit of the figures.
    pub(crate) unit: &'static str,
    /// Median of the rounds.
    pub(crate) median: f64,
    /// The value that one of a hundred rounds exceeds; with fewer rounds the greatest.
    pub(crate) p99: f64,
    /// The least.
    pub(crate) min: f64,
    /// The greatest.
    pub(crate) max: f64,
    /// Median over BIRD's median in the same scenario.
    pub(crate) ratio_to_bird: Option<f64>,
    /// Rounds measured.
    pub(crate) rounds: usize,
}

impl Row {
    /// Of times, one for each round.
    pub(crate) fn of_times(scenario: &str, speaker: &str, times: &[Duration]) -> Self {
        let values: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        Self::new(scenario, speaker, "ms", &values)
    }

    /// Of values, one for each round.
    pub(crate) fn new(scenario: &str, speaker: &str, unit: &'static str, values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().map_or(f64::NAN, hundredths);
        let last = sorted.len().saturating_sub(1);
        Self {
            scenario: scenario.to_owned(),
            speaker: speaker.to_owned(),
            unit,
            median: at(sorted.len() / 2),
            p99: at((sorted.len() * 99).div_ceil(100).min(last)),
            min: at(0),
            max: at(last),
            ratio_to_bird: None,
            rounds: values.len(),
        }
    }

    /// Beside BIRD's row of the same scenario.
    pub(crate) fn beside(mut self, bird: &Self) -> Self {
        self.ratio_to_bird = Some(hundredths(self.median / bird.median));
        self
    }

    /// For people who wait for the rest.
    pub(crate) fn line(&self) -> String {
        format!("{} ({}): {} {}", self.scenario, self.speaker, self.median, self.unit)
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The rows for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["SCENARIO", "SPEAKER", "MEDIAN", "P99", "MIN", "MAX", "UNIT", "× BIRD", "ROUNDS"]);
    for row in rows {
        let ratio = row.ratio_to_bird.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
        let figures = [row.median, row.p99, row.min, row.max].map(|figure| figure.to_string());
        let [median, p99, min, max] = figures;
        let (scenario, speaker) = (row.scenario.clone(), row.speaker.clone());
        table.add_row([
            scenario,
            speaker,
            median,
            p99,
            min,
            max,
            row.unit.to_owned(),
            ratio,
            row.rounds.to_string(),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        let row = Row::new("s", "p", "ms", &values);
        assert_eq!((row.median, row.p99, row.min, row.max), (101.0, 199.0, 1.0, 200.0));
        let one = Row::of_times("s", "p", &[Duration::from_micros(1500)]);
        assert_eq!((one.median, one.p99, one.rounds), (1.5, 1.5, 1));
        assert_eq!(row.beside(&one).ratio_to_bird, Some(67.33));
    }
}
