//! The admin socket: what lbctl asks.
