//! What is in `deploy/` fits the programs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

#[test]
fn the_examples_are_good() {
    for example in ["examples/lb-dataplane.yaml", "examples/lb-dataplane-controller.yaml"] {
        let example = deploy().join(example);
        let check = Command::new(env!("CARGO_BIN_EXE_lb-dataplane"))
            .args(["check", "--config"])
            .arg(example)
            .output()
            .unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    }
}

/// By default systemd gives up after five starts in ten seconds, which a restart every second reaches: a typing error in a
/// configuration, and the daemon stays down when the error has been mended.
#[test]
fn units_that_restart_do_so_for_ever() {
    let mut units = 0;
    for unit in fs::read_dir(deploy().join("systemd")).unwrap() {
        let unit = unit.unwrap().path();
        let text = fs::read_to_string(&unit).unwrap();
        let has = |wanted: &str| text.lines().any(|line| line == wanted);
        assert!(text.lines().any(|line| line.starts_with("Restart=")), "{}", unit.display());
        assert!(has("StartLimitIntervalSec=0"), "{}", unit.display());
        units += 1;
    }
    assert_eq!(units, 7);
}
