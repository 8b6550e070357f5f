//! Who a certificate is for.

use std::time::{Duration, SystemTime};

use guideway_controller_core::{ForwarderName, NameError};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What a forwarder's certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Whose it is: the common name, or without one the only DNS name.
    pub(crate) name: ForwarderName,
    /// Until when it counts.
    pub(crate) until: SystemTime,
}

/// Why a certificate is nobody's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    /// There is none.
    #[error("there is no certificate")]
    None,
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// It has no name, or more than one.
    #[error("the certificate has {0} names: it needs one common name, or without it one DNS name")]
    Names(usize),
    /// What it has is no name of a forwarder.
    #[error("the name in the certificate {0}")]
    Name(NameError),
}

impl Identity {
    /// Of a certificate whose signature was checked.
    pub(crate) fn of(der: &[u8]) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        let mut names = Vec::new();
        for common in certificate.subject().iter_common_name() {
            names.push(common.as_str().map_err(|_| IdentityError::Unreadable)?);
        }
        let alternatives = certificate.subject_alternative_name().map_err(|_| IdentityError::Unreadable)?;
        if let (true, Some(alternatives)) = (names.is_empty(), alternatives) {
            names.extend(alternatives.value.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(*name),
                _ => None,
            }));
        }
        let [name] = names[..] else { return Err(IdentityError::Names(names.len())) };
        let end = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or_default();
        let until =
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(end)).ok_or(IdentityError::Unreadable)?;
        Ok(Self { name: ForwarderName::new(name).map_err(IdentityError::Name)?, until })
    }
}
