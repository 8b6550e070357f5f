use proptest::prelude::*;

use super::*;
use crate::interval::Interval;
use crate::packet::Packet;
use crate::state::{Diagnostic, State};

fn packet() -> Packet {
    Packet {
        diagnostic: Diagnostic::NONE,
        state: State::Up,
        poll: false,
        final_: false,
        control_plane_independent: true,
        demand: false,
        detect_mult: 3,
        my_discriminator: 7,
        your_discriminator: 9,
        desired_min_tx: Interval::from_micros(50_000),
        required_min_rx: Interval::from_micros(50_000),
        required_min_echo_rx: Interval::ZERO,
    }
}

fn signed(authentication: &Authentication, sequence: u32) -> Vec<u8> {
    let mut buffer = [0; MAX_LEN];
    let length = packet().encode(&mut buffer);
    let length = sign(&mut buffer, length, authentication, sequence);
    buffer[..length].to_vec()
}

fn verify(bytes: &[u8], authentication: &Authentication, window: &mut Window) -> Result<(), Discard> {
    let decoded = Packet::decode(bytes)?;
    assert_eq!(decoded.packet, packet());
    decoded.section.unwrap().verify(authentication, window, 3)
}

fn keys(kind: Kind, keys: &[(u8, &str)]) -> Authentication {
    Authentication::new(kind, keys.iter().copied()).unwrap()
}

#[test]
fn every_kind_accepts_its_own_and_nothing_else() {
    for kind in Kind::ALL {
        let ours = keys(kind, &[(1, "secret"), (2, "next")]);
        let bytes = signed(&ours, 5);
        assert_eq!(usize::from(bytes[3]), bytes.len());
        assert_eq!(verify(&bytes, &ours, &mut Window::default()), Ok(()));
        // A rotation: the other side sends with the second key already.
        let next = keys(kind, &[(2, "next"), (1, "secret")]);
        assert_eq!(verify(&signed(&next, 5), &ours, &mut Window::default()), Ok(()));
        let other = keys(kind, &[(1, "Secret")]);
        assert_eq!(verify(&bytes, &other, &mut Window::default()), Err(Discard::WrongDigest(1)));
        let renamed = keys(kind, &[(3, "secret")]);
        assert_eq!(verify(&bytes, &renamed, &mut Window::default()), Err(Discard::UnknownKey(1)));
        for another in Kind::ALL.into_iter().filter(|another| *another != kind) {
            let another = keys(another, &[(1, "secret")]);
            let result = verify(&bytes, &another, &mut Window::default());
            assert_eq!(result, Err(Discard::AuthenticationKind(kind as u8)));
        }
    }
}

#[test]
fn sequence_numbers_have_a_window() {
    for (kind, least) in [(Kind::KeyedMd5, 0), (Kind::MeticulousSha1, 1)] {
        let ours = keys(kind, &[(1, "secret")]);
        for last in [0_u32, 100, u32::MAX - 4] {
            for ahead in 0..12_u32 {
                let mut window = Window { last: Some(last) };
                let result = verify(&signed(&ours, last.wrapping_add(ahead)), &ours, &mut window);
                let wanted = if (least..=9).contains(&ahead) { Ok(()) } else { Err(Discard::Sequence) };
                assert_eq!(result, wanted, "{kind} {last} + {ahead}");
                assert_eq!(window.last == Some(last.wrapping_add(ahead)), wanted.is_ok() || ahead == 0);
            }
            let mut window = Window { last: Some(last) };
            let old = signed(&ours, last.wrapping_sub(1));
            assert_eq!(verify(&old, &ours, &mut window), Err(Discard::Sequence));
            window.forget();
            assert_eq!(verify(&old, &ours, &mut window), Ok(()));
        }
    }
}

/// Computed with another implementation of the digests, over the packet with the padded key in the digest's place.
#[test]
fn digests_are_over_the_packet_with_the_key_in_it() {
    let bytes = signed(&keys(Kind::KeyedMd5, &[(1, "secret")]), 5);
    let mut with_key = bytes[..32].to_vec();
    with_key.extend_from_slice(b"secret\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(with_key.len(), 48);
    assert_eq!(bytes[32..], Md5::digest(&with_key)[..]);
    assert_eq!(bytes[24..32], [2, 24, 1, 0, 0, 0, 0, 5]);
}

proptest! {
    #[test]
    fn one_changed_octet_is_noticed(kind in 0..5_usize, at in 0..64_usize, change in 1..=255_u8) {
        let ours = keys(Kind::ALL[kind], &[(1, "secret")]);
        let mut bytes = signed(&ours, 5);
        // A password protects nothing but itself.
        let first = if kind == 0 { HEADER_LEN } else { 0 };
        let at = first + at % (bytes.len() - first);
        bytes[at] ^= change;
        let accepted = Packet::decode(&bytes).is_ok_and(|decoded| {
            decoded.section.is_some_and(|section| section.verify(&ours, &mut Window::default(), 3).is_ok())
        });
        prop_assert!(!accepted);
    }
}
