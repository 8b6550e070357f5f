//! Who fell silent: what was on the link, by the kernel's times.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use guideway_lab::capture::Sighting;

use super::{FORWARDER_V4, ROUTER_V4};

/// Silences so close to each other belong together: while a session is down, both sides send once a second.
const TOGETHER: Duration = Duration::from_secs(1);

/// Who was not heard for a detection time or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Forwarder,
    Router,
}

/// One side's silences; what follows out of the first one is left out.
#[derive(Debug, Default)]
pub struct Silences {
    /// Who was silent first, how long, and when that was after the first packet.
    pub found: Vec<(Side, Duration, Duration)>,
    /// The longest time between two packets of lb-bfd, without what followed out of a silence of the router.
    pub longest_own: Duration,
}

impl Silences {
    pub fn of(&self, side: Side) -> usize {
        self.found.iter().filter(|(silent, ..)| *silent == side).count()
    }
}

impl fmt::Display for Silences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lb-bfd sent nothing for {:?} at most", self.longest_own)?;
        for (side, length, at) in &self.found {
            write!(f, "; {side:?} silent for {length:?} at {at:?}")?;
        }
        Ok(())
    }
}

/// Reads a capture of the router's link.
pub fn silences(seen: &[Sighting], detection: Duration) -> Silences {
    let sent_by = |sighting: &Sighting| match sighting.frame.outer.source {
        IpAddr::V4(source) if source.to_string() == FORWARDER_V4 => Some(Side::Forwarder),
        IpAddr::V4(source) if source.to_string() == ROUTER_V4 => Some(Side::Router),
        _ => None,
    };
    find(seen.iter().filter_map(|sighting| Some((sighting.at, sent_by(sighting)?))), detection)
}

fn find(packets: impl Iterator<Item = (Duration, Side)>, detection: Duration) -> Silences {
    let mut gaps = Vec::new();
    let (mut start, mut last) = (None, [None; 2]);
    for (at, side) in packets {
        let start = *start.get_or_insert(at);
        if let Some(before) = last[side as usize].replace(at) {
            gaps.push((before - start, side, at - before));
        }
    }
    // By when they began.
    gaps.sort_by_key(|(from, ..)| *from);
    let mut silences = Silences::default();
    let mut until = None;
    for (from, side, length) in gaps {
        if until.is_some_and(|until| from < until) {
            until = (length >= detection).then_some(from + length + TOGETHER).max(until);
            continue;
        }
        if length >= detection {
            silences.found.push((side, length, from));
            until = Some(from + length + TOGETHER);
        }
        if side == Side::Forwarder {
            silences.longest_own = silences.longest_own.max(length);
        }
    }
    silences
}

#[test]
fn the_side_that_falls_silent_first_is_named() {
    let every = |side, from: u64, to: u64, step: usize| {
        (from..to).step_by(step).map(move |at| (Duration::from_millis(at), side))
    };
    let mut packets: Vec<_> = every(Side::Forwarder, 0, 20_000, 45).collect();
    packets.extend(every(Side::Router, 10, 1_000, 45));
    // Nothing from the router for 200 ms; then both are slow for a while.
    packets.extend(every(Side::Router, 1_200, 20_000, 45));
    packets.retain(|(at, side)| {
        let at = at.as_millis();
        !((1_200..3_000).contains(&at) && at % 900 > 50
            || *side == Side::Forwarder && (12_000..12_170).contains(&at))
    });
    packets.sort_by_key(|(at, _)| *at);
    let silences = find(packets.into_iter(), Duration::from_millis(150));
    let sides: Vec<_> = silences.found.iter().map(|(side, ..)| *side).collect();
    assert_eq!(sides, [Side::Router, Side::Forwarder], "{silences}");
    assert!(silences.longest_own > Duration::from_millis(160), "{silences}");
    assert!(silences.longest_own < Duration::from_millis(250), "{silences}");
}
