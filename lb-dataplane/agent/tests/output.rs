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

/// The log's reader may die (`| tee`, a restarted log daemon); the agent has better things to do than to die with it.
#[test]
fn a_log_that_nobody_reads_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c.yaml");
    let socket = dir.path().join("admin.sock");
    let text = format!(
        "seed: 000102030405060708090a0b0c0d0e0f\ninterfaces: [{{name: none0}}]\n\
         admin: {{socket: {}}}\nmetrics: {{listen: \"127.0.0.1:0\"}}\n",
        socket.display()
    );
    std::fs::write(&config, text).unwrap();
    // There is no BPF file system, so it ends by itself; before that it logs.
    let (config, pins) = (config.to_str().unwrap(), dir.path().to_str().unwrap());
    let run = ["run", "--log", "debug", "--config", config, "--pin-root", pins];
    assert_eq!(code(&run, Stdio::null(), closed()), 1);
    let command = Command::new(env!("CARGO_BIN_EXE_lb-dataplane")).args(run).output().unwrap();
    let log = String::from_utf8(command.stderr).unwrap();
    assert!(log.contains("DEBUG the configuration is read"), "nothing was logged: {log}");
}
