//! One file for each command.

pub(crate) mod backends;
pub(crate) mod bfd_sessions;
pub(crate) mod bgp_drain;
pub(crate) mod bgp_explain;
pub(crate) mod bgp_history;
pub(crate) mod bgp_paths;
pub(crate) mod bgp_peers;
pub(crate) mod bgp_reset;
pub(crate) mod bgp_routes;
pub(crate) mod counters;
pub(crate) mod decap_status;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod reload;
pub(crate) mod routes;
pub(crate) mod sets;
pub(crate) mod status;
pub(crate) mod vips;
