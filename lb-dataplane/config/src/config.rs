use std::sync::Arc;

use ipnet::IpNet;

use crate::error::{ConfigErrors, Problem};
use crate::parse;
use crate::services::{self, ServiceError, Services};
use crate::types::{
    Admin, BackendSet, Controller, Encapsulation, Interface, Limits, Metrics, NextHop, Seed, Vip,
};

/// A longer file is refused unread: 64 MiB.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// A valid configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) seed: Seed,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) next_hop: NextHop,
    pub(crate) encapsulation: Encapsulation,
    pub(crate) limits: Limits,
    pub(crate) admin: Admin,
    pub(crate) metrics: Metrics,
    pub(crate) controller: Option<Controller>,
    pub(crate) backend_sets: Vec<Arc<BackendSet>>,
    pub(crate) vips: Vec<Vip>,
    pub(crate) pools: Vec<IpNet>,
    pub(crate) warnings: Vec<Problem>,
}

impl Config {
    /// Parses the text of a configuration file; `file_name` is only for the errors.
    ///
    /// # Errors
    ///
    /// Every error of the file, in the order of its lines. A file that is not YAML has one: where it stops being it.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ConfigErrors> {
        parse::parse(file_name, text)
    }

    /// [`Config::parse`] for bytes that may be anything: what is not UTF-8 is an error with its place.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`].
    pub fn parse_bytes(file_name: &str, bytes: &[u8]) -> Result<Self, ConfigErrors> {
        parse::parse_bytes(file_name, bytes)
    }

    /// This node with the services that a controller gives: they take the place of those that it has.
    ///
    /// # Errors
    ///
    /// Everything that a file with these services would be refused for, each with the name of what it is about.
    pub fn with_services(&self, services: Services) -> Result<Self, Vec<ServiceError>> {
        services::join(self, services)
    }

    /// Whether this is `node` with some services.
    #[must_use]
    pub fn is_node_of(&self, node: &Self) -> bool {
        (&self.interfaces, &self.next_hop, self.encapsulation, self.limits)
            == (&node.interfaces, &node.next_hop, node.encapsulation, node.limits)
            && (&self.admin, self.metrics, &self.controller) == (&node.admin, node.metrics, &node.controller)
    }

    /// Where the services come from, if not from the file. Then the file has none, nor a seed: those here are empty and
    /// zero until [`with_services`](Self::with_services) has given some.
    #[must_use]
    pub fn controller(&self) -> Option<&Controller> {
        self.controller.as_ref()
    }

    /// Everything but the services.
    pub(crate) fn node(&self) -> Self {
        Self {
            seed: Seed::new([0; 16]),
            interfaces: self.interfaces.clone(),
            next_hop: self.next_hop.clone(),
            encapsulation: self.encapsulation,
            limits: self.limits,
            admin: self.admin.clone(),
            metrics: self.metrics,
            controller: self.controller.clone(),
            backend_sets: Vec::new(),
            vips: Vec::new(),
            pools: Vec::new(),
            warnings: self.warnings.clone(),
        }
    }

    /// The key of all hashes.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Where the forwarder program is attached; at least one, no name twice.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Where encapsulated packets go on the link.
    #[must_use]
    pub fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    /// The outer header.
    #[must_use]
    pub fn encapsulation(&self) -> &Encapsulation {
        &self.encapsulation
    }

    /// Prefixes that the routers send here, each once: what is for an address of them that no VIP has is dropped.
    #[must_use]
    pub fn pools(&self) -> &[IpNet] {
        &self.pools
    }

    /// Sizes of the maps.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The admin API.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The metrics server.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// All sets in the order of the file, those that no VIP uses too.
    #[must_use]
    pub fn backend_sets(&self) -> &[Arc<BackendSet>] {
        &self.backend_sets
    }

    /// All VIPs in the order of the file.
    #[must_use]
    pub fn vips(&self) -> &[Vip] {
        &self.vips
    }

    /// What is allowed and probably not meant, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
