//! What a forwarder or a leader sends, whatever it is, is a message or an error of one line; a content that comes of it has
//! the digest that it says.
#![no_main]

use guideway_controller_core::message::{FromForwarder, ToForwarder};
use guideway_controller_proto::{Decoder, decode_delta, encode_delta, v1};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    match decode_delta(bytes.clone()) {
        Ok(delta) => {
            let again = decode_delta(encode_delta(&delta)).expect("what was written can be read");
            assert_eq!(again, delta);
            if let Ok(content) = delta.build() {
                assert_eq!(content.digest(), delta.result);
                _ = content.check();
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "an error is one line: {error}"),
    }
    // A stream of two messages of the same kind: parts are put together.
    if let Ok(message) = v1::ToForwarder::decode(bytes.clone()) {
        let mut decoder = Decoder::<ToForwarder>::new();
        _ = decoder.push(message.clone());
        _ = decoder.push(message);
    }
    if let Ok(message) = v1::FromForwarder::decode(bytes) {
        let mut decoder = Decoder::<FromForwarder>::new();
        _ = decoder.push(message.clone());
        _ = decoder.push(message);
    }
});
