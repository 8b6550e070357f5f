use proptest::prelude::*;

use super::*;

const BYTES: [u8; HEADER_LEN] = [
    0x21, 0xe8, 3, 24, // version 1, diagnostic 1, Up, P, C
    0, 0, 0, 7, 0, 0, 0, 9, // discriminators
    0, 0x0f, 0x42, 0x40, // 1 s
    0, 0, 0xc3, 0x50, // 50 ms
    0, 0, 0, 0,
];

fn meaning() -> Packet {
    Packet {
        diagnostic: Diagnostic::DETECTION_TIME_EXPIRED,
        state: State::Up,
        poll: true,
        final_: false,
        control_plane_independent: true,
        demand: false,
        detect_mult: 3,
        my_discriminator: 7,
        your_discriminator: 9,
        desired_min_tx: Interval::SLOW,
        required_min_rx: Interval::from_micros(50_000),
        required_min_echo_rx: Interval::ZERO,
    }
}

#[test]
fn bytes_and_meaning() {
    assert_eq!(Packet::decode(&BYTES), Ok(Decoded { packet: meaning(), section: None }));
    let mut buffer = [0xff; MAX_LEN];
    assert_eq!(meaning().encode(&mut buffer), HEADER_LEN);
    assert_eq!(buffer[..HEADER_LEN], BYTES);
    // What follows in the datagram is not part of the packet.
    let mut longer = BYTES.to_vec();
    longer.extend_from_slice(b"rest");
    assert_eq!(Packet::decode(&longer).unwrap().packet, meaning());
}

#[test]
fn every_rule_of_reception() {
    let change = |at: usize, value: u8| {
        let mut bytes = BYTES;
        bytes[at] = value;
        bytes
    };
    let length = |field, datagram| Discard::Length { field, datagram };
    let cases: [(&[u8], Discard); 14] = [
        (&[], length(0, 0)),
        (&BYTES[..23], length(24, 23)),
        (&change(0, 0x01), Discard::Version(0)),
        (&change(0, 0x41), Discard::Version(2)),
        (&change(3, 23), length(23, 24)),
        (&change(3, 25), length(25, 24)),
        (&change(1, 0xec), length(24, 24)), // the A bit without a section
        (&change(2, 0), Discard::DetectMult),
        (&change(1, 0xe9), Discard::Multipoint),
        (&change(1, 0xf8), Discard::PollAndFinal),
        (&change(7, 0), Discard::MyDiscriminator),
        (&change(11, 0), Discard::YourDiscriminator(State::Up)),
        (&[&change(1, 0xec)[..3], &[26], &BYTES[4..], &[2, 2]].concat(), Discard::AuthenticationLength),
        (&[&change(1, 0xec)[..3], &[28], &BYTES[4..], &[1, 3, 0, 9]].concat(), Discard::AuthenticationLength),
    ];
    for (bytes, discard) in cases {
        assert_eq!(Packet::decode(bytes), Err(discard), "{bytes:?}");
    }
    for (state, bits) in [(State::AdminDown, 0x00), (State::Down, 0x40)] {
        let mut bytes = change(1, bits);
        bytes[11] = 0;
        assert_eq!(Packet::decode(&bytes).unwrap().packet.state, state);
    }
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let Ok(decoded) = Packet::decode(&bytes) else { return Ok(()) };
        let mut buffer = [0; MAX_LEN];
        let length = decoded.packet.encode(&mut buffer);
        prop_assert_eq!(Packet::decode(&buffer[..length]).unwrap().packet, decoded.packet);
    }

    #[test]
    fn nearly_right_is_read_or_refused(at in 0..HEADER_LEN, value: u8, rest in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = BYTES.to_vec();
        bytes.extend(rest);
        bytes[at] = value;
        let _ = Packet::decode(&bytes);
    }
}
