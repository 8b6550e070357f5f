//! Other programs, with a time that they may take.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How an end is looked for.
const INTERVAL: Duration = Duration::from_millis(5);
/// How long an ordinary command may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How much of the output is kept.
const OUTPUT: u64 = 6_000;

/// How a command ended.
pub(crate) struct Ended {
    /// Its status; none when it took too long and was stopped with all of its group.
    pub(crate) status: Option<ExitStatus>,
    /// The end of what it wrote to standard output and standard error.
    pub(crate) output: String,
}

/// Runs a command, in a process group of its own, at most for `limit`.
pub(crate) fn run_for(command: &mut Command, limit: Duration) -> Result<Ended> {
    let mut output = nameless_file()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {}", command.get_program().display()))?;
    let status = wait(&mut child, limit)?;
    let len = output.seek(SeekFrom::End(0))?;
    output.seek(SeekFrom::Start(len.saturating_sub(OUTPUT)))?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    Ok(Ended { status, output: String::from_utf8_lossy(&bytes).into_owned() })
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            killpg(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGKILL)?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Runs a command that must succeed; gives its output.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let ended = run_for(command, LIMIT)?;
    match ended.status {
        Some(status) if status.success() => Ok(ended.output),
        Some(status) => bail!("{command:?} ended with {status}: {}", ended.output.trim()),
        None => bail!("{command:?} took more than {LIMIT:?}: {}", ended.output.trim()),
    }
}

/// Runs a command given by its words.
pub(crate) fn words(line: &str) -> Result<String> {
    let mut words = line.split_whitespace();
    run(Command::new(words.next().context("no command")?).args(words))
}

/// `line` in a network namespace that `ip netns` knows. Other than `ip netns exec` this leaves /sys as it is, and with
/// it the BPF file system.
pub(crate) fn inside(namespace: &str, line: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}")).args(line.split_whitespace());
    command
}

/// Waits until `is_done`, at most for `limit`.
pub(crate) fn wait_until(
    what: &str,
    limit: Duration,
    mut is_done: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !is_done()? {
        if Instant::now() >= deadline {
            bail!("waited {limit:?} for {what}");
        }
        std::thread::sleep(INTERVAL);
    }
    Ok(())
}

fn nameless_file() -> Result<File> {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_TMPFILE)
        .mode(0o600)
        .open(std::env::temp_dir())
        .context("a file for the output of a command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_come_back() {
        assert_eq!(
            run(Command::new("sh").args(["-c", "echo out; echo err >&2"])).expect("it succeeds"),
            "out\nerr\n"
        );
        let error = run(Command::new("sh").args(["-c", "echo why; exit 3"])).expect_err("it fails");
        assert!(error.to_string().ends_with("exit status: 3: why"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_stopped_with_its_children() {
        let ended = run_for(
            Command::new("sh").args(["-c", "echo begun; sleep 1000 & wait"]),
            Duration::from_millis(300),
        )
        .expect("it starts");
        assert!(ended.status.is_none());
        assert_eq!(ended.output, "begun\n");
    }
}
