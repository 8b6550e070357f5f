//! Whatever a client sends as a token or certificate, nobody is believed who was not given one.
#![no_main]

use std::sync::LazyLock;

use guideway_access::token::Tokens;
use guideway_access::token::bootstrap::BootstrapToken;
use guideway_access::{Identity, certificate};
use libfuzzer_sys::fuzz_target;
use p256::pkcs8::{EncodePrivateKey, LineEnding};

/// An issuer with a key that is always the same, and the one token that it issued.
static ISSUED: LazyLock<(Tokens, String)> = LazyLock::new(|| {
    let key = p256::SecretKey::from_slice(&[7; 32]).expect("a number below the order of the curve");
    let pem = key.to_pkcs8_pem(LineEnding::LF).expect("a key can be written");
    let tokens = Tokens::new("https://issuer", &[], &pem, &[]).expect("the key is one");
    let token = tokens.secret_token("default", "builder", "uid", "secret").expect("claims can be written");
    assert!(tokens.verify(&token).is_ok(), "what is issued is believed");
    (tokens, token)
});

fuzz_target!(|bytes: &[u8]| {
    let (tokens, issued) = &*ISSUED;
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(tokens.verify(text).is_ok(), text == issued, "only what was issued is believed");
        // There are no objects: no account lives that a token could prove.
        assert!(tokens.authenticate(text, &[], &(), jiff::Timestamp::UNIX_EPOCH).is_err());
        if let Some(token) = BootstrapToken::parse(text) {
            assert_eq!(format!("{}.{}", token.id, token.secret), text, "a bootstrap token is its parts");
        }
    }
    if let Ok(identity) = certificate::identity(bytes) {
        assert!(!identity.name.is_empty(), "a certificate names somebody");
        assert!(identity.is_in(guideway_access::AUTHENTICATED));
        assert_ne!(identity, Identity::anonymous());
    }
});
