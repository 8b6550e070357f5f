//! Whatever the frame is, the parser looks at bytes that are there and tells lengths that fit.
#![no_main]

use guideway_abi::FlowKey;
use guideway_packet::{Parsed, flow_hash, parse, slot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    if let Parsed::Datagram(datagram) = parse(frame) {
        assert!(datagram.l2_len >= 14, "an Ethernet header has 14 bytes");
        assert!(datagram.l2_len + datagram.ip_len <= frame.len(), "the IP packet lies in the frame");
        assert!(matches!(datagram.protocol, 6 | 17), "only TCP and UDP have flows");
        // Ethernet padding does not change the flow.
        let without_padding = &frame[..datagram.l2_len + datagram.ip_len];
        assert_eq!(parse(without_padding), Parsed::Datagram(datagram));
        let key = FlowKey { add: [1, 2, 3, 4, 5, 6, 7], mix: [11, 13] };
        let hash = flow_hash(&key, &datagram.addresses, datagram.ports);
        assert!(slot(hash, 65_537) < 65_537);
    }
});
