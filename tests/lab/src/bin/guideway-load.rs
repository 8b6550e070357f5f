//! Real HTTP load for the lab; one JSON document on stdout, progress on stderr.

use std::net::SocketAddr;

use anyhow::Result;
use clap::{Parser, Subcommand};
use guideway_lab::load::{FlowSpec, HoldSpec, run_flows, run_hold};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Real HTTP load with known flows: which backend answers each, which requests fail, which flows move.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// Flows with fixed source ports; each request is a new connection from the flow's own port.
    Flows {
        /// Address and port to request, for example `203.0.113.10:80` or `[2001:db8::10]:80`.
        #[arg(long)]
        target: SocketAddr,
        #[command(flatten)]
        spec: FlowSpec,
    },
    /// Long-lived connections, each with a request from time to time.
    Hold {
        /// Address and port to connect to.
        #[arg(long)]
        target: SocketAddr,
        #[command(flatten)]
        spec: HoldSpec,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let stop = stop_on_signal()?;
    let report = match cli.load {
        Load::Flows { target, spec } => {
            let report = run_flows(target, spec, stop, |report| {
                eprintln!("round {}: {} requests, {} failed", report.rounds, report.requests, report.failed);
            });
            serde_json::to_string(&report.await?)?
        }
        Load::Hold { target, spec } => {
            let connections = spec.connections;
            let established = move || eprintln!("established {connections} connections");
            let report = run_hold(target, spec, stop, established, |round| eprintln!("{round}"));
            serde_json::to_string(&report.await?)?
        }
    };
    println!("{report}");
    Ok(())
}

fn stop_on_signal() -> Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = stop.send(true);
        // Held for as long as the program runs: receivers wait for a change, not for the sender's end.
        std::future::pending::<()>().await;
    });
    Ok(stopped)
}
