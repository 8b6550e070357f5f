//! A BGP message that can be read can be written, and what is written means the same.
#![no_main]

use guideway_bgp_wire::{AsWidth, Context, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for as_width in [AsWidth::Two, AsWidth::Four] {
        let context = Context { as_width };
        let Ok(message) = Message::decode(bytes, &context) else { continue };
        // The encoder may refuse: the same content can need more octets than it came in, for example when the peer
        // left out what we always write.
        let Ok(written) = message.encode(&context) else { continue };
        let again = Message::decode(&written, &context).expect("what we write can be read");
        let twice = again.encode(&context).expect("what was written once can be written again");
        assert_eq!(written, twice, "writing is stable");
    }
});
