//! Whatever the frame is, the parser of tunnels looks at bytes that are there and tells offsets that fit.
#![no_main]

use guideway_packet::{HOPS_MAX, parse_l2, parse_tunnel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Some(l2) = parse_l2(frame) else { return };
    let Some(tunnel) = parse_tunnel(frame, l2, 6080_u16.to_be()) else { return };
    assert_eq!(tunnel.outer_offset, l2.len);
    // The program relies on these bounds: two tags, IPv6, UDP and the longest GUE header.
    assert!(tunnel.outer_offset <= 22 && tunnel.inner_offset <= 22 + 40 + 8 + 4 + 124);
    assert!(tunnel.inner_offset >= tunnel.outer_offset + 20, "an outer IP header is taken off");
    let hops = tunnel.hops;
    assert!(hops.count <= HOPS_MAX && hops.taken <= hops.count);
    if hops.count != 0 {
        assert!(hops.offset + 4 + hops.size * usize::from(hops.count) == tunnel.inner_offset);
    }
    assert_eq!(hops.address(frame, hops.count), None);
});
