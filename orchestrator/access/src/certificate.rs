//! Who a client certificate says that the client is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{AUTHENTICATED, Identity};

/// The extra field that tells credentials of one user apart.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

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
/// organizations, and the extra field `credential-id` says which certificate it was. The chain and the times of the
/// certificate have been checked by TLS before.
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
    let extra = BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![credential_id(der)])]);
    Ok(Identity { name: name.to_owned(), groups, extra, ..Identity::default() })
}

/// The certificate's fingerprint, as Kubernetes writes it since 1.32.
fn credential_id(der: &[u8]) -> String {
    let mut id = "X509SHA256=".to_owned();
    for byte in Sha256::digest(der) {
        // Writing to a String does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::MASTERS;

    /// A certificate of `openssl req -x509 -subj /O=devs/O=system:masters/CN=alice`.
    const ALICE: &str = "MIIBxTCCAWugAwIBAgIUYIpm6eBxu37Oogm+Px3dhNSvM3AwCgYIKoZIzj0EAwIwODENMAsGA1UECgwEZGV2czEXMBUGA1UECgwO\
         c3lzdGVtOm1hc3RlcnMxDjAMBgNVBAMMBWFsaWNlMB4XDTI2MTEyMDE5NTM0NFoXDTM2MTExNzE5NTM0NFowODENMAsGA1UECgwE\
         ZGV2czEXMBUGA1UECgwOc3lzdGVtOm1hc3RlcnMxDjAMBgNVBAMMBWFsaWNlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8XIW\
         8f3uvBU+WdrrKfQyrswcteBYFGWO4Vm+Vd/FILJmPX76npaJpykRVMyQkuNK1scTBM2TPzPG6jVE1LAS5aNTMFEwHQYDVR0OBBYE\
         FOwL5C4HGv7B70ER33qOAKjCyDUuMB8GA1UdIwQYMBaAFOwL5C4HGv7B70ER33qOAKjCyDUuMA8GA1UdEwEB/wQFMAMBAf8wCgYI\
         KoZIzj0EAwIDSAAwRQIhAOF+6j99XPHnd9xdizTiJJlII7qU53X2ws7pnlfE349NAiBoA/BQ/6OPmV91WQv1cxQX3uWHUm/PwdUX\
         8sERa5GCnw==";

    #[test]
    fn the_subject_names_user_and_groups() {
        let alice = identity(&STANDARD.decode(ALICE).unwrap()).unwrap();
        // `openssl x509 -fingerprint -sha256`
        let id = "X509SHA256=5f9fcebe460de0e2e664062048fb4a866f17a31ac4be2f2c602a5fba26496d68";
        let extra = BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![id.to_owned()])]);
        assert_eq!(alice, Identity { extra, ..Identity::user("alice", &["devs", MASTERS]) });
    }

    #[test]
    fn a_subject_without_a_name_is_nobody() {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, MASTERS);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        assert_eq!(identity(certificate.der()), Err(CertificateError::NoCommonName));
    }

    #[test]
    fn noise_is_no_certificate() {
        assert_eq!(identity(&[]), Err(CertificateError::Malformed));
        assert_eq!(identity(&[0x30, 0x82, 0xff, 0xff, 1, 2, 3]), Err(CertificateError::Malformed));
    }
}
