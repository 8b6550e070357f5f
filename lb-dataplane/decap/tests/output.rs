//! Runs the binary with an output that nobody reads.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::process::{Command, Stdio};

/// Exit code and standard error.
fn lb_decap(arguments: &[&str], stdout: Stdio) -> (i32, String) {
    let command =
        Command::new(env!("CARGO_BIN_EXE_lb-decap")).args(arguments).stdout(stdout).output().unwrap();
    (command.status.code().unwrap(), String::from_utf8(command.stderr).unwrap())
}

fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_closed_pipe_is_no_failure() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert_eq!(lb_decap(&["completions", shell], closed()), (0, String::new()), "{shell}");
    }
    // Nothing is pinned there, so both change nothing: status answers 3, detach has nothing to do.
    let nowhere = ["--pin-root", "/nonexistent/guideway"];
    assert_eq!(lb_decap(&["status", nowhere[0], nowhere[1]], closed()), (3, String::new()));
    assert_eq!(lb_decap(&["detach", nowhere[0], nowhere[1]], closed()), (0, String::new()));
}

#[test]
fn a_full_disk_is_one_for_answers() {
    let full = || File::options().write(true).open("/dev/full").unwrap().into();
    let (code, stderr) = lb_decap(&["status", "--pin-root", "/nonexistent/guideway"], full());
    assert!(code == 1 && stderr.starts_with("lb-decap: cannot print the answer"), "{code} {stderr}");
}
