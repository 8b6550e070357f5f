//! How soon a session stands again, and how often a peer is dialled meanwhile.

use guideway_bgp_wire::Notification;

use super::network::{Network, Word};
use super::{HIGHER, LOWER, config, ms, secs};
use crate::{Cause, Config, Event, GracefulRestart, HoldTime, RemoteAs, Stop};

fn pair() -> [Config; 2] {
    [(65001, LOWER, 65000), (65000, HIGHER, 65001)].map(|(own, id, peer)| Config {
        hold_time: HoldTime::from_secs(3).unwrap(),
        graceful_restart: Some(GracefulRestart { restart_time: secs(60) }),
        ..Config::new(own, id, RemoteAs::Is(peer))
    })
}

fn established(delay: u64, seed: u32) -> Network {
    let mut network = Network::new(pair(), [delay]);
    network.jitter = seed;
    network.start();
    network.run(secs(30));
    network.agree().unwrap();
    network
}

/// The time from the heal until both are established, in milliseconds.
fn heal(seed: u32, cut: u64, dialling: &[usize]) -> u128 {
    let mut network = established(1, seed);
    for end in [0, 1].into_iter().filter(|end| !dialling.contains(end)) {
        let passive = Config { passive: true, ..network.ends[end].session.config().clone() };
        network.ends[end].session.set_config(passive, network.now);
    }
    network.cut(ms(cut));
    network.run(ms(cut));
    assert!(network.ends.iter().all(|end| end.up.is_none()), "the hold time has found the cut");
    let healed = network.now;
    let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
    assert!(network.run_until(healed + secs(20), up));
    (network.now - healed).as_millis()
}

#[test]
fn a_session_stands_again_a_quarter_of_a_second_after_a_heal() {
    for dialling in [&[0, 1][..], &[0], &[1]] {
        // The longer ones are cuts of more than the minute in which the peer is missed.
        for (first, most_mean, most) in [(4_000, 150, 260), (64_000, 700, 1_050)] {
            let times: Vec<u128> =
                (0..100).map(|n| heal(n * 77_777 + 5, first + u64::from(n) * 97, dialling)).collect();
            let mean = times.iter().sum::<u128>() / 100;
            let longest = *times.iter().max().unwrap();
            println!("cuts from {first} ms, dialled by {dialling:?}: mean {mean} ms, most {longest} ms");
            assert!(mean < most_mean && longest <= most, "dialled by {dialling:?}: {mean} ms, {longest} ms");
        }
    }
}

/// A router that takes no connection for a while after each error, as BIRD does, is met soon after that.
#[test]
fn a_peer_that_refuses_for_two_seconds_is_met_when_it_stops() {
    let mut network = established(1, 21);
    network.put(0, Event::BfdDown);
    network.put(1, Event::Stop(Stop::Shutdown(String::new())));
    network.run(secs(2));
    network.put(0, Event::ConnectNow);
    network.run(secs(1));
    let passive = Config { passive: true, ..network.ends[1].session.config().clone() };
    network.ends[1].session.set_config(passive, network.now);
    network.put(1, Event::Start);
    let ready = network.now;
    let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
    assert!(network.run_until(ready + ms(260), up), "{:?}", network.states());
}

/// One that is far away answers later than the short attempts to a near one last.
#[test]
fn a_peer_that_is_far_away_is_met_again_too() {
    for delay in [80, 150, 240] {
        let mut network = established(delay, 4);
        network.cut(secs(10));
        network.run(secs(10));
        let healed = network.now;
        let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
        assert!(network.run_until(healed + secs(3), up), "{delay} ms: {:?}", network.states());
    }
}

#[test]
fn bfd_brings_it_back_at_once() {
    let mut network = established(1, 9);
    network.cut(secs(30));
    network.run(ms(150));
    [0, 1].into_iter().for_each(|end| network.put(end, Event::BfdDown));
    network.run(secs(40) - ms(150) - secs(10));
    let healed = network.now;
    [0, 1].into_iter().for_each(|end| network.put(end, Event::ConnectNow));
    let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
    assert!(network.run_until(healed + ms(100), up), "{:?}", network.states());
    network.run(secs(10));
    network.agree().unwrap();
}

/// A peer that is not there at all is dialled about once a second, for ever.
#[test]
fn a_dead_peer_is_dialled_about_once_a_second() {
    let mut network = established(1, 3);
    network.cut(secs(3600));
    network.run(secs(90));
    network.ends[0].dialled.clear();
    network.run(secs(600));
    let count = network.ends[0].dialled.len();
    assert!((600..=800).contains(&count), "{count} attempts in 600 s");
    assert!(network.ends[0].failures.iter().all(|cause| *cause == Cause::ConnectTimedOut));
}

/// The speaker dies and comes back: whoever is faster dials.
#[test]
fn a_speaker_that_comes_back_is_met_at_once() {
    for word in [Word::Closed, Word::None] {
        let mut network = established(1, 12);
        network.crash(0, word);
        network.run(secs(1));
        let back = network.now;
        network.put(0, Event::Start);
        let up = |network: &Network| network.ends.iter().all(|end| end.up.is_some());
        // Without a word the peer takes the new connection for what it is (RFC 4724 section 4.2).
        assert!(network.run_until(back + ms(1_100), up), "{word:?} {:?}", network.states());
        network.run(secs(20));
        network.agree().unwrap();
    }
}

/// A peer that refuses is dialled less and less often.
#[test]
fn a_peer_that_refuses_is_dialled_less_and_less_often() {
    let [mut first, second] = pair();
    first.remote_as = RemoteAs::Is(64999);
    let mut network = Network::new([first, Config { passive: true, ..second }], [1]);
    network.start();
    network.run(secs(600));
    let dialled = &network.ends[0].dialled;
    assert!((60..=90).contains(&dialled.len()), "{} attempts in 600 s", dialled.len());
    let gaps: Vec<_> = dialled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..3].is_sorted() && gaps.iter().all(|gap| *gap < ms(10_100)), "{gaps:?}");
    assert!(matches!(
        network.ends[1].failures.last(),
        Some(Cause::Received(notification)) if *notification == Notification::new(2, 2)
    ));
}

/// A peer that is stopped says so to whoever dials, and a silent one says nothing.
#[test]
fn a_stopped_peer_refuses() {
    for (stop, told) in [(Stop::Shutdown("bye".to_owned()), true), (Stop::Silent, false)] {
        let mut network = established(1, 1);
        network.put(1, Event::Stop(stop));
        network.run(secs(20));
        let causes = &network.ends[0].failures;
        let rejected = |cause: &&Cause| **cause == Cause::Received(Notification::cease(5));
        assert_eq!(causes.iter().filter(rejected).count(), if told { causes.len() } else { 0 }, "{causes:?}");
        assert!(!causes.is_empty());
        network.put(1, Event::Start);
        network.run(secs(15));
        network.agree().unwrap();
    }
}

/// The times of a config without anything set.
#[test]
fn the_defaults_are_short() {
    let config = Config { hold_time: HoldTime::DEFAULT, ..config() };
    assert_eq!(
        (config.connect_timeout, config.connect_retry, config.open_time),
        (secs(1), secs(1), secs(30))
    );
}
