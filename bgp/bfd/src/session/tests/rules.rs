//! Single rules of RFC 5880 section 6.8.

use super::*;
use crate::Discard;

#[test]
fn a_session_that_is_not_up_is_slow() {
    let mut bench = Bench::new(config(50, 3));
    let sent = bench.run(ms(3500));
    let moments: Vec<_> = sent.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(moments, [0, 1000, 2000, 3000]);
    let first = sent[0].1;
    assert_eq!((first.state, first.your_discriminator), (State::Down, 0));
    assert_eq!(
        (first.desired_min_tx, first.required_min_rx),
        (Interval::SLOW, Interval::from_micros(50_000))
    );
    assert!(first.control_plane_independent && !first.demand && !first.poll);
}

#[test]
fn going_up_speeds_up_with_a_poll_sequence() {
    let mut bench = Bench::new(config(50, 3));
    bench.sent();
    bench.receive(packet(State::Down)).unwrap();
    assert_eq!(bench.sent().len(), 1);
    bench.receive(packet(State::Up)).unwrap();
    // The first packet in Up says the new interval already and asks.
    let first = bench.sent()[0];
    assert_eq!((first.state, first.poll, first.desired_min_tx.micros()), (State::Up, true, 50_000));
    // Each packet asks until there is an answer.
    let more = bench.run(ms(100));
    assert!(more.len() == 2 && more.iter().all(|(_, packet)| packet.poll));
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    assert!(!bench.session.is_polling());
    let after = bench.run(ms(50));
    assert!(after.len() == 1 && !after[0].1.poll);
}

#[test]
fn poll_is_answered_at_once_and_never_with_a_poll() {
    let mut bench = Bench::in_state(State::Up);
    bench.now += ms(10);
    bench.receive(Packet { poll: true, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.session.poll_timeout(), Some(bench.now));
    let sent = bench.sent();
    assert!(sent.len() == 1 && sent[0].final_ && !sent[0].poll);
    // The schedule goes on as if it had not been.
    assert_eq!(bench.run(ms(40)).len(), 1);
}

#[test]
fn who_is_passive_answers_only() {
    let passive = || Config { passive: true, ..config(50, 3) };
    let mut bench = Bench::new(passive());
    assert_eq!(bench.session.poll_timeout(), None);
    assert!(bench.run(ms(5000)).is_empty());
    bench.receive(packet(State::Down)).unwrap();
    assert_eq!(bench.session.state(), State::Init);
    assert!(!bench.sent().is_empty());
    bench.receive(packet(State::Up)).unwrap();
    assert_eq!(bench.session.state(), State::Up);
    // The peer has gone: nothing is said until it is back.
    bench.run(ms(1000));
    assert_eq!(bench.session.state(), State::Down);
    assert!(bench.run(ms(5000)).is_empty());
    bench.receive(packet(State::Down)).unwrap();
    assert!(!bench.sent().is_empty());
    // Another role is taken over at once.
    let mut bench = Bench::new(passive());
    bench.session.set_config(config(50, 3));
    assert!(!bench.sent().is_empty());
}

#[test]
fn slower_only_after_the_answer() {
    let mut bench = Bench::in_state(State::Up);
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    bench.session.set_config(config(500, 3));
    let asked = bench.sent();
    assert!(asked[0].poll && asked[0].desired_min_tx.micros() == 500_000);
    assert_eq!(bench.session.transmit_interval(), Some(ms(50)));
    // What the peer sends may be rarer at once, so the wait is longer at once.
    assert_eq!(bench.session.detection_time(), ms(1500));
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.session.transmit_interval(), Some(ms(500)));
}

#[test]
fn a_shorter_wait_only_after_the_answer() {
    let mut bench = Bench::new(config(500, 3));
    bench.receive(packet(State::Init)).unwrap();
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    bench.session.set_config(config(50, 3));
    assert_eq!(bench.session.transmit_interval(), Some(ms(50)));
    assert_eq!(bench.session.detection_time(), ms(1500));
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.session.detection_time(), ms(150));
}

#[test]
fn one_poll_sequence_at_a_time() {
    let mut bench = Bench::in_state(State::Up);
    assert!(bench.session.is_polling());
    bench.session.set_config(config(70, 3));
    bench.session.set_config(config(80, 3));
    // The packets of the first sequence do not change under it.
    bench.now += ms(50);
    assert_eq!(bench.sent()[0].desired_min_tx.micros(), 50_000);
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    assert!(bench.session.is_polling());
    let next = bench.sent()[0];
    assert!(next.poll && next.desired_min_tx.micros() == 80_000);
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    assert!(!bench.session.is_polling());
}

#[test]
fn a_new_multiplier_needs_no_question() {
    let mut bench = Bench::in_state(State::Up);
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    bench.session.set_config(config(50, 5));
    let sent = bench.sent();
    assert!(sent.len() == 1 && sent[0].detect_mult == 5 && !sent[0].poll);
}

#[test]
fn the_slower_of_both_sides_counts() {
    let mut bench = Bench::in_state(State::Up);
    let slow = Packet { required_min_rx: Interval::from_micros(400_000), ..packet(State::Up) };
    bench.receive(Packet { final_: true, ..slow }).unwrap();
    assert_eq!(bench.session.transmit_interval(), Some(ms(400)));
    // Section 6.8.3: a peer that can take more again gets it at once.
    bench.now += ms(100);
    bench.receive(packet(State::Up)).unwrap();
    assert_eq!(bench.session.poll_timeout(), Some(bench.now - ms(50)));
    let slow = Packet { desired_min_tx: Interval::from_micros(300_000), detect_mult: 2, ..packet(State::Up) };
    bench.receive(slow).unwrap();
    assert_eq!(bench.session.detection_time(), ms(600));
}

#[test]
fn a_peer_may_want_quiet() {
    let mut bench = Bench::in_state(State::Up);
    bench.receive(Packet { required_min_rx: Interval::ZERO, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.run(ms(140)), []);
    // Poll is answered nevertheless.
    bench.receive(Packet { poll: true, required_min_rx: Interval::ZERO, ..packet(State::Up) }).unwrap();
    assert!(bench.sent()[0].final_);

    // Demand mode counts when both are Up and no question is open.
    let mut bench = Bench::in_state(State::Up);
    bench.receive(Packet { demand: true, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.run(ms(140)).len(), 2);
    bench.receive(Packet { demand: true, final_: true, ..packet(State::Up) }).unwrap();
    assert_eq!(bench.run(ms(140)), []);
    bench.receive(Packet { demand: true, ..packet(State::Up) }).unwrap();
    bench.session.set_config(config(60, 3));
    assert!(bench.run(ms(140)).iter().all(|(_, packet)| packet.poll));
}

#[test]
fn silence_is_noticed_in_time_and_forgets_the_peers_number() {
    let mut bench = Bench::in_state(State::Up);
    bench.receive(Packet { final_: true, ..packet(State::Up) }).unwrap();
    bench.now += ms(150) - Duration::from_nanos(1);
    assert_eq!(bench.session.timeout(bench.now), None);
    bench.now += Duration::from_nanos(1);
    let transition = bench.session.timeout(bench.now).unwrap();
    assert_eq!((transition.from, transition.to), (State::Up, State::Down));
    let sent = bench.sent()[0];
    assert_eq!((sent.your_discriminator, sent.desired_min_tx), (0, Interval::SLOW));
    // In Down too.
    bench.receive(packet(State::Up)).unwrap();
    assert_eq!(bench.session.remote().discriminator, 9);
    bench.now += ms(150);
    assert_eq!(bench.session.timeout(bench.now), None);
    assert_eq!(bench.session.remote().discriminator, 0);
}

#[test]
fn a_peer_that_began_anew_is_taken_up() {
    let mut bench = Bench::in_state(State::Up);
    let newcomer = Packet { my_discriminator: 10, your_discriminator: 0, ..packet(State::Down) };
    assert_eq!(bench.receive(newcomer).unwrap().unwrap().to, State::Down);
    assert_eq!(bench.receive(newcomer).unwrap().unwrap().to, State::Init);
    let known = Packet { my_discriminator: 10, ..packet(State::Init) };
    assert_eq!(bench.receive(known).unwrap().unwrap().to, State::Up);
    let other = Packet { your_discriminator: 8, ..packet(State::Down) };
    assert_eq!(bench.receive(other), Err(Discard::NoSession));
}

#[test]
fn authentication_is_on_both_sides_or_on_none() {
    use crate::auth::{Kind, sign};
    let authentication = Authentication::new(Kind::MeticulousSha1, [(1, "secret")]).unwrap();
    let mut ours = config(50, 3);
    ours.authentication = Some(authentication.clone());
    let mut bench = Bench::new(ours);
    assert_eq!(bench.receive(packet(State::Down)), Err(Discard::AuthenticationUse));
    let mut buffer = [0; MAX_LEN];
    let length = packet(State::Down).encode(&mut buffer);
    let length = sign(&mut buffer, length, &authentication, 5);
    let decoded = Packet::decode(&buffer[..length]).unwrap();
    assert!(bench.session.receive(&decoded, bench.now).is_ok());
    // The same once more is a repetition, until the peer has been silent for long.
    assert_eq!(bench.session.receive(&decoded, bench.now), Err(Discard::Sequence));
    bench.now += ms(299);
    assert_eq!(bench.session.receive(&decoded, bench.now), Err(Discard::Sequence));
    bench.now += ms(1);
    assert!(bench.session.receive(&decoded, bench.now).is_ok());
    let mut open = Bench::new(config(50, 3));
    assert_eq!(open.session.receive(&decoded, open.now), Err(Discard::AuthenticationUse));
}

#[test]
fn echoes_are_sent_proven_and_missed() {
    let mut ours = config(50, 3);
    ours.echo_tx = Some(Interval::from_micros(10_000));
    let mut bench = Bench::new(ours);
    let peer = Packet { required_min_echo_rx: Interval::from_micros(20_000), ..packet(State::Init) };
    bench.receive(peer).unwrap();
    bench.receive(Packet { final_: true, state: State::Up, ..peer }).unwrap();
    assert_eq!(bench.session.echo_interval(), Some(ms(20)));
    let first = bench.session.transmit_echo(bench.now, Jitter::LEAST).unwrap();
    assert_eq!(bench.session.transmit_echo(bench.now, Jitter::LEAST), None);
    // None comes back: nobody is blamed for it.
    bench.now += ms(100);
    assert_eq!(bench.session.timeout(bench.now), None);
    let forged = EchoPayload { nonce: 41, ..EchoPayload::decode(&first).unwrap() };
    assert!(!bench.session.receive_echo(&forged, bench.now));
    let ahead = EchoPayload { sequence: 2, ..EchoPayload::decode(&first).unwrap() };
    assert!(!bench.session.receive_echo(&ahead, bench.now));
    assert!(bench.session.receive_echo(&EchoPayload::decode(&first).unwrap(), bench.now));
    assert!(!bench.session.receive_echo(&EchoPayload::decode(&first).unwrap(), bench.now), "twice");
    // Control packets may be rare now.
    assert!(bench.session.is_echo_proven());
    let asked = bench.sent()[0];
    assert!(asked.poll && asked.required_min_rx == Interval::SLOW);
    bench.now += ms(60);
    let transition = bench.session.timeout(bench.now).unwrap();
    assert_eq!((transition.to, transition.diagnostic), (State::Down, Diagnostic::ECHO_FAILED));
    assert_eq!(bench.sent()[0].required_min_rx.micros(), 50_000);
    assert_eq!(bench.session.transmit_echo(bench.now, Jitter::LEAST), None);
}
