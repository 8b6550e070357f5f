//! Peers over loopback addresses: two instances against each other, and one against a peer that is played by hand.
#![allow(clippy::unwrap_used)]

mod bfd;
mod by_hand;
mod changes;
mod collisions;
mod dynamic;
mod hostile;
mod incoming;
mod keys;
mod lab;
mod pair;
mod speed;
mod unnumbered;
