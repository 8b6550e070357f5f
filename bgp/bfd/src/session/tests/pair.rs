//! Properties of two sessions with each other, in virtual time.

use proptest::prelude::*;

use super::link::{GOOD, Pair, Quality};
use super::*;
use crate::auth::Kind;

fn any_config() -> impl Strategy<Value = Config> {
    let kinds = prop::sample::select(vec![
        None,
        Some(Kind::Simple),
        Some(Kind::KeyedMd5),
        Some(Kind::MeticulousMd5),
        Some(Kind::KeyedSha1),
        Some(Kind::MeticulousSha1),
    ]);
    (10..400_u64, 10..400_u64, 2..6_u8, kinds).prop_map(|(tx, rx, mult, kind)| {
        let mut config = Config::new(ms(tx), ms(rx), mult).unwrap();
        config.authentication = kind.map(|kind| Authentication::new(kind, [(1, "secret")]).unwrap());
        config
    })
}

/// Two sides that differ in everything but the authentication; at most one of them is passive.
fn any_configs() -> impl Strategy<Value = [Config; 2]> {
    (any_config(), any_config(), any::<bool>()).prop_map(|(left, mut right, passive)| {
        right.authentication = left.authentication.clone();
        right.passive = passive;
        [left, right]
    })
}

/// A link that loses single packets and delays by less than what detection leaves room for.
fn any_quality() -> impl Strategy<Value = Quality> {
    (0..8_u64, 0..8_u64, 0..300_u32).prop_map(|(least, more, lost)| Quality {
        least_delay: ms(least),
        most_delay: ms(least + more),
        lost,
        most_in_a_row: 0,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_good_link_is_up_soon_and_stays_up(configs in any_configs(), quality in any_quality(), seed: [u8; 32]) {
        let mut pair = Pair::new(configs, quality, seed);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up), "not up after {:?}", pair.elapsed());
        pair.run(Duration::from_secs(20));
        prop_assert!(pair.both_up());
        for end in &pair.ends {
            prop_assert!(!end.session.is_polling());
            let downs = end.history.iter().filter(|(_, transition)| transition.from == State::Up).count();
            prop_assert_eq!(downs, 0, "{:?}", end.history);
            prop_assert_eq!(end.discarded, 0);
        }
        // Both have agreed.
        let [left, right] = &pair.ends;
        for (a, b) in [(left, right), (right, left)] {
            let interval = a.session.transmit_interval().unwrap();
            prop_assert_eq!(b.session.detection_time(), interval * u32::from(a.session.config.detect_mult));
        }
    }

    #[test]
    fn single_losses_are_no_failure(configs in any_configs(), lost in 0..400_u32, seed: [u8; 32]) {
        // Of three packets in a detection time one may be missing, jitter and delay included.
        let configs = configs.map(|config| Config { detect_mult: config.detect_mult.max(3), ..config });
        let quality = Quality { lost, most_in_a_row: 1, ..GOOD };
        let mut pair = Pair::new(configs, quality, seed);
        prop_assert!(pair.run_until(Duration::from_secs(15), Pair::both_up));
        // Until both run at the agreed speed a lost packet can cost more.
        let settled = |pair: &Pair| pair.ends.iter().all(|end| !end.session.is_polling());
        prop_assert!(pair.run_until(Duration::from_secs(10), settled));
        let before = pair.ends.iter().map(|end| end.history.len()).sum::<usize>();
        pair.run(Duration::from_secs(30));
        prop_assert_eq!(pair.ends.iter().map(|end| end.history.len()).sum::<usize>(), before);
    }

    #[test]
    fn a_cut_is_noticed_in_time_and_a_heal_too(configs in any_configs(), one_way: bool, seed: [u8; 32]) {
        let mut pair = Pair::new(configs, GOOD, seed);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
        pair.run(Duration::from_secs(5));
        pair.cut = [true, !one_way];
        let (cut, detection) = (pair.elapsed(), pair.ends[0].session.detection_time());
        let down = |pair: &Pair| pair.ends[0].session.state() == State::Down;
        prop_assert!(pair.run_until(Duration::from_secs(10), down));
        let took = pair.elapsed() - cut;
        // The last packet can have left just before the cut, or an interval earlier.
        prop_assert!(took <= detection + GOOD.most_delay, "{took:?} of {detection:?}");
        let last_interval = detection / u32::from(pair.ends[1].session.config.detect_mult);
        prop_assert!(took + last_interval + GOOD.most_delay >= detection, "{took:?} of {detection:?}");
        // The other side hears it from us, or notices by itself.
        let other = pair.ends[1].session.detection_time();
        pair.run(other + GOOD.most_delay);
        prop_assert!(pair.ends[1].session.state() != State::Up);
        if one_way {
            let (_, told) = pair.ends[1].history.iter().rfind(|(_, change)| change.from == State::Up).unwrap();
            prop_assert_eq!(told.diagnostic, Diagnostic::NEIGHBOUR_SIGNALED_DOWN);
        }
        pair.cut = [false; 2];
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
    }

    #[test]
    fn intervals_change_under_traffic_without_a_flap(
        configs in any_configs(),
        changes in prop::collection::vec((0..2_usize, any_config(), 0..3000_u64), 1..12),
        seed: [u8; 32],
    ) {
        let mut pair = Pair::new(configs, GOOD, seed);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
        let settled = |pair: &Pair| pair.ends.iter().all(|end| !end.session.is_polling());
        prop_assert!(pair.run_until(Duration::from_secs(5), settled));
        for (index, mut config, wait) in changes {
            config.authentication = pair.ends[index].session.config.authentication.clone();
            pair.ends[index].session.set_config(config);
            pair.run(ms(wait));
        }
        pair.run(Duration::from_secs(5));
        for end in &pair.ends {
            prop_assert!(!end.session.is_polling());
            prop_assert!(end.history.iter().all(|(_, change)| change.from != State::Up), "{:?}", end.history);
        }
        let [left, right] = &pair.ends;
        for (a, b) in [(left, right), (right, left)] {
            let interval = a.session.transmit_interval().unwrap();
            prop_assert_eq!(b.session.detection_time(), interval * u32::from(a.session.config.detect_mult));
        }
    }

    #[test]
    fn no_more_packets_than_agreed(configs in any_configs(), seed: [u8; 32]) {
        let mut pair = Pair::new(configs, GOOD, seed);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
        pair.run(Duration::from_secs(5));
        let before = pair.ends.each_ref().map(|end| end.sent);
        pair.run(Duration::from_secs(10));
        for (end, before) in pair.ends.iter().zip(before) {
            let interval = end.session.transmit_interval().unwrap();
            let sent = (end.sent - before) as f64;
            let most = Duration::from_secs(10).as_secs_f64() / (interval.as_secs_f64() * 0.75);
            let least = Duration::from_secs(10).as_secs_f64() / interval.as_secs_f64();
            prop_assert!(sent <= most + 1.0 && sent >= least - 1.0, "{sent} not in {least}..{most}");
        }
    }

    #[test]
    fn an_administrative_end_is_told_and_taken_back(configs in any_configs(), seed: [u8; 32]) {
        let mut pair = Pair::new(configs, GOOD, seed);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
        pair.run(Duration::from_secs(3));
        pair.ends[0].session.set_admin(Admin::Down);
        pair.run(ms(10));
        let other = &pair.ends[1].session;
        prop_assert_eq!((other.state(), other.remote().state), (State::Down, State::AdminDown));
        prop_assert_eq!(other.diagnostic(), Diagnostic::NEIGHBOUR_SIGNALED_DOWN);
        pair.run(Duration::from_secs(10));
        prop_assert_eq!(pair.ends[1].session.state(), State::Down);
        pair.ends[0].session.set_admin(Admin::Up);
        prop_assert!(pair.run_until(Duration::from_secs(4), Pair::both_up));
    }
}
