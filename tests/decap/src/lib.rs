//! What the tests of the decap agent share.
#![forbid(unsafe_code)]

pub mod frame;
pub mod netns;
pub mod place;
pub mod steer;
pub mod world;
