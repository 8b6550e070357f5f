//! What came out.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context, Result};
use guideway_vm::event::{Event, Outcome, Rate, Test};
use serde_json::{Value, json};

use crate::steps::seconds;

/// A plan that was worked on, on one kernel.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The kernel's release.
    pub(super) kernel: Option<String>,
    /// From the start of the machine to its first word.
    pub(super) boot: Option<Duration>,
    /// Whether the plan was worked on to its end.
    pub(super) has_ended: bool,
    tests: Vec<Test>,
    rates: Vec<Rate>,
    /// Steps that failed, and why.
    failed: Vec<(String, String)>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// On this host.
    pub(super) host: Option<Run>,
    /// On the other kernel.
    pub(super) machine: Option<Run>,
}

impl Run {
    /// Takes a line of output, and shows it.
    pub(super) fn take(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            eprintln!("    ? {line}");
            return;
        };
        match event {
            Event::Started { kernel } => {
                let boot = self.boot.map_or_else(String::new, |boot| format!(", up in {}", seconds(boot)));
                eprintln!("    Linux {kernel}{boot}");
                self.kernel = Some(kernel);
            }
            Event::Test(test) => {
                eprintln!("    {} {:>7.1}s  {}::{}", word(test.outcome), test.seconds, test.suite, test.name);
                for line in test.output.lines() {
                    eprintln!("         | {line}");
                }
                self.tests.push(test);
            }
            Event::Rate(rate) => {
                let (subject, traffic) = (&rate.subject, &rate.traffic);
                eprintln!("    PASS {subject:<10} {traffic:<11} {:>9.0} packets/s", rate.per_second());
                self.rates.push(rate);
            }
            Event::Failed { step, error } => {
                eprintln!("    FAIL {step}: {error}");
                self.failed.push((step, error));
            }
            Event::Ended => self.has_ended = true,
        }
    }

    fn is_good(&self) -> bool {
        self.has_ended
            && self.failed.is_empty()
            && self.tests.iter().all(|test| test.outcome == Outcome::Pass)
    }

    fn kernel(&self) -> &str {
        self.kernel.as_deref().unwrap_or("unknown")
    }

    /// The median of the rounds.
    fn rate(&self, subject: &str, traffic: &str) -> Option<f64> {
        let found = self.rates.iter().filter(|rate| rate.subject == subject && rate.traffic == traffic);
        let mut rates: Vec<f64> = found.map(Rate::per_second).collect();
        rates.sort_unstable_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }

    fn comparisons(&self) -> Vec<Comparison> {
        let mut traffics: Vec<&str> = Vec::new();
        for rate in &self.rates {
            if !traffics.contains(&rate.traffic.as_str()) {
                traffics.push(&rate.traffic);
            }
        }
        let of = |traffic: &str| Comparison {
            traffic: traffic.to_owned(),
            bare_tx: self.rate("bare_tx", traffic),
            forwarder: self.rate("forwarder", traffic),
            ipvs: self.rate("ipvs", traffic),
        };
        traffics.into_iter().map(of).collect()
    }

    fn json(&self) -> Value {
        let ratios: Vec<Value> = self.comparisons().iter().map(Comparison::json).collect();
        let failed: Vec<Value> =
            self.failed.iter().map(|(step, error)| json!({"step": step, "error": error})).collect();
        json!({
            "kernel": self.kernel,
            "boot_seconds": self.boot.map(|boot| boot.as_secs_f64()),
            "passed": self.is_good(),
            "tests": self.tests,
            "rates": self.rates,
            "ratios": ratios,
            "failed_steps": failed,
        })
    }
}

/// Packets a second of the same traffic through each subject.
struct Comparison {
    traffic: String,
    bare_tx: Option<f64>,
    forwarder: Option<f64>,
    ipvs: Option<f64>,
}

impl Comparison {
    /// How many packets the forwarder moves for each one of IPVS, generator and sink included.
    fn rate_to_ipvs(&self) -> Option<f64> {
        Some(self.forwarder? / self.ipvs?)
    }

    /// The forwarder's rate as a part of what comes back when nothing is done.
    fn rate_to_bare_tx(&self) -> Option<f64> {
        Some(self.forwarder? / self.bare_tx?)
    }

    fn json(&self) -> Value {
        json!({
            "traffic": self.traffic,
            "forwarder_to_bare_tx": self.rate_to_bare_tx(),
            "forwarder_to_ipvs": self.rate_to_ipvs(),
        })
    }
}

impl Report {
    /// Whether nothing failed.
    pub(super) fn is_good(&self) -> bool {
        [&self.host, &self.machine].into_iter().flatten().all(Run::is_good)
    }

    /// Writes it to standard output.
    pub(super) fn print(&self, as_json: bool) -> Result<()> {
        let json = |run: &Option<Run>| run.as_ref().map_or(Value::Null, Run::json);
        let text = if as_json {
            let report =
                json!({"passed": self.is_good(), "host": json(&self.host), "vm": json(&self.machine)});
            serde_json::to_string_pretty(&report)?
        } else {
            self.text()
        };
        writeln!(std::io::stdout(), "{}", text.trim_end()).context("write the results")
    }

    fn text(&self) -> String {
        let runs: Vec<&Run> = [&self.host, &self.machine].into_iter().flatten().collect();
        let mut text = String::new();
        // A test in one row, each kernel in a column.
        let mut tests: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for (column, run) in runs.iter().enumerate() {
            for test in &run.tests {
                let row =
                    tests.entry((&test.suite, &test.name)).or_insert_with(|| vec![String::new(); runs.len()]);
                row[column] = format!("{} {:.1}s", word(test.outcome), test.seconds);
            }
        }
        let width = tests.keys().map(|(suite, name)| suite.len() + name.len() + 2).max().unwrap_or(0).max(4);
        if !tests.is_empty() {
            text += &format!("\n{:<width$}", "TEST");
            text += &runs.iter().map(|run| format!("  {:<24}", run.kernel())).collect::<String>();
            text.push('\n');
        }
        for ((suite, name), row) in &tests {
            text += &format!("{:<width$}", format!("{suite}::{name}"));
            text += &row.iter().map(|cell| format!("  {cell:<24}")).collect::<String>();
            text.push('\n');
        }
        for run in &runs {
            text += &rates(run);
            for (step, error) in &run.failed {
                text += &format!("\nFAIL {} {step}: {error}\n", run.kernel());
            }
            let passed = run.tests.iter().filter(|test| test.outcome == Outcome::Pass).count();
            text += &format!("\n{}: {passed} of {} tests passed\n", run.kernel(), run.tests.len());
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n")
    }
}

fn rates(run: &Run) -> String {
    let comparisons = run.comparisons();
    if comparisons.is_empty() {
        return String::new();
    }
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    let row = |cells: [&str; 6]| {
        let [traffic, bare, forwarder, ipvs, to_bare, to_ipvs] = cells;
        format!("{traffic:<12}{bare:>12}{forwarder:>12}{ipvs:>12}{to_bare:>16}{to_ipvs:>16}\n")
    };
    let mut text =
        format!("\npktgen on {} (emulated: only the ratios mean something), packets/s\n", run.kernel());
    text += &row(["TRAFFIC", "BARE TX", "FORWARDER", "IPVS MH", "FORWARDER/BARE", "FORWARDER/IPVS"]);
    for comparison in &comparisons {
        text += &row([
            &comparison.traffic,
            &rate(comparison.bare_tx),
            &rate(comparison.forwarder),
            &rate(comparison.ipvs),
            &ratio(comparison.rate_to_bare_tx()),
            &ratio(comparison.rate_to_ipvs()),
        ]);
    }
    text
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Fail => "FAIL",
        Outcome::TimedOut => "LATE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kernel: &str, lines: &[&str]) -> Run {
        let mut run = Run { kernel: Some(kernel.to_owned()), ..Run::default() };
        for line in lines {
            run.take(line);
        }
        run
    }

    #[test]
    fn kernels_stand_beside_each_other() {
        let test = |outcome: &str| {
            format!(
                r#"{{"event":"test","suite":"pins","name":"t","outcome":"{outcome}","seconds":1,"output":""}}"#
            )
        };
        let rate = |subject: &str, returned: u64| {
            format!(
                r#"{{"event":"rate","subject":"{subject}","traffic":"udp","sent":9,"returned":{returned},"seconds":2}}"#
            )
        };
        let ended = r#"{"event":"ended"}"#;
        let host = run("6.18.0", &[&test("pass"), ended]);
        let machine = run("6.1.0", &[&test("fail"), &rate("forwarder", 8), &rate("ipvs", 2), ended]);
        assert!(host.is_good() && !machine.is_good());
        let report = Report { host: Some(host), machine: Some(machine) };
        assert!(!report.is_good());
        let text = report.text();
        assert!(text.contains("pins::t  PASS 1.0s                 FAIL 1.0s"), "{text}");
        assert!(text.contains("4           1               -            4.00"), "{text}");
        assert!(text.contains("6.1.0: 0 of 1 tests passed"), "{text}");
    }
}
