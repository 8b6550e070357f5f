use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn prefix(number: u8) -> IpNet {
    IpNet::new([192, 0, 2, number].into(), 32).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn damping() -> Damping {
    assert!(DampingSettings::default().is_valid());
    Damping::new(DampingSettings::default())
}

#[test]
fn a_vip_that_goes_and_comes_a_few_times_is_not_held_back() {
    let (mut damping, start) = (damping(), Instant::now());
    for round in 0..3 {
        damping.withdraw(prefix(1), start + seconds(round));
        assert_eq!(damping.announce(prefix(1), start + seconds(round)), Verdict::Announce);
    }
    assert_eq!(damping.suppressed(start).count(), 0);
}

#[test]
fn one_that_goes_on_is_held_back_and_let_go() {
    let (mut damping, start) = (damping(), Instant::now());
    for _ in 0..3 {
        damping.withdraw(prefix(1), start);
        assert_eq!(damping.announce(prefix(1), start), Verdict::Announce);
    }
    damping.withdraw(prefix(1), start);
    let Verdict::Suppress { until } = damping.announce(prefix(1), start) else { panic!() };
    // From 4000 to 1500 it takes 1.415 half-lives.
    assert_eq!((until - start).as_millis(), 21_225);
    assert_eq!(damping.suppressed(start).collect::<Vec<_>>(), [(prefix(1), until)]);
    assert_eq!(damping.next_deadline(), Some(until));
    assert_eq!(damping.expire(until - Duration::from_millis(1)), []);
    assert_eq!(damping.expire(until), [prefix(1)]);
    assert_eq!(damping.announce(prefix(1), until), Verdict::Announce);
    let forgotten = damping.next_deadline().unwrap();
    assert_eq!((forgotten - until).as_millis(), 15_000, "half of the reuse limit");
    assert_eq!(damping.expire(forgotten + seconds(1)), []);
    assert_eq!((damping.next_deadline(), damping.state(&prefix(1), forgotten)), (None, None));
}

#[test]
fn what_does_not_work_is_not_let_go() {
    let (mut damping, start) = (damping(), Instant::now());
    for _ in 0..5 {
        damping.withdraw(prefix(1), start);
        damping.announce(prefix(1), start);
    }
    damping.withdraw(prefix(1), start);
    let until = damping.next_deadline().unwrap();
    assert_eq!(damping.expire(until), []);
    assert_eq!(damping.announce(prefix(1), until), Verdict::Announce);
}

#[test]
fn nothing_is_held_back_longer_than_was_set() {
    let (mut damping, start) = (damping(), Instant::now());
    for _ in 0..1_000 {
        damping.withdraw(prefix(1), start);
        damping.announce(prefix(1), start);
    }
    let until = damping.next_deadline().unwrap();
    assert!(until <= start + seconds(60) && until > start + seconds(59), "{:?}", until - start);
    assert!(damping.state(&prefix(1), start).unwrap().merit <= 24_000.0);
}

#[test]
fn withdrawals_of_one_that_is_down_cost_nothing() {
    let (mut damping, start) = (damping(), Instant::now());
    for _ in 0..100 {
        damping.withdraw(prefix(1), start);
    }
    assert_eq!(damping.announce(prefix(1), start), Verdict::Announce);
}

#[test]
fn histories_have_a_limit() {
    let (mut damping, now) = (damping(), Instant::now());
    for number in 0..u32::try_from(MAX_HISTORIES).unwrap() + 1_000 {
        damping.withdraw(IpNet::new(std::net::Ipv4Addr::from(number).into(), 32).unwrap(), now);
    }
    assert_eq!((damping.histories.len(), damping.deadlines.len()), (MAX_HISTORIES, MAX_HISTORIES));
}

#[test]
fn figures_that_make_no_sense_do_no_harm() {
    let zero = DampingSettings {
        penalty: 0,
        suppress: 0,
        reuse: 0,
        half_life: Duration::ZERO,
        max_hold: Duration::ZERO,
    };
    let endless = DampingSettings { half_life: Duration::MAX, max_hold: Duration::MAX, ..Default::default() };
    for settings in [zero, endless, DampingSettings { half_life: Duration::ZERO, ..endless }] {
        let (mut damping, mut now) = (Damping::new(settings), Instant::now());
        for _ in 0..20 {
            damping.withdraw(prefix(1), now);
            damping.announce(prefix(1), now);
            now += seconds(1);
            damping.expire(now);
        }
    }
}

#[derive(Debug, Clone)]
enum Op {
    Up(u8),
    Down(u8),
    /// Milliseconds.
    Wait(u64),
    Expire,
    Settings(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..4u8).prop_map(Op::Up),
        4 => (0..4u8).prop_map(Op::Down),
        2 => (0..40_000u64).prop_map(Op::Wait),
        1 => (0..200u64).prop_map(Op::Wait),
        2 => Just(Op::Expire),
        1 => (500..5_000u32).prop_map(Op::Settings),
    ]
}

/// What a peer sees of a prefix, and since when.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    works: bool,
    announced: bool,
    held_until: Option<Instant>,
    last_withdrawal: Option<Instant>,
}

proptest! {
    #[test]
    fn dead_ones_are_withdrawn_at_once_and_held_ones_stay_so(ops in vec(op(), 0..120)) {
        let mut damping = damping();
        let mut now = Instant::now();
        let mut seen: BTreeMap<IpNet, Seen> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Up(number) => {
                    let seen = seen.entry(prefix(number)).or_default();
                    let verdict = damping.announce(prefix(number), now);
                    seen.works = true;
                    match verdict {
                        Verdict::Announce => {
                            prop_assert!(seen.held_until.is_none_or(|until| until <= now));
                            (seen.announced, seen.held_until) = (true, None);
                        }
                        Verdict::Suppress { until } => {
                            prop_assert!(!seen.announced, "what is announced is not taken back");
                            prop_assert!(until > now);
                            prop_assert!(until <= seen.last_withdrawal.unwrap() + seconds(60));
                            prop_assert!(seen.held_until.is_none_or(|before| before == until));
                            seen.held_until = Some(until);
                        }
                    }
                }
                Op::Down(number) => {
                    let seen = seen.entry(prefix(number)).or_default();
                    if seen.works {
                        damping.withdraw(prefix(number), now);
                        damping.withdraw(prefix(number), now);
                        // A longer time may be due now.
                        (seen.held_until, seen.last_withdrawal) = (None, Some(now));
                    }
                    (seen.works, seen.announced) = (false, false);
                }
                Op::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Op::Settings(penalty) => {
                    damping.set_settings(DampingSettings { penalty, ..DampingSettings::default() });
                }
                Op::Expire => {
                    for prefix in damping.expire(now) {
                        let seen = seen.get_mut(&prefix).unwrap();
                        prop_assert!(seen.works && !seen.announced);
                        prop_assert!(seen.held_until.unwrap() <= now);
                        (seen.announced, seen.held_until) = (true, None);
                    }
                    prop_assert!(damping.next_deadline().is_none_or(|deadline| deadline > now));
                }
            }
            let held: Vec<IpNet> = damping.suppressed(now).map(|(prefix, _)| prefix).collect();
            for (prefix, seen) in &seen {
                prop_assert_eq!(held.contains(prefix), seen.works && seen.held_until.is_some_and(|until| until > now));
            }
        }
        // In the end everything that works is announced, and nothing is remembered.
        let mut rounds = 0;
        while let Some(deadline) = damping.next_deadline() {
            rounds += 1;
            prop_assert!(rounds < 50);
            now = now.max(deadline);
            for prefix in damping.expire(now) {
                seen.get_mut(&prefix).unwrap().announced = true;
            }
        }
        prop_assert!(seen.values().all(|seen| seen.announced == seen.works));
        prop_assert_eq!(damping.histories.len(), 0);
    }
}
