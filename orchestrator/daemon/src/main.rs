//! `orchestrator`: a Kubernetes control plane in one process. See the library.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use guideway_orchestrator::cli::{Cli, Command};
use guideway_orchestrator::error::chain;
use guideway_orchestrator::{commands, log, run};
use mimalloc::MiMalloc;

/// Each request makes and drops some hundred small values, often on different threads. musl, with which the static binary is
/// built, has one lock for all of them (decision 21).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Server(args) => log::start(args.log_format, &args.log)
            .map_err(Into::into)
            .and_then(|()| block_on(async { run::run(*args).await.map_err(Into::into) })),
        Command::Kubeconfig(args) => commands::kubeconfig(&args).map_err(Into::into),
        Command::Backup(args) => block_on(async { commands::backup(&args).await.map_err(Into::into) }),
        Command::Restore(args) => block_on(async { commands::restore(&args).await.map_err(Into::into) }),
        Command::Defragment(args) => {
            block_on(async { commands::defragment(&args).await.map_err(Into::into) })
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "orchestrator", &mut script);
            match io::stdout().write_all(&script) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(()),
            }
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

/// Tasks between two looks at the sockets. With tokio's own 61 a small request waits until so many long lists have each been
/// sent some way; to look more often costs writers nothing that can be measured.
const BETWEEN_LOOKS: u32 = 8;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().event_interval(BETWEEN_LOOKS).enable_all().build()?;
    let result = runtime.block_on(work);
    // What still writes to a client that does not read does not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let _nobody_listens = writeln!(io::stderr(), "orchestrator: {}", chain(error));
    ExitCode::FAILURE
}
