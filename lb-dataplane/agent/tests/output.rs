//! Runs the binary with an output that nobody reads.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn code(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> i32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lb-dataplane"));
    command.args(arguments).stdout(stdout).stderr(stderr).status().unwrap().code().unwrap()
}

/// 101 would be a panic.
#[test]
fn a_closed_pipe_is_no_failure() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert_eq!(code(&["completions", shell], closed(), Stdio::inherit()), 0, "{shell}");
    }
    let missing = ["run", "--config", "/nonexistent/guideway.yaml"];
    assert_eq!(code(&missing, Stdio::null(), closed()), 1);
    assert_eq!(code(&["check", "--config", "/nonexistent/guideway.yaml"], Stdio::null(), closed()), 1);
}
