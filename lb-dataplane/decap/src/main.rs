//! `lb-decap`: sets a backend up to receive encapsulated traffic for its VIPs.
//!
//! ```text
//! up      pins and attaches the decap program, allows the VIPs, puts them on lo, sets ARP and source checks
//! status  reads all of this back
//! down    undoes what up did, and nothing else
//! ```
//!
//! What `up` found is kept beside the pinned program, so that there is no state file that could disagree with it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod down;
mod loopback;
mod say;
mod status;
mod sysctl;
mod up;
mod vip;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Up(arguments) => up::up(&arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Down(arguments) => down::down(&arguments.pin_root).await.map(|()| ExitCode::SUCCESS),
        Command::Status(arguments) => status::status(&arguments).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lb-decap", &mut script);
            say::answer(&script).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
    };
    result.unwrap_or_else(|error| {
        let _nobody_listens = writeln!(std::io::stderr(), "lb-decap: {error:#}");
        ExitCode::from(cli::EXIT_FAILED)
    })
}
