extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::{Parsed, flow_hash, parse_ipv4, parse_ipv6};

/// What a view makes of a frame: the packet, its flow hash by `key`, and its part of a sum.
type Seen = (Datagram, u32, Option<u16>);

fn seen<'p, P: Plain<'p>>(view: P, frame: &[u8], key: &FlowKey) -> Option<Seen> {
    let sum = || view.inner_sum(Checksum::zero()).map(Checksum::finish);
    view.is_plain(frame).then(|| (view.datagram(), view.flow_hash(key), sum()))
}

fn plain(v6: bool, frame: &[u8], key: &FlowKey) -> Option<Seen> {
    if v6 {
        seen(PlainV6::over(frame.first_chunk()?), frame, key)
    } else {
        seen(PlainV4::over(frame.first_chunk()?), frame, key)
    }
}

fn sum_of(bytes: &[u8]) -> Checksum {
    bytes.chunks(2).fold(Checksum::zero(), |sum, word| {
        sum.add(u16::from_le_bytes([word[0], word.get(1).copied().unwrap_or(0)]))
    })
}

/// Puts right checksums into a plain packet of this family.
fn put_right(v6: bool, frame: &mut [u8], packet: &Datagram) {
    let l4 = 14 + packet.l4_offset;
    let end = 14 + packet.ip_len;
    if !v6 {
        frame[24..26].fill(0);
        let sum = sum_of(&frame[14..34]).finish();
        frame[24..26].copy_from_slice(&sum.to_le_bytes());
    }
    let at = if packet.protocol == PROTOCOL_TCP { l4 + 16 } else { l4 + 6 };
    let length = u16::try_from(end - l4).expect("short");
    if packet.protocol != PROTOCOL_TCP {
        frame[l4 + 4..l4 + 6].copy_from_slice(&length.to_be_bytes());
    }
    frame[at..at + 2].fill(0);
    let addresses = if v6 { 22..54 } else { 26..34 };
    let sum = sum_of(&frame[l4..end])
        .merge(sum_of(&frame[addresses]))
        .add(length.to_be())
        .add(u16::from(packet.protocol).to_be())
        .finish();
    let sum = if sum == 0 { 0xffff } else { sum };
    frame[at..at + 2].copy_from_slice(&sum.to_le_bytes());
}

proptest! {
    /// What is plain is what the parser says it is, and what the parser takes without options is plain.
    #[test]
    fn plain_packets_are_what_the_parser_says(
        v6: bool,
        udp: bool,
        mut frame in proptest::collection::vec(any::<u8>(), 30..120),
        right in any::<[bool; 4]>(),
        add: [u64; 7],
        mix: [u32; 2],
    ) {
        let key = FlowKey { add, mix };
        let len = frame.len() - 14;
        frame[14] = match (right[0], v6) { (true, false) => 0x45, (true, true) => 0x60, _ => frame[14] };
        let protocol = if udp { PROTOCOL_UDP } else { PROTOCOL_TCP };
        if right[1] {
            frame[if v6 { 20 } else { 23 }] = protocol;
        }
        if right[2] {
            let len = u8::try_from(if v6 { len.saturating_sub(40) } else { len }).expect("short");
            let at = if v6 { 18 } else { 16 };
            frame[at..at + 2].copy_from_slice(&[0, len]);
        }
        if right[3] && !v6 {
            frame[20..22].copy_from_slice(&[0x40, 0]);
        }
        let parsed = if v6 { parse_ipv6(&frame[..], 14) } else { parse_ipv4(&frame[..], 14) };
        match (plain(v6, &frame, &key), parsed) {
            (Some((plain, hash, _)), parsed) => {
                prop_assert_eq!(hash, flow_hash(&key, &plain.addresses, plain.ports));
                prop_assert_eq!(Parsed::Datagram(plain), parsed);
            }
            (None, Parsed::Datagram(parsed)) => {
                let header_len = if v6 { IPV6_HEADER_LEN } else { IPV4_HEADER_LEN };
                let low: Vec<u8> = frame.iter().skip(38).take(8).copied().collect();
                prop_assert!(parsed.l4_offset != header_len || v6 && low == [0; 8]);
            }
            (None, _) => {}
        }
    }

    /// The part of a sum that follows from the headers is that of all bytes, once the TTL is lowered.
    #[test]
    fn a_sum_follows_from_the_headers(
        v6: bool,
        udp: bool,
        mut frame in proptest::collection::vec(any::<u8>(), 74..120),
    ) {
        let len = frame.len() - 14;
        let (ttl, protocol, length) = if v6 { (21, 20, 18) } else { (22, 23, 16) };
        frame[14] = if v6 { 0x60 } else { 0x45 };
        frame[ttl] = frame[ttl].max(1);
        frame[protocol] = if udp { PROTOCOL_UDP } else { PROTOCOL_TCP };
        frame[length..length + 2].copy_from_slice(&[0, u8::try_from(if v6 { len - 40 } else { len }).expect("short")]);
        if v6 {
            frame[38] = 0x20;
        } else {
            frame[20..22].copy_from_slice(&[0x40, 0]);
        }
        let key = FlowKey::default();
        let (packet, ..) = plain(v6, &frame, &key).expect("plain");
        put_right(v6, &mut frame, &packet);
        let (_, _, sum) = plain(v6, &frame, &key).expect("plain");
        if v6 {
            frame[ttl] -= 1;
        } else {
            let word = u32::from_le_bytes([frame[22], frame[23], frame[24], frame[25]]);
            frame[22..26].copy_from_slice(&crate::lowered_ttl_v4(word).to_le_bytes());
        }
        let all = sum_of(&frame[14..]).finish();
        // 0x0000 and 0xffff are the same number.
        let same = |sum: u16| sum == all || (sum ^ all == 0xffff && (sum == 0 || all == 0));
        prop_assert!(sum.is_some_and(same), "{:?} {}", sum, all);
        if udp {
            let at = 14 + packet.l4_offset + 6;
            frame[at..at + 2].fill(0);
            prop_assert_eq!(plain(v6, &frame, &key).expect("plain").2, None);
            frame[at..at + 2].fill(1);
            frame[at - 1] ^= 1;
            prop_assert_eq!(plain(v6, &frame, &key).expect("plain").2, None);
        }
    }
}
