//! The controller's side of the agent: who follows it, what it gives, what is kept of it.

pub mod bgp;
pub mod follow;
pub mod identity;
pub mod join;
pub mod kept;
pub mod link;
pub mod relay;
pub mod relays;
pub mod services;
