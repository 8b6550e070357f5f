//! Who a client certificate says that the client is.

use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{AUTHENTICATED, Identity};

/// Why a certificate names nobody.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no X.509 certificate.
    #[error("client certificate cannot be read as X.509 DER")]
    Malformed,
    /// Whose name should the requests carry?
    #[error("client certificate has no common name; issue one whose subject's CN is the user's name")]
    NoCommonName,
}

/// The identity that a client certificate names: the user is the common name of its subject, the groups are its
/// organizations. The chain and the times of the certificate have been checked by TLS before.
///
/// # Errors
///
/// The certificate cannot be read, or it names nobody.
pub fn identity(der: &[u8]) -> Result<Identity, CertificateError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
    let subject = certificate.subject();
    let name = subject
        .iter_common_name()
        .find_map(|name| name.as_str().ok())
        .filter(|name| !name.is_empty())
        .ok_or(CertificateError::NoCommonName)?;
    let mut groups: Vec<String> =
        subject.iter_organization().filter_map(|group| group.as_str().ok().map(str::to_owned)).collect();
    if !groups.iter().any(|group| group == AUTHENTICATED) {
        groups.push(AUTHENTICATED.to_owned());
    }
    Ok(Identity { name: name.to_owned(), groups, ..Identity::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_no_certificate() {
        assert_eq!(identity(&[]), Err(CertificateError::Malformed));
        assert_eq!(identity(&[0x30, 0x82, 0xff, 0xff, 1, 2, 3]), Err(CertificateError::Malformed));
    }
}
