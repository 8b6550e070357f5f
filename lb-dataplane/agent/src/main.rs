//! `lb-dataplane`: the node agent of a Guideway forwarder. See the library.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{CommandFactory, Parser};
use guideway_bpf::OpenError;
use guideway_dataplane::check::{self, Verdict};
use guideway_dataplane::cli::{Cli, Command, JoinArgs, RunArgs};
use guideway_dataplane::controller::join;
use guideway_dataplane::error::chain;
use guideway_dataplane::load::{Accept, load};
use guideway_dataplane::run::RunError;
use guideway_dataplane::{log, null_route, run};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run_agent(args),
        Command::Check(args) => {
            match check::check(&args.config, &mut io::stdout().lock(), &mut io::stderr().lock()) {
                Ok(Verdict::Good) => ExitCode::SUCCESS,
                Ok(Verdict::Bad) => ExitCode::FAILURE,
                Err(error) => failed(&error),
            }
        }
        Command::Detach(args) => detach(&args.pin_root),
        Command::Join(args) => join_controller(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lb-dataplane", &mut script);
            match io::stdout().write_all(&script) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failed(&error),
                _ => ExitCode::SUCCESS,
            }
        }
    }
}

fn run_agent(args: RunArgs) -> ExitCode {
    if let Err(error) = log::start(args.log_format, &args.log) {
        return failed(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let result = runtime.block_on(run::run(args));
    // A write of the history that hangs does not hold the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let RunError::Config(errors) = &error {
                let mut stderr = io::stderr().lock();
                let _nobody_listens = errors.iter().try_for_each(|error| writeln!(stderr, "{error}"));
            }
            failed(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn join_controller(args: &JoinArgs) -> ExitCode {
    let config = match load(&args.config, Accept::RegularFile).config {
        Ok(config) => config,
        Err(errors) => {
            let mut stderr = io::stderr().lock();
            let _nobody_listens = errors.iter().try_for_each(|error| writeln!(stderr, "{error}"));
            return ExitCode::FAILURE;
        }
    };
    let Some(files) = config.controller() else {
        let path = args.config.display();
        let _nobody_listens = writeln!(
            io::stderr(),
            "lb-dataplane: {path} has no section `controller`: there is nobody to join"
        );
        return ExitCode::FAILURE;
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let joined = join::read_token(&args.token_file)
        .and_then(|token| runtime.block_on(join::join(files, &args.controller, &token)));
    match joined {
        Ok(until) => {
            let days = until.duration_since(SystemTime::now()).unwrap_or_default().as_secs() / 86_400;
            let path = files.certificate.display();
            let _nobody_listens = writeln!(io::stdout(), "{path}: the certificate is good for {days} days");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn detach(pin_root: &Path) -> ExitCode {
    let removed = match guideway_bpf::Dataplane::remove(pin_root) {
        Ok(is_removed) => {
            let found =
                if is_removed { "the forwarder is detached and removed" } else { "nothing is pinned here" };
            // The null routes go as well, whether or not somebody reads this.
            let _nobody_listens = writeln!(io::stdout(), "{}: {found}", pin_root.display());
            ExitCode::SUCCESS
        }
        // Another process works with it, and with the null routes.
        Err(error @ (OpenError::InUse(_) | OpenError::Foreign { .. })) => return failed(&error),
        Err(error) => failed(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(null_route::remove_all()) {
        Ok(()) => removed,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let _nobody_listens = writeln!(io::stderr(), "lb-dataplane: {}", chain(error));
    ExitCode::FAILURE
}
