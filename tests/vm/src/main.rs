//! `guideway-vm PLAN.json`: works on a plan and writes what comes out of it, one line of JSON for each event.
//!
//! `cargo xtask vmtest` runs it in a virtual machine, and for comparison on the host.
#![forbid(unsafe_code)]

mod command;
mod suite;
mod traffic;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use guideway_vm::event::Event;
use guideway_vm::plan::Plan;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guideway-vm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: guideway-vm PLAN.json")?;
    let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let plan: Plan = serde_json::from_slice(&text).with_context(|| format!("parse {}", path.display()))?;
    let out = Out(Mutex::new(std::io::stdout()));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").context("release of the kernel")?;
    out.say(&Event::Started { kernel: kernel.trim().to_owned() })?;
    for suite in &plan.suites {
        out.or_say(&format!("test binary {}", suite.name), suite::run(suite, &out))?;
    }
    if let Some(traffic) = &plan.traffic {
        out.or_say("traffic", traffic::run(traffic, &out))?;
    }
    out.say(&Event::Ended)
}

/// Where the events go.
struct Out(Mutex<std::io::Stdout>);

impl Out {
    /// Writes one event.
    fn say(&self, event: &Event) -> Result<()> {
        let mut line = serde_json::to_string(event)?;
        line.push('\n');
        let mut out = self.0.lock().map_err(|_| anyhow::anyhow!("a writer panicked"))?;
        out.write_all(line.as_bytes()).context("write an event")?;
        out.flush().context("write an event")
    }

    /// Writes the error of a step, if it has one.
    fn or_say(&self, step: &str, result: Result<()>) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        self.say(&Event::Failed { step: step.to_owned(), error: format!("{error:#}") })
    }
}
