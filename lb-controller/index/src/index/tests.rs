//! The index as the daemon sees it, against clusters in memory.

mod addresses;
mod advertisements;
mod clusters;
mod cost;
mod endpoints;
mod fields;
mod moves;
mod odd;
mod random;
mod world;
