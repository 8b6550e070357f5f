//! The virtual machine.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::kernel::Kernel;
use super::report::Run;
use crate::steps::seconds;

/// Emulated CPUs, each a thread of QEMU.
const CPUS: &str = "2";
/// Megabytes.
const MEMORY: &str = "3072";
/// Lines of the console that an error shows.
const LINES: usize = 30;

/// Ends QEMU when it goes out of scope.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the kernel and takes what comes out of the machine until it switches itself off.
pub(super) fn run(folder: &Path, kernel: &Kernel, image: &Path, limit: Duration) -> Result<Run> {
    let console = folder.join("console.log");
    eprintln!("==> on {} in a virtual machine (console: {})", kernel.release, console.display());
    let start = Instant::now();
    let mut machine = Machine(
        qemu(&console, kernel, image)
            .spawn()
            .context("start qemu-system-x86_64 (package qemu-system-x86)")?,
    );
    let out = machine.0.stdout.take().context("QEMU has no output")?;
    let (lines, received) = channel();
    let reader = thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let mut run = Run::default();
    loop {
        let rest = limit.saturating_sub(start.elapsed());
        match received.recv_timeout(rest) {
            Ok(line) => {
                if run.kernel.is_none() {
                    run.boot = Some(start.elapsed());
                }
                run.take(line.trim_end());
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                bail!("the machine was stopped after {}\n{}", seconds(limit), last_lines(&console));
            }
        }
    }
    let _ = reader.join();
    machine.0.wait().context("QEMU")?;
    if !run.has_ended {
        bail!("the machine stopped before the end; the console said\n{}", last_lines(&console));
    }
    eprintln!("    done in {}", seconds(start.elapsed()));
    Ok(run)
}

fn qemu(console: &Path, kernel: &Kernel, image: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    // KVM is left alone: where a machine is itself virtual, it may hang.
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", CPUS, "-m", MEMORY]);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(image);
    command.args(["-append", "console=ttyS0 panic=-1 loglevel=5"]);
    command.arg("-serial").arg(format!("file:{}", console.display())).args(["-serial", "stdio"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn last_lines(console: &Path) -> String {
    let text = std::fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| format!("    | {line}\n")).collect()
}
