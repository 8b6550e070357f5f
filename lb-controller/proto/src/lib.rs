//! The gRPC API between the controller and its forwarders, and the only place where it becomes the values of
//! `guideway-controller-core` and is made of them.
//!
//! [`to_forwarder()`] and [`from_forwarder()`] write messages, [`Decoder`] reads them: one decoder for each direction of a
//! stream, because what is long comes in parts. Nothing is taken that the values cannot hold; an error names the field.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod decode;
mod delta;
mod error;
mod from_forwarder;
mod item;
mod parts;
mod past;
mod read;
mod routing;
#[cfg(test)]
mod tests;
mod to_forwarder;

pub use decode::Decoder;
pub use delta::{decode_delta, encode_delta};
pub use error::WireError;
pub use from_forwarder::wire as from_forwarder;
pub use parts::{MAX_DELTA_BYTES, MAX_PART_BYTES};
pub use to_forwarder::{prepare, wire as to_forwarder};

/// Version 1.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::cast_possible_truncation,
    clippy::wildcard_imports
)]
pub mod v1 {
    tonic::include_proto!("guideway.controller.v1");
}

/// What both sides set as the largest message: a part and what is around it, or a report.
pub const MAX_MESSAGE_BYTES: usize = MAX_PART_BYTES + (64 << 10);
