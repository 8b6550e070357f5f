//! The log of a daemon, and how its command line ends.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// Logs to standard error from now on: what RUST_LOG says, else what `usually` says. To be called once.
pub fn log(format: LogFormat, usually: &str) {
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    let filter = filter.parse_lossy(wanted.as_deref().unwrap_or(usually));
    // A log that nobody reads any more must not end the daemon: without this the subscriber panics over it.
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Prints the completion script of `program` for a shell.
///
/// # Errors
/// When it cannot be written.
pub fn completions(shell: Shell, command: &mut Command, program: &str) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, program, &mut script);
    io::stdout().write_all(&script)
}

/// Tells why it failed, with the causes, and gives the code to exit with.
pub fn end<E: Display>(outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading.
            let _unread = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
