//! Requests for certificates.

use rcgen::{CertificateSigningRequestParams, PublicKey};

use super::CaError;

/// A request has some 500 bytes; one with a long RSA key 2,000.
const MAX_REQUEST_BYTES: usize = 16 << 10;

/// The key of a request that is signed with it (RFC 2986, PEM).
pub(super) fn public_key(request: &str) -> Result<PublicKey, CaError> {
    if request.len() > MAX_REQUEST_BYTES {
        let reason = format!("it has {} bytes, at most {MAX_REQUEST_BYTES} are allowed", request.len());
        return Err(CaError::Request(reason));
    }
    let request = CertificateSigningRequestParams::from_pem(request)
        .map_err(|error| CaError::Request(error.to_string()))?;
    Ok(request.public_key)
}
