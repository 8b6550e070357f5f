//! The configuration file.

mod parse;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_config::Problem;
use guideway_bgp_daemon::file::{self, ConfigError};
use guideway_controller_crds::guideway::{Cluster, Rollout};
use guideway_controller_index::ClusterName;
use guideway_dataplane_config::Seed;

/// What the file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The key of all hashes: the same for all controllers, and never changed, because lookup tables follow from it.
    pub seed: Seed,
    /// The cluster with the controller's own objects; `None`: there is no Kubernetes but that of `clusters`, one
    /// controller, and the record is a file.
    pub home: Option<Home>,
    /// Workload clusters, besides those that Cluster objects of the home cluster name.
    pub clusters: Vec<Workload>,
    /// Services that stand in a file.
    pub services_file: Option<PathBuf>,
    /// Where forwarders dial.
    pub listen: Vec<SocketAddr>,
    /// How a forwarder that is gone is noticed.
    pub liveness: Liveness,
    /// Where forwarders without a certificate get their first one.
    pub enrolment_listen: SocketAddr,
    /// Certificates.
    pub ca: Ca,
    /// What must survive a restart without a home cluster.
    pub state_dir: PathBuf,
    /// The socket for lbctl.
    pub socket: PathBuf,
    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    pub metrics_listen: SocketAddr,
    /// How changes reach forwarders, without a home cluster: with one, its Rollout object says it.
    pub rollout: Rollout,
}

/// The cluster with the controller's own objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Home {
    /// How to reach it.
    pub kubeconfig: Kubeconfig,
    /// The namespace of the objects, of Secrets that they name, and of the Lease.
    pub namespace: String,
    /// The name of the Rollout object.
    pub rollout: String,
    /// Times of the Lease.
    pub election: Election,
}

/// How a forwarder that is gone without a word is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// A connection that says nothing for so long is asked whether it lives.
    pub keepalive: Duration,
    /// One that says nothing for so long is given up: more than `keepalive`.
    pub silence: Duration,
}

/// Times of the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Election {
    /// For how long others leave a leader alone that they have not seen renew: whole seconds.
    pub lease_duration: Duration,
    /// A leader that has not been able to renew for this long stops.
    pub renew_deadline: Duration,
    /// Time between two attempts.
    pub retry_period: Duration,
}

/// Where the address of an API server and the credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kubeconfig {
    /// In a file, with the context if it is not the current one.
    File(PathBuf, Option<String>),
    /// In the Pod that the controller runs in.
    InCluster,
}

/// A workload cluster of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Unique, also among Cluster objects, which come first.
    pub name: ClusterName,
    /// How to reach it.
    pub kubeconfig: Kubeconfig,
    /// As a Cluster object would say it; its `access` means nothing.
    pub settings: Cluster,
}

/// Certificates of the controller and of forwarders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ca {
    /// The folder with them.
    pub folder: PathBuf,
    /// Names and addresses by which forwarders dial the controllers: what its certificate is for.
    pub names: Vec<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Every problem of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        file::load(path, |text, _| Self::parse(text))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Every problem, in the order of lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        parse::config(text)
    }

    /// Reads the file with Services as a controller would, if there is one.
    ///
    /// # Errors
    ///
    /// Every problem of that file, each with its line.
    pub fn check_services(&self) -> Result<(), ConfigError> {
        let Some(path) = &self.services_file else { return Ok(()) };
        crate::sources::check_file(path, self.home.is_some())
    }

    /// In one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let home = if self.home.is_some() { "a home cluster" } else { "no home cluster" };
        let file = if self.services_file.is_some() { ", services in a file" } else { "" };
        format!("{home}, {} clusters{file}", self.clusters.len())
    }
}
