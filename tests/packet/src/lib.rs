//! Packets through the loaded forwarder by `BPF_PROG_TEST_RUN`, each compared with the model.
//!
//! The cases are files under `cases/`, made to be read and extended by network engineers; `cases/README.md` describes
//! them. `guideway-packet-model` says what should happen to each packet; it is written from the documentation and shares
//! no code with the program. [`differential`] makes up configurations, histories and packets.
#![forbid(unsafe_code)]

pub mod case_file;
pub mod command;
pub mod differential;
pub mod fixture;
pub mod frame;
pub mod history;
