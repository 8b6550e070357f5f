//! Packets through the loaded programs by `BPF_PROG_TEST_RUN`.
//!
//! The cases are files under `cases/`, made to be read and extended by network engineers; `cases/README.md` describes
//! them. What a case expects is worked out here from the documentation, by code that the programs do not share:
//! headers by etherparse, hashes by the siphasher crate.
#![forbid(unsafe_code)]

pub mod command;
pub mod expected;
pub mod fixture;
pub mod frame;
pub mod scenario;
