//! Test binaries: each test in a process of its own, as cargo-nextest does it.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use guideway_vm::event::{Event, Outcome, Test};
use guideway_vm::plan::Suite;

use crate::{Out, command};

/// Runs the tests of a binary.
pub(crate) fn run(suite: &Suite, out: &Out) -> Result<()> {
    let mut names = list(suite, &[])?;
    let ignored: HashSet<String> = list(suite, &["--ignored"])?.into_iter().collect();
    names.retain(|name| !ignored.contains(name) && chosen(&suite.only, name));
    let queue = Mutex::new(names.into_iter());
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..suite.jobs.max(1))
            .map(|_| {
                scope.spawn(|| {
                    while let Some(name) = next() {
                        out.say(&Event::Test(run_one(suite, name)?))?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        Ok(())
    })
}

fn chosen(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|part| name.contains(part))
}

fn list(suite: &Suite, words: &[&str]) -> Result<Vec<String>> {
    let mut command = Command::new(&suite.binary);
    command.current_dir(&suite.directory).args(["--list", "--format", "terse"]).args(words);
    let output = command.output().with_context(|| format!("start {}", suite.binary.display()))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

fn run_one(suite: &Suite, name: String) -> Result<Test> {
    let start = Instant::now();
    let mut test = Command::new(&suite.binary);
    test.current_dir(&suite.directory).args(["--exact", &name, "--nocapture"]).env("RUST_BACKTRACE", "0");
    // Tests find snapshots and the like by it at run time.
    test.env("CARGO_MANIFEST_DIR", &suite.directory);
    let ended = command::run_for(&mut test, suite.limit)?;
    let outcome = match ended.status {
        Some(status) if status.success() => Outcome::Pass,
        Some(_) => Outcome::Fail,
        None => Outcome::TimedOut,
    };
    Ok(Test {
        suite: suite.name.clone(),
        name,
        outcome,
        seconds: start.elapsed().as_secs_f64(),
        output: if outcome == Outcome::Pass { String::new() } else { ended.output },
    })
}
