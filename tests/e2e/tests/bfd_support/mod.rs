//! lb-bfd against the BFD of a real router, on one link or over a third node.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod load;
pub mod router;
pub mod silence;
pub mod site;
pub mod world;

use std::time::Duration;

pub const FORWARDER_V4: &str = "10.1.1.2";
pub const FORWARDER_V6: &str = "fd00:1::2";
pub const ROUTER_V4: &str = "10.1.1.1";
pub const ROUTER_V6: &str = "fd00:1::1";
/// The router's address when there is a node between.
pub const FAR_V4: &str = "10.1.2.1";
pub const FAR_V6: &str = "fd00:2::1";

/// How long a condition may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
