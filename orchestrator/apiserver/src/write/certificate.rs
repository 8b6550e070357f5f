//! Requests for certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guideway_api::Cause;
use serde_json::Value;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::error::X509Error;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::call::Call;
use crate::value::text;

/// Shorter keys of RSA are not looked into: the library knows none.
const SHORTEST_RSA: usize = 2048;

/// What is wrong with `spec.request` of a new CertificateSigningRequest.
pub(super) fn check(call: &Call, object: &Value) -> Option<Cause> {
    let kind = call.kind();
    if (&*kind.group, &*kind.kind) != ("certificates.k8s.io", "CertificateSigningRequest") {
        return None;
    }
    let pem = STANDARD.decode(text(object, &["spec", "request"])).unwrap_or_default();
    let words = is_signed(&pem).err()?;
    Some(Cause::invalid("spec.request", &object["spec"]["request"], &words))
}

/// Whether who asks has the key (RFC 2986, section 4.2). Signatures of which the library does not know the algorithm pass.
fn is_signed(pem: &[u8]) -> Result<(), String> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem)
        .ok()
        .filter(|(_, pem)| pem.label == "CERTIFICATE REQUEST")
        .ok_or("PEM block type must be CERTIFICATE REQUEST")?;
    let (_, asked) =
        X509CertificationRequest::from_der(&pem.contents).map_err(|error| format!("asn1: {error}"))?;
    let key = asked.certification_request_info.subject_pki.parsed();
    if matches!(key, Ok(PublicKey::RSA(key)) if key.key_size() < SHORTEST_RSA) {
        return Ok(());
    }
    match asked.verify_signature() {
        Err(X509Error::SignatureVerificationError) => Err("x509: verification failure".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn who_asks_has_the_key() {
        let request =
            || CertificateParams::default().serialize_request(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(is_signed(request().pem().unwrap().as_bytes()), Ok(()));

        let tagged = |tag: &str, der: &[u8]| {
            format!("-----BEGIN {tag}-----\n{}\n-----END {tag}-----\n", STANDARD.encode(der))
        };
        let said = |pem: String| is_signed(pem.as_bytes()).unwrap_err();
        let no_pem = "PEM block type must be CERTIFICATE REQUEST";
        assert_eq!(is_signed(b"").unwrap_err(), no_pem);
        assert_eq!(said(tagged("CERTIFICATE", request().der())), no_pem);
        assert!(said(tagged("CERTIFICATE REQUEST", b"\x30\x00")).starts_with("asn1: "));
        // The signature is at the end.
        let mut forged = request().der().to_vec();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        assert_eq!(said(tagged("CERTIFICATE REQUEST", &forged)), "x509: verification failure");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let pem = format!(
                "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
                STANDARD.encode(&bytes)
            );
            assert!(is_signed(pem.as_bytes()).is_err() && is_signed(&bytes).is_err());
        }
    }
}
