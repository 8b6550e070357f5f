//! The demonstration.

use std::process::ExitCode;

use clap::Args;

/// Options of `cargo xtask demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {}

/// Shows the load balancer at work.
pub(crate) fn run(_args: DemoArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the demonstration is not there yet")
}
