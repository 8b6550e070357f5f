//! Which backend a packet goes to when its slot does not say it all: unsettled slots and tracked VIPs.

use guideway_abi::{
    Counter, FLOW_WAYS, FlowEntry, FlowWord, GenerationHeader, IPPROTO_TCP, NO_REGION, PREVIOUS_TABLES,
    SetRecord, TableRef, UNSETTLED, VipRecord, backend_state, set_flags, vip_flags, vip_mode,
};
use guideway_packet::{
    Datagram, Frame,
    decide::{Candidates, Decision, Doubt, EntryUse, Found, Kind, Mode, asks_the_table, decide},
    flow_hash, flow_tag,
    flows::{self, Clock, Search},
};
use guideway_xdp::{Context, forgotten, opaque};

use crate::{
    Parcel, Verdict, l4_at,
    maps::{self, BACKENDS, FLOWS, Shared as _, VIPS},
};

/// Decides, and keeps the flow table.
#[inline(never)]
pub fn choose(context: &Context, header: &GenerationHeader, parcel: &mut Parcel) -> Verdict<()> {
    let set = parcel.set(header)?;
    let datagram = &parcel.datagram;
    let record = VIPS.get(header.vip_base + parcel.vip.vip).ok_or(Counter::DropInternal)?;
    let mode = forget_mode(header.digest, mode(parcel.vip.flags, record));
    let kind = forget_kind(header.digest, kind(context, datagram)?);
    let hash = match mode {
        Mode::ClientIp => flow_hash(&header.flow_key, &datagram.addresses, 0),
        _ => parcel.hash,
    };
    let hash = forgotten(hash.into(), header.digest) as u32;
    let slot = maps::slot_of(set.table, hash).ok_or(Counter::DropInternal)?;
    let current = slot & !UNSETTLED;
    if current == 0 {
        return Err(Counter::DropInternal);
    }
    let is_settled = slot & UNSETTLED == 0;
    let candidates = if is_settled {
        Candidates::only(current)
    } else {
        candidates(header, datagram, set, mode, hash, current)
    };
    let doubt = if is_settled {
        Doubt::Settled
    } else if set.flags & set_flags::SECOND_HOP != 0 {
        Doubt::SecondHop
    } else if record.flow_base != NO_REGION {
        Doubt::Entries
    } else {
        Doubt::Nothing
    };
    let case = Case { mode, doubt, kind, candidates }.forget(header.digest);
    let decision = if record.flow_base != NO_REGION && asks_the_table(case.mode, case.doubt, case.kind) {
        let mut entry = Entry::unknown();
        entry.look_up(header, parcel, record, case.mode)?;
        // Again: while it walks a function that is called, the verifier of Linux 6.1 mistakes the caller's registers for
        // that function's own. It takes two calls for the same that differ in a mode alone, and removes branches that
        // the second one would take. The tag is what cannot be there before the call.
        let Case { mode, doubt, kind, candidates } = case.forget(entry.tag);
        let mut decision = decide(mode, doubt, kind, &candidates, entry.followed());
        if entry.place == NOWHERE {
            decision = decision.without_place(doubt, kind, &candidates);
        }
        let decision = forget_decision(header.digest, decision);
        entry.keep(&decision)?;
        decision
    } else {
        let Case { mode, doubt, kind, candidates } = case;
        forget_decision(header.digest, decide(mode, doubt, kind, &candidates, None))
    };
    if decision.hops[0] != 0 {
        maps::count(Counter::SecondHop);
    }
    parcel.backend = decision.backend;
    parcel.hops = decision.hops;
    Ok(())
}

// The verifier walks every way through the program. What comes below would be walked once for each mode, kind, doubt and
// so on that it can tell apart above; so it is made to forget them where they meet.

/// What a packet is decided by, but for its flow's entry.
#[derive(Clone, Copy)]
struct Case {
    mode: Mode,
    doubt: Doubt,
    kind: Kind,
    candidates: Candidates,
}

impl Case {
    #[inline(always)]
    fn forget(self, unknown: u64) -> Self {
        let Candidates { current, previous } = self.candidates;
        let [current, previous @ ..] = forget_backends(unknown, current, previous);
        Self {
            mode: forget_mode(unknown, self.mode),
            doubt: forget_doubt(unknown, self.doubt),
            kind: forget_kind(unknown, self.kind),
            candidates: Candidates { current, previous },
        }
    }
}

#[inline(always)]
fn forget_mode(unknown: u64, mode: Mode) -> Mode {
    match forgotten(mode as u64, unknown) {
        0 => Mode::Plain,
        1 => Mode::Sticky,
        _ => Mode::ClientIp,
    }
}

#[inline(always)]
fn forget_kind(unknown: u64, kind: Kind) -> Kind {
    match forgotten(kind as u64, unknown) {
        0 => Kind::Syn,
        1 => Kind::Established,
        _ => Kind::Datagram,
    }
}

#[inline(always)]
fn forget_doubt(unknown: u64, doubt: Doubt) -> Doubt {
    match forgotten(doubt as u64, unknown) {
        0 => Doubt::Settled,
        1 => Doubt::SecondHop,
        2 => Doubt::Entries,
        _ => Doubt::Nothing,
    }
}

#[inline(always)]
fn forget_decision(unknown: u64, decision: Decision) -> Decision {
    const HALF_OPEN: u64 = 1;
    const FOLLOW: u64 = 2;
    const MAKE: u64 = 4;
    let flag = |half_open| if half_open { HALF_OPEN } else { 0 };
    let entry = match decision.entry {
        EntryUse::Leave => 0,
        EntryUse::Follow { half_open } => FOLLOW | flag(half_open),
        EntryUse::Make { half_open } => MAKE | flag(half_open),
    };
    let [backend, hops @ ..] = forget_backends(unknown, decision.backend, decision.hops);
    let entry = forgotten(entry, unknown);
    let half_open = entry & HALF_OPEN != 0;
    let entry = if entry & FOLLOW != 0 {
        EntryUse::Follow { half_open }
    } else if entry & MAKE != 0 {
        EntryUse::Make { half_open }
    } else {
        EntryUse::Leave
    };
    Decision { backend, hops, entry }
}

/// As one word.
#[inline(always)]
fn forget_backends(
    unknown: u64,
    one: u16,
    [first, second, third]: [u16; PREVIOUS_TABLES],
) -> [u16; 1 + PREVIOUS_TABLES] {
    let packed = u64::from(one) | u64::from(first) << 16 | u64::from(second) << 32 | u64::from(third) << 48;
    let packed = forgotten(packed, unknown);
    [packed as u16, (packed >> 16) as u16, (packed >> 32) as u16, (packed >> 48) as u16]
}

#[inline(always)]
fn mode(flags: u16, record: &VipRecord) -> Mode {
    if flags & vip_flags::TRACKED == 0 {
        return Mode::Plain;
    }
    match record.mode {
        vip_mode::STICKY => Mode::Sticky,
        vip_mode::CLIENT_IP => Mode::ClientIp,
        _ => Mode::Plain,
    }
}

const TCP_FLAGS_OFFSET: usize = 13;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

#[inline(always)]
fn kind(context: &Context, datagram: &Datagram) -> Verdict<Kind> {
    if datagram.protocol != IPPROTO_TCP {
        return Ok(Kind::Datagram);
    }
    let at = l4_at(datagram) + TCP_FLAGS_OFFSET;
    let flags = context.view::<1>(at).ok_or(Counter::DropMalformed)?[0];
    Ok(if flags & (SYN | ACK) == SYN { Kind::Syn } else { Kind::Established })
}

#[inline(always)]
fn candidates(
    header: &GenerationHeader,
    datagram: &Datagram,
    set: &SetRecord,
    mode: Mode,
    hash: u32,
    current: u16,
) -> Candidates {
    let old_hash = if set.flags & set_flags::ANY_OLD_KEY == 0 {
        hash
    } else {
        let ports = match mode {
            Mode::ClientIp => 0,
            _ => datagram.ports,
        };
        flow_hash(&header.previous_flow_key, &datagram.addresses, ports)
    };
    let previous = |at: usize| {
        let hash = if set.flags & set_flags::OLD_KEY[at] == 0 { hash } else { old_hash };
        let table = set.previous[at];
        if table == TableRef::NONE { 0 } else { maps::slot_of(table, hash).unwrap_or(0) & !UNSETTLED }
    };
    let previous = [previous(0), previous(1), previous(2)];
    Candidates::new(current, previous, |backend| maps::state(header, backend) == backend_state::DEAD)
}

/// What the flow table has for a packet. Small: it stands on the stack of the deepest chain of calls.
#[repr(C)]
struct Entry {
    tag: u64,
    /// The entry's second word, when there is one.
    found: FlowWord,
    /// Its place, or `NOWHERE`.
    found_at: u32,
    /// The place for a new entry, or `NOWHERE`.
    place: u32,
    /// Of [`FLOWS`].
    bucket: u32,
    now: u32,
    /// Whether the entry can be followed, and its backend is serving.
    follow: u32,
}

const NOWHERE: u32 = FLOW_WAYS as u32;
const FOLLOW: u32 = 1;
const SERVING: u32 = 2;

impl Entry {
    #[inline(always)]
    fn unknown() -> Self {
        Self { tag: 0, found: FlowWord(0), found_at: NOWHERE, place: NOWHERE, bucket: 0, now: 0, follow: 0 }
    }

    #[inline(never)]
    fn look_up(
        &mut self,
        header: &GenerationHeader,
        parcel: &Parcel,
        record: &VipRecord,
        mode: Mode,
    ) -> Verdict<()> {
        let Parcel { ref datagram, .. } = *parcel;
        let (ports, protocol) = match mode {
            Mode::ClientIp => (0, 0),
            _ => (datagram.ports, datagram.protocol),
        };
        let tag = forgotten(flow_tag(header.tag_key, &datagram.addresses, ports, protocol), header.digest);
        let bucket = record.flow_base + (tag as u32 & record.flow_mask);
        // A copy says one thing.
        let places = maps::copy_of_bucket(bucket).ok_or(Counter::DropInternal)?;
        let now = (crate::jiffies() >> (header.tick_shift & 31)) as u32;
        let clock = Clock { now, timeout: record.timeout };
        let Search { found, place } = flows::search(places, tag, &clock, opaque);
        self.tag = tag;
        self.bucket = bucket;
        self.now = now;
        let forget = |number: u32| forgotten(number.into(), header.digest) as u32;
        self.place = forget(place.map_or(NOWHERE, |way| way as u32));
        let (way, word) = found.map_or((NOWHERE, FlowWord(0)), |(way, word)| (way as u32, word));
        self.found_at = forget(way);
        self.found = FlowWord(forgotten(word.0, header.digest));
        self.follow = if self.found_at == NOWHERE { 0 } else { forget(follow(header, self.found)) };
        Ok(())
    }

    #[inline(always)]
    fn followed(&self) -> Option<Found> {
        if self.follow & FOLLOW == 0 {
            return None;
        }
        Some(Found {
            backend: self.found.backend(),
            half_open: self.found.is_half_open(),
            serving: self.follow & SERVING != 0,
        })
    }

    /// Does about the flow table what was decided.
    #[inline(never)]
    fn keep(&self, decision: &Decision) -> Verdict<()> {
        match decision.entry {
            EntryUse::Follow { half_open } => {
                maps::count(Counter::FlowHit);
                let word = FlowWord::new(self.found.backend(), self.found.epoch(), self.now, half_open);
                if word != self.found {
                    self.store(self.found_at, None, word)?;
                }
            }
            EntryUse::Make { half_open } => {
                maps::count(Counter::FlowMiss);
                if self.place == NOWHERE {
                    maps::count(Counter::FlowFull);
                } else {
                    let backend = BACKENDS.get(decision.backend.into()).ok_or(Counter::DropInternal)?;
                    let word = FlowWord::new(decision.backend, backend.epoch, self.now, half_open);
                    self.store(self.place, Some(word.check(self.tag)), word)?;
                    maps::count(Counter::FlowInsert);
                }
            }
            EntryUse::Leave => maps::count(Counter::FlowMiss),
        }
        Ok(())
    }

    /// Each word is stored by itself; who reads between the two finds no entry.
    #[inline(always)]
    fn store(&self, way: u32, check: Option<u64>, word: FlowWord) -> Verdict<()> {
        let bucket = FLOWS.get_ptr_mut(self.bucket).ok_or(Counter::DropInternal)?;
        let way = way as usize % FLOW_WAYS;
        // SAFETY: `way` is a place of the element, which is live as long as the map.
        unsafe {
            let entry = bucket.cast::<FlowEntry>().add(way);
            if let Some(check) = check {
                (&raw mut (*entry).check).write_volatile(check);
            }
            (&raw mut (*entry).word).write_volatile(word);
        }
        Ok(())
    }
}

/// Whether the entry's backend is still the one that it was made for, and lives; and whether it is serving.
#[inline(always)]
fn follow(header: &GenerationHeader, word: FlowWord) -> u32 {
    let state = maps::state(header, word.backend());
    match BACKENDS.get(word.backend().into()) {
        Some(backend) if backend.epoch == word.epoch() => match state {
            backend_state::DEAD => 0,
            backend_state::SERVING => FOLLOW | SERVING,
            _ => FOLLOW,
        },
        _ => 0,
    }
}
