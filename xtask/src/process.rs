//! Running other programs.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `command` with our output and no input; an error names the command line and how it ended.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{}`", command_line(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", command_line(command));
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to its standard output; what it wrote to standard error goes into the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", command_line(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` ended with {}: {}", command_line(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote something that is not UTF-8", command_line(command)))
}

/// Whether `command` can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command line as one would type it.
pub(crate) fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// `cargo ARGS` in the root of the working tree, with the toolchain that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(crate::repo::root());
    // What `cargo run` sets for us must not reach the build scripts of other packages.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed() {
        let mut command = Command::new("cargo");
        command.args(["nextest", "run", "-E", "not test(a b)", "it's", ""]);
        assert_eq!(command_line(&command), r"cargo nextest run -E 'not test(a b)' 'it'\''s' ''");
    }

    #[test]
    fn an_error_names_the_command_and_its_status() {
        let error = run(Command::new("sh").args(["-c", "exit 7"])).expect_err("it fails");
        assert_eq!(error.to_string(), "`sh -c 'exit 7'` ended with exit status: 7");
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).expect_err("it fails");
        assert_eq!(error.to_string(), "`sh -c 'echo why >&2; exit 1'` ended with exit status: 1: why");
    }
}
