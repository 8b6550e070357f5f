//! Any sequence of events is valid input.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Packet(Packet),
    Bytes(Vec<u8>),
    Echo(Vec<u8>),
    Wait(u64),
    Admin(Admin),
    Config(u64, u8),
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let numbers = (1..=255_u8, 1..4_u32, prop::sample::select(vec![0, 7, 8]));
    let intervals = [any::<u32>(), any::<u32>(), any::<u32>()];
    (0..4_u8, any::<[bool; 4]>(), numbers, intervals, 0..32_u8).prop_map(
        |(state, [poll, final_, demand, c], (detect_mult, my, your), [tx, rx, echo], diagnostic)| Packet {
            diagnostic: Diagnostic::from_bits(diagnostic),
            state: State::from_bits(state),
            poll,
            final_,
            control_plane_independent: c,
            demand,
            detect_mult,
            my_discriminator: my,
            your_discriminator: your,
            desired_min_tx: Interval::from_micros(tx),
            required_min_rx: Interval::from_micros(rx),
            required_min_echo_rx: Interval::from_micros(echo),
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_packet().prop_map(Step::Packet),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Step::Bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Echo),
        3 => (0..5_000_000_u64).prop_map(Step::Wait),
        1 => prop_oneof![Just(Step::Admin(Admin::Up)), Just(Step::Admin(Admin::Down))],
        1 => (1..3_600_000_u64, 1..=255_u8).prop_map(|(millis, mult)| Step::Config(millis, mult)),
    ]
}

proptest! {
    #[test]
    fn any_sequence_is_survived(steps in prop::collection::vec(any_step(), 0..80)) {
        let mut ours = config(50, 3);
        ours.echo_tx = Some(Interval::from_micros(50_000));
        let mut bench = Bench::new(ours);
        for step in steps {
            let before = bench.session.state();
            match step {
                Step::Packet(packet) => {
                    let mut buffer = [0; MAX_LEN];
                    let length = packet.encode(&mut buffer);
                    if let Ok(decoded) = Packet::decode(&buffer[..length]) {
                        let _ = bench.session.receive(&decoded, bench.now);
                    }
                }
                Step::Bytes(bytes) => {
                    if let Ok(decoded) = Packet::decode(&bytes) {
                        let _ = bench.session.receive(&decoded, bench.now);
                    }
                }
                Step::Echo(bytes) => {
                    if let Some(payload) = EchoPayload::decode(&bytes) {
                        bench.session.receive_echo(&payload, bench.now);
                    }
                }
                Step::Wait(micros) => {
                    bench.now += Duration::from_micros(micros);
                    bench.session.timeout(bench.now);
                }
                Step::Admin(admin) => drop(bench.session.set_admin(admin)),
                Step::Config(millis, mult) => bench.session.set_config(config(millis, mult)),
            }
            let sent = bench.sent();
            prop_assert!(sent.len() <= 2, "a Final and a periodic one at most");
            prop_assert!(sent.iter().all(|packet| !(packet.poll && packet.final_)));
            prop_assert!(sent.iter().all(|packet| packet.my_discriminator == 7 && packet.detect_mult != 0));
            if bench.session.state() != State::Up {
                prop_assert!(sent.iter().all(|packet| packet.desired_min_tx >= Interval::SLOW));
            }
            if before != State::AdminDown && bench.session.state() == State::Up && before != State::Up {
                prop_assert!(sent.iter().any(|packet| packet.state == State::Up) || bench.session.transmit_interval().is_none());
            }
            while bench.session.transmit_echo(bench.now, Jitter::LEAST).is_some() {}
            // Nothing that is due stays due: the owner's loop ends.
            while bench.session.poll_timeout().is_some_and(|due| due <= bench.now) {
                prop_assert!(bench.session.timeout(bench.now).is_some());
                bench.sent();
            }
        }
    }
}
