//! Short commands that must succeed; an error carries the command line and what it wrote to stderr and stdout.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

/// Set when the lab is being torn down from a signal: from then on nothing new is started.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Refuses every further command and process of this program, so that a teardown does not race with a build.
pub fn refuse_new_processes() {
    STOPPED.store(true, Ordering::SeqCst);
}

pub(crate) fn refuse_when_stopped() -> Result<()> {
    if STOPPED.load(Ordering::SeqCst) {
        bail!("interrupted: the lab is being taken down");
    }
    Ok(())
}

/// Runs `program` with `args` and returns what it wrote to stdout.
///
/// # Errors
/// When it cannot be started or ends with another status than 0.
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<String> {
    refuse_when_stopped()?;
    run_always(program, args)
}

/// [`run`] for a teardown: works after [`refuse_new_processes`].
///
/// # Errors
/// As [`run`].
pub fn run_always<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<String> {
    stdout(program, args, output(program, args)?)
}

/// What a command that has ended wrote to stdout.
///
/// # Errors
/// When it ended with another status than 0; the text has what it wrote to stderr and to stdout.
pub fn stdout<S: AsRef<OsStr>>(program: &str, args: &[S], output: Output) -> Result<String> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = format!("{}\n{}", stderr.trim(), stdout.trim());
        bail!("`{}` ended with {}: {}", line(program, args), output.status, said.trim());
    }
    Ok(stdout)
}

/// Runs a command and returns status and output whatever the status is.
///
/// # Errors
/// When it cannot be started.
pub fn output<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Result<Output> {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`: is the package installed?", line(program, args)))
}

/// [`run`] with the arguments separated by spaces in one string, for commands without blanks in an argument.
///
/// # Errors
/// As [`run`].
pub fn sh(command: &str) -> Result<String> {
    let mut words = command.split_whitespace();
    let program = words.next().context("empty command")?;
    run(program, &words.collect::<Vec<_>>())
}

fn line<S: AsRef<OsStr>>(program: &str, args: &[S]) -> String {
    let mut line = program.to_owned();
    for arg in args {
        line.push(' ');
        line.push_str(&arg.as_ref().to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_error_names_the_command_and_its_stderr() {
        let error = super::sh("ls /no/such/folder").unwrap_err().to_string();
        assert!(error.contains("ls /no/such/folder") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn stdout_is_returned() {
        assert_eq!(super::sh("echo one two").unwrap(), "one two\n");
    }
}
