//! `lbctl`, the operator's command line: asks lb-dataplane, bgp-speaker, lb-bfd, lb-decap and
//! lb-controller over their Unix sockets.
//!
//! Each command is a file in `commands` with a pure part, which turns an answer into text, and the call around it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod commands;
mod dial;
mod outcome;
mod render;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{BfdCommand, BgpCommand, Cli, Command, DataplaneCommand, DecapCommand, ImportCommand};
use dial::Failure;
use outcome::Outcome;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "lbctl", &mut script);
        return print(&Outcome::positive(String::from_utf8_lossy(&script).into_owned()));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure::Runtime(error)),
    };
    match runtime.block_on(run(&cli)) {
        Ok(outcome) => print(&outcome),
        Err(failure) => fail(&failure),
    }
}

async fn run(cli: &Cli) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Status => commands::status::run(cli).await,
        Command::Vips => commands::vips::run(cli).await,
        Command::Backends { vip } => commands::backends::run(cli, vip.as_deref()).await,
        Command::Sets => commands::sets::run(cli).await,
        Command::Routes => commands::routes::run(cli).await,
        Command::Dataplane { command: DataplaneCommand::History } => {
            commands::dataplane_history::run(cli).await
        }
        Command::Dataplane { command: DataplaneCommand::Rollback { generation } } => {
            commands::reload::roll_back(cli, *generation).await
        }
        Command::Services => commands::services::run(cli).await,
        Command::Pools => commands::pools::run(cli).await,
        Command::Forwarders => commands::forwarders::run(cli).await,
        Command::Shards => commands::shards::run(cli).await,
        Command::Generations => commands::generations::run(cli).await,
        Command::Diff(arguments) => commands::diff::run(cli, arguments.generation).await,
        Command::Apply(arguments) => commands::apply::run(cli, arguments.yes).await,
        Command::History => commands::history::run(cli).await,
        Command::Rollback { generation } => commands::apply::roll_back(cli, *generation).await,
        Command::Resume => commands::apply::resume(cli).await,
        Command::Import { command: ImportCommand::Metallb { file } } => {
            commands::import_metallb::run(cli, file)
        }
        Command::Bfd { command: BfdCommand::Sessions } => commands::bfd_sessions::run(cli).await,
        Command::Decap { command: DecapCommand::Status } => commands::decap_status::run(cli).await,
        Command::Bgp { command } => bgp(cli, command).await,
        Command::Counters => commands::counters::run(cli).await,
        Command::Explain(flow) => commands::explain::run(cli, flow).await,
        Command::Reload => commands::reload::run(cli).await,
        Command::Completions { .. } => Ok(Outcome::positive(String::new())), // answered without a runtime
    }
}

async fn bgp(cli: &Cli, command: &BgpCommand) -> Result<Outcome, Failure> {
    match command {
        BgpCommand::Peers => commands::bgp_peers::run(cli).await,
        BgpCommand::Routes => commands::bgp_routes::run(cli).await,
        BgpCommand::AdjRibIn { peer, prefix } => {
            commands::bgp_paths::adj_rib_in(cli, peer, prefix.as_deref()).await
        }
        BgpCommand::AdjRibOut { peer, prefix } => {
            commands::bgp_paths::adj_rib_out(cli, peer, prefix.as_deref()).await
        }
        BgpCommand::Explain { target } => commands::bgp_explain::run(cli, target).await,
        BgpCommand::History { peer } => commands::bgp_history::run(cli, peer).await,
        BgpCommand::Drain(arguments) => commands::bgp_drain::run(cli, arguments).await,
        BgpCommand::Undrain { vip } => commands::bgp_drain::undrain(cli, vip.as_deref()).await,
        BgpCommand::Reset { peer, soft, reason } => commands::bgp_reset::run(cli, peer, *soft, reason).await,
    }
}

fn print(outcome: &Outcome) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(outcome.text.as_bytes()).and_then(|()| stdout.flush());
    match written {
        // Who closed the pipe (`| head`) has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&Failure::Output(error)),
        _ => outcome.answer.into(),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    let _nobody_listens = writeln!(io::stderr(), "lbctl: {failure}");
    failure.exit_code()
}
