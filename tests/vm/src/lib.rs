//! What `cargo xtask vmtest` and the program that it starts in the virtual machine say to each other: a [`plan::Plan`]
//! goes in as a file, one [`event::Event`] a line comes out.
#![forbid(unsafe_code)]

pub mod event;
pub mod plan;
