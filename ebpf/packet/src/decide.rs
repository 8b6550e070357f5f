//! Which backend a packet goes to: the decision of `docs/forwarding.md`, section 5, without the maps.

use guideway_abi::PREVIOUS_TABLES;

/// What a packet says about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP with SYN and without ACK: a connection begins.
    Syn,
    /// Any other TCP packet.
    Established,
    /// UDP.
    Datagram,
}

/// What a VIP's flows are kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// TCP, or UDP that needs no state.
    Plain,
    /// UDP flows that stay.
    Sticky,
    /// Clients that stay.
    ClientIp,
}

/// What the backends of a set, and a VIP, can do about a slot in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// None: no flow of the slot can be elsewhere.
    Settled,
    /// The backends pass packets of unknown connections on to the further hops.
    SecondHop,
    /// The VIP has a region of the flow table.
    Entries,
    /// Neither.
    Nothing,
}

/// Where flows of a slot may be: backend indexes without repeats; zeros at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The slot's own, where new flows go.
    pub current: u16,
    /// Those of earlier tables, latest first.
    pub previous: [u16; PREVIOUS_TABLES],
}

impl Candidates {
    /// Those that are left of the slot's backend and those of earlier tables, when the dead and the repeated are taken
    /// out. The slot's own stays, dead or not.
    #[inline(always)]
    pub fn new(current: u16, previous: [u16; PREVIOUS_TABLES], is_dead: impl Fn(u16) -> bool) -> Self {
        let [first, second, third] = previous;
        let is_out = |backend| backend == current || backend != 0 && is_dead(backend);
        let first = if is_out(first) { 0 } else { first };
        let second = if second == first || is_out(second) { 0 } else { second };
        let third = if third == first || third == second || is_out(third) { 0 } else { third };
        let (second, third) = if second == 0 { (third, 0) } else { (second, third) };
        let previous = if first == 0 { [second, third, 0] } else { [first, second, third] };
        Self { current, previous }
    }

    /// Of a slot that is settled.
    #[inline(always)]
    #[must_use]
    pub const fn only(current: u16) -> Self {
        Self { current, previous: [0; PREVIOUS_TABLES] }
    }

    /// The one that flows of unknown origin belong to when nobody can be asked.
    #[inline(always)]
    #[must_use]
    pub const fn oldest(&self) -> u16 {
        match self.previous {
            [0, ..] => self.current,
            [first, 0, _] => first,
            [_, second, 0] => second,
            [_, _, third] => third,
        }
    }

    /// Whether flows of the slot may be at `backend`.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, backend: u16) -> bool {
        let [first, second, third] = self.previous;
        backend == self.current || backend == first || backend == second || backend == third
    }

    /// All but `one`, in their order; without the last one, if `one` is none of them.
    #[inline(always)]
    #[must_use]
    pub const fn without(&self, one: u16) -> [u16; PREVIOUS_TABLES] {
        let [first, second, third] = self.previous;
        if one == self.current {
            [first, second, third]
        } else if one == first {
            [self.current, second, third]
        } else if one == second {
            [self.current, first, third]
        } else {
            [self.current, first, second]
        }
    }
}

/// An entry of the flow table that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its backend.
    pub backend: u16,
    /// Nothing but SYNs have come so far.
    pub half_open: bool,
    /// The backend takes new connections, too.
    pub serving: bool,
}

/// What is done about the flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryUse {
    /// Nothing.
    Leave,
    /// The entry that was found is followed: its time is renewed, and it is half-open only as said.
    Follow {
        /// It stays half-open.
        half_open: bool,
    },
    /// An entry for the decision's backend is made.
    Make {
        /// Half-open.
        half_open: bool,
    },
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Index of the backend.
    pub backend: u16,
    /// Further hops that it carries; zeros at the end.
    pub hops: [u16; PREVIOUS_TABLES],
    /// What is done about the flow table.
    pub entry: EntryUse,
}

impl Decision {
    #[inline(always)]
    const fn to(backend: u16) -> Self {
        Self { backend, hops: [0; PREVIOUS_TABLES], entry: EntryUse::Leave }
    }

    #[inline(always)]
    const fn entry(self, entry: EntryUse) -> Self {
        Self { entry, ..self }
    }

    /// The decision when there is no place for an entry that it makes: a connection that nobody will remember begins
    /// where its further packets will be sent.
    #[inline(always)]
    #[must_use]
    pub const fn without_place(self, doubt: Doubt, kind: Kind, candidates: &Candidates) -> Self {
        match (self.entry, doubt, kind) {
            (EntryUse::Make { .. }, Doubt::Entries, Kind::Syn) => {
                Self { backend: candidates.oldest(), ..self }
            }
            _ => self,
        }
    }
}

/// The decision. `found` is the flow's entry, if it can be followed; a packet for which [`asks_the_table`] is false is
/// decided without.
#[inline(always)]
#[must_use]
pub const fn decide(
    mode: Mode,
    doubt: Doubt,
    kind: Kind,
    candidates: &Candidates,
    found: Option<Found>,
) -> Decision {
    match mode {
        Mode::Plain => plain(doubt, kind, candidates, found),
        Mode::Sticky => match found {
            Some(found) => Decision::to(found.backend).entry(EntryUse::Follow { half_open: false }),
            None => Decision::to(candidates.current).entry(EntryUse::Make { half_open: false }),
        },
        Mode::ClientIp => client_ip(doubt, kind, candidates, found),
    }
}

/// Whether the flow table is looked at.
#[inline(always)]
#[must_use]
pub const fn asks_the_table(mode: Mode, doubt: Doubt, kind: Kind) -> bool {
    match mode {
        Mode::Plain => matches!(doubt, Doubt::Entries) && !matches!(kind, Kind::Datagram),
        Mode::Sticky | Mode::ClientIp => true,
    }
}

#[inline(always)]
const fn plain(doubt: Doubt, kind: Kind, candidates: &Candidates, found: Option<Found>) -> Decision {
    let current = Decision::to(candidates.current);
    match (doubt, kind) {
        (Doubt::SecondHop, Kind::Established) => Decision { hops: candidates.previous, ..current },
        (Doubt::Entries, Kind::Syn) => match found {
            // The same SYN again; or one that anybody can send, which must not take a live connection from its backend.
            Some(found) => Decision::to(found.backend).entry(EntryUse::Follow { half_open: found.half_open }),
            None => current.entry(EntryUse::Make { half_open: true }),
        },
        (Doubt::Entries, Kind::Established) => match found {
            Some(found) => Decision::to(found.backend).entry(EntryUse::Follow { half_open: false }),
            None => Decision::to(candidates.oldest()),
        },
        _ => current,
    }
}

#[inline(always)]
const fn client_ip(doubt: Doubt, kind: Kind, candidates: &Candidates, found: Option<Found>) -> Decision {
    match (found, kind) {
        // The client has one entry: given to the new connection, it fails the others, unless those are asked after.
        (Some(found), Kind::Syn)
            if !found.serving && matches!(doubt, Doubt::SecondHop) && candidates.has(found.backend) =>
        {
            Decision::to(candidates.current).entry(EntryUse::Make { half_open: false })
        }
        (Some(found), _) => {
            let hops = match (doubt, kind) {
                (Doubt::SecondHop, Kind::Established) => candidates.without(found.backend),
                _ => [0; PREVIOUS_TABLES],
            };
            Decision { backend: found.backend, hops, entry: EntryUse::Follow { half_open: false } }
        }
        (None, Kind::Syn | Kind::Datagram) => {
            Decision::to(candidates.current).entry(EntryUse::Make { half_open: false })
        }
        (None, Kind::Established) => plain(doubt, kind, candidates, None),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{vec, vec::Vec};

    use super::*;

    const ABCD: Candidates = Candidates { current: 1, previous: [2, 3, 4] };

    #[test]
    fn candidates_are_alive_and_different() {
        let none_dead = |_| false;
        assert_eq!(Candidates::new(1, [2, 3, 4], none_dead), ABCD);
        assert_eq!(Candidates::new(1, [2, 3, 4], |b| b == 1), ABCD);
        // Every choice out of five, dead ones and repeated ones among them, against the plain way to say it.
        let any = || 0..5_u16;
        for previous in any().flat_map(|a| any().flat_map(move |b| any().map(move |c| [a, b, c]))) {
            let mut left: Vec<u16> = Vec::new();
            for backend in previous {
                if !([0, 1, 4].contains(&backend) || left.contains(&backend)) {
                    left.push(backend);
                }
            }
            let candidates = Candidates::new(1, previous, |backend| backend == 4);
            let oldest = *left.last().unwrap_or(&1);
            assert_eq!((candidates.current, candidates.oldest()), (1, oldest), "{previous:?}");
            let mut others = vec![1];
            others.extend(&left);
            for one in 1..6 {
                assert_eq!(candidates.has(one), others.contains(&one), "{previous:?}, {one}");
                let mut without: Vec<u16> = others.iter().copied().filter(|other| *other != one).collect();
                without.resize(PREVIOUS_TABLES, 0);
                assert_eq!(candidates.without(one)[..], without, "{previous:?}, {one}");
            }
            left.resize(PREVIOUS_TABLES, 0);
            assert_eq!(candidates.previous[..], left, "{previous:?}");
        }
        assert_eq!([ABCD.oldest(), Candidates::only(1).oldest()], [4, 1]);
        assert_eq!([ABCD.without(3), ABCD.without(4), ABCD.without(9)], [[1, 2, 4], [1, 2, 3], [1, 2, 3]]);
    }

    #[test]
    fn a_plain_vip() {
        let decide = |doubt, kind, found| decide(Mode::Plain, doubt, kind, &ABCD, found);
        let found = |half_open| Some(Found { backend: 7, half_open, serving: true });
        assert_eq!(decide(Doubt::SecondHop, Kind::Syn, None), Decision::to(1));
        let hops = Decision { backend: 1, hops: [2, 3, 4], entry: EntryUse::Leave };
        assert_eq!(decide(Doubt::SecondHop, Kind::Established, None), hops);
        assert_eq!(decide(Doubt::Nothing, Kind::Established, None), Decision::to(1));
        assert_eq!(decide(Doubt::Entries, Kind::Datagram, None), Decision::to(1));
        let made = Decision::to(1).entry(EntryUse::Make { half_open: true });
        assert_eq!(decide(Doubt::Entries, Kind::Syn, None), made);
        let kept = Decision::to(7).entry(EntryUse::Follow { half_open: false });
        assert_eq!(decide(Doubt::Entries, Kind::Syn, found(false)), kept, "anybody can send a SYN");
        assert_eq!(made.without_place(Doubt::Entries, Kind::Syn, &ABCD).backend, 4, "where its ACK will go");
        assert_eq!(made.without_place(Doubt::Nothing, Kind::Syn, &ABCD), made);
        let again = Decision::to(7).entry(EntryUse::Follow { half_open: true });
        assert_eq!(decide(Doubt::Entries, Kind::Syn, found(true)), again);
        let confirmed = Decision::to(7).entry(EntryUse::Follow { half_open: false });
        assert_eq!(decide(Doubt::Entries, Kind::Established, found(true)), confirmed);
        assert_eq!(decide(Doubt::Entries, Kind::Established, None), Decision::to(4));
    }

    #[test]
    fn clients_that_stay() {
        let decide = |doubt, kind, found| decide(Mode::ClientIp, doubt, kind, &ABCD, found);
        let found = |serving| Some(Found { backend: 2, half_open: false, serving });
        let follow = Decision::to(2).entry(EntryUse::Follow { half_open: false });
        let make = Decision::to(1).entry(EntryUse::Make { half_open: false });
        assert_eq!(decide(Doubt::Nothing, Kind::Syn, found(true)), follow);
        assert_eq!(
            decide(Doubt::Nothing, Kind::Syn, found(false)),
            follow,
            "it may have other connections there"
        );
        assert_eq!(decide(Doubt::SecondHop, Kind::Syn, found(false)), make, "which are asked after");
        assert_eq!(decide(Doubt::Nothing, Kind::Established, found(false)), follow);
        assert_eq!(decide(Doubt::Nothing, Kind::Datagram, None), make);
        let hops = Decision { hops: [1, 3, 4], ..follow };
        assert_eq!(decide(Doubt::SecondHop, Kind::Established, found(true)), hops);
        assert_eq!(decide(Doubt::SecondHop, Kind::Established, None).hops, [2, 3, 4]);
        assert_eq!(decide(Doubt::Entries, Kind::Established, None), Decision::to(4));
    }
}
