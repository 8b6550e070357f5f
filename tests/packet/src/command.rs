//! The `ip` command.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs `ip` with these arguments, separated by blanks, in the caller's network namespace.
///
/// # Errors
///
/// When it is missing or fails; the text has the arguments and what it said.
pub fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .context("run ip (package iproute2)")?;
    if !output.status.success() {
        bail!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// A MAC address as `ip` takes it.
#[must_use]
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}
