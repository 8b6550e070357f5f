//! Properties of two sessions against each other: whatever happened, once the link is good they are established, on the
//! same connection and with the same agreement.

use std::net::Ipv4Addr;
use std::time::Duration;

use guideway_bgp_wire::{Families, Family};
use proptest::collection::vec;
use proptest::prelude::*;

use super::network::{Network, Word};
use super::{both, ms, secs};
use crate::{Config, Event, GracefulRestart, HoldTime, RemoteAs, Stop};

fn families() -> impl Strategy<Value = Families> {
    prop_oneof![
        Just(Families::NONE.with(Family::Ipv4)),
        Just(Families::NONE.with(Family::Ipv6)),
        Just(both())
    ]
}

/// Two configurations that fit each other.
fn configs() -> impl Strategy<Value = [Config; 2]> {
    let sides = (any::<bool>(), any::<bool>(), any::<bool>());
    let common = (prop_oneof![Just(3u16), Just(9), Just(90)], any::<[bool; 2]>(), 0..3u8);
    let extras = (families(), families(), families(), any::<bool>());
    (sides, common, extras).prop_map(
        |((external, equal, higher), (hold, restart, passive), (f, g, h, next_hop))| {
            let [first, second] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 9)];
            let (mut ids, ases) = ([first, second], if external { [65001, 65000] } else { [65001; 2] });
            if higher {
                ids.reverse();
            }
            // RFC 6286: equal identifiers are allowed between ASes.
            if equal && external {
                ids = [first; 2];
            }
            [0, 1].map(|end: usize| Config {
                hold_time: HoldTime::from_secs(if end == 0 { hold } else { 90 }).unwrap(),
                passive: usize::from(passive) == end + 1,
                families: if end == 0 { both() } else { f },
                add_path_send: if end == 0 { g } else { h },
                add_path_receive: if end == 0 { h } else { g },
                extended_next_hop: next_hop || end == 0,
                graceful_restart: restart[end].then_some(GracefulRestart { restart_time: secs(60) }),
                ..Config::new(ases[end], ids[end], RemoteAs::Is(ases[1 - end]))
            })
        },
    )
}

#[derive(Debug, Clone)]
enum Trouble {
    Cut(Duration),
    Crash(usize, Word),
    Stop(usize, Stop),
    Bfd,
    Reset(usize),
    Now(usize),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let end = 0..2usize;
    prop_oneof![
        4 => (1..20_000u64).prop_map(|time| Trouble::Cut(ms(time))),
        2 => (end.clone(), any::<bool>())
            .prop_map(|(end, said)| Trouble::Crash(end, if said { Word::Closed } else { Word::None })),
        1 => (end.clone(), prop_oneof![
            Just(Stop::Silent), Just(Stop::Shutdown(String::new())), Just(Stop::Deconfigured)
        ]).prop_map(|(end, stop)| Trouble::Stop(end, stop)),
        1 => Just(Trouble::Bfd),
        2 => end.clone().prop_map(Trouble::Reset),
        2 => end.prop_map(Trouble::Now),
    ]
}

fn apply(network: &mut Network, trouble: Trouble) {
    match trouble {
        Trouble::Cut(time) => network.cut(time),
        Trouble::Crash(end, word) => {
            network.crash(end, word);
            network.put(end, Event::Start);
        }
        Trouble::Stop(end, stop) => {
            network.put(end, Event::Stop(stop));
            assert!(network.ends[end].open.is_empty() && network.ends[end].session.poll_timeout().is_none());
            network.run(ms(700));
            network.put(end, Event::Start);
        }
        Trouble::Bfd => [0, 1].into_iter().for_each(|end| network.put(end, Event::BfdDown)),
        Trouble::Reset(end) => network.put(end, Event::Stop(Stop::Reset("why".to_owned()))),
        Trouble::Now(end) => network.put(end, Event::ConnectNow),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the delays of a good link are, they come up at once, and stay: no session is lost to a collision.
    #[test]
    fn a_good_link_carries_one_session_that_stays(
        configs in configs(), delays in vec(0..80u64, 1..40), offset in 0..2000u64, first in 0..2usize
    ) {
        let mut network = Network::new(configs, delays);
        network.put(first, Event::Start);
        network.run(ms(offset));
        network.put(1 - first, Event::Start);
        network.run(secs(25));
        network.agree().map_err(TestCaseError::fail)?;
        network.run(secs(100));
        network.agree().map_err(TestCaseError::fail)?;
        for end in &network.ends {
            prop_assert_eq!((end.ups, end.downs.as_slice()), (1, &[][..]));
        }
    }

    /// After any trouble.
    #[test]
    fn a_link_that_is_good_again_carries_the_session_again(
        configs in configs(),
        delays in vec(0..300u64, 1..40),
        troubles in vec((0..15_000u64, trouble()), 1..8),
    ) {
        let mut network = Network::new(configs, delays);
        network.start();
        for (time, trouble) in troubles {
            network.run(ms(time));
            apply(&mut network, trouble);
        }
        // The longest cut, the longest hold time without graceful restart, what is sent again late, and the waits.
        network.run(secs(20 + 90 + 30 + 30 + 30));
        network.agree().map_err(TestCaseError::fail)?;
        let ups = network.ends.each_ref().map(|end| end.ups);
        network.run(secs(300));
        network.agree().map_err(TestCaseError::fail)?;
        prop_assert_eq!(ups, network.ends.each_ref().map(|end| end.ups), "it did not stay");
    }
}
