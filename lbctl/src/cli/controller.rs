use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Compare with what this generation had, as a rollback to it would; one that `lbctl history` shows as at hand.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) generation: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Take the disruption that `lbctl diff` shows.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataplaneCommand {
    /// The last ten configurations of this forwarder's file that were in force, latest first.
    History,
    /// Put a configuration of this forwarder's history in force again, and wait until it is or is refused.
    ///
    /// It becomes a new generation; flows are looked after as at any other change. The file keeps what it has: the
    /// next reload, or the next start of lb-dataplane, reads it again, so mend it too. Exits with 1 when the history
    /// does not have the generation or the configuration is refused; the forwarder then goes on as it was. Services that
    /// come from a controller go back with `lbctl rollback`.
    #[command(after_help = "Example:\n  lbctl dataplane history && lbctl dataplane rollback 12")]
    Rollback {
        /// A generation that `lbctl dataplane history` shows.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        generation: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// What of MetalLB's resources and annotations carries over to Guideway, and what does not.
    ///
    /// Reads YAML or JSON, as kubectl prints it, and asks nobody. Exits with 1 when something is refused.
    #[command(after_help = "Examples:
  lbctl import metallb metallb.yaml
  kubectl get ipaddresspools,bgppeers,bgpadvertisements,l2advertisements,bfdprofiles,communities,services \\
    -A -o yaml | lbctl import metallb")]
    Metallb {
        /// File to read; `-` is the standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}
