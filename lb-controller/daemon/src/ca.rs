//! Who controllers and forwarders are to each other: certificates.
//!
//! The folder holds `ca.crt` (authorities; the first one signs) and `ca.key` (its key), which `lb-controller ca init`
//! makes and which all controllers share. With brought certificates there is no `ca.key`, but `controller.crt` and
//! `controller.key`. Certificates of forwarders are for clients only, those of controllers for servers only, so that
//! neither can be taken for the other.

mod authority;
mod identity;
mod request;
mod tls;
mod token;

pub(crate) use authority::{Authority, CaError, FORWARDER_LIFE};
pub(crate) use identity::{Identity, IdentityError};
pub(crate) use tls::Tls;
pub(crate) use token::{Token, Tokens};

#[cfg(test)]
pub(crate) mod tests;
