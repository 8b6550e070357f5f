//! Section 5: which backend.

use guideway_abi::Counter;

use crate::flow_table::{Bucket, Made};
use crate::hash::{Flow, flow_hash, slot, tag};
use crate::parse::Packet;
use crate::{FlowTable, SecondHop, Session, Set, State, UNSETTLED, Vip, World};

const TCP: u8 = 6;
/// Further hops that a packet can carry.
const MOST_HOPS: usize = 3;

/// Where a packet goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) backend: u16,
    pub(crate) further: Vec<u16>,
    pub(crate) events: Vec<Counter>,
}

/// The backends that a flow's slot may belong to, current one first, and whether the slot is unsettled. `None`: the set
/// has no healthy backend.
#[must_use]
pub fn candidates(world: &World, vip: &Vip, flow: &Flow) -> Option<(Vec<u16>, bool)> {
    let flow = if vip.session == Session::ClientIp { flow.client() } else { *flow };
    let set = &world.sets[vip.set];
    let slots = set.table.as_ref()?;
    let hash = flow_hash(&world.flow_key, &flow);
    let current = slots[slot(hash, slots.len())];
    if current & UNSETTLED == 0 {
        return Some((vec![current], false));
    }
    let mut candidates = vec![current & !UNSETTLED];
    for previous in set.previous.iter().flatten() {
        let hash = if previous.old_key { flow_hash(&world.previous_flow_key, &flow) } else { hash };
        let backend = previous.slots[slot(hash, previous.slots.len())];
        if backend != 0 && !candidates.contains(&backend) && world.state(backend) != State::Dead {
            candidates.push(backend);
        }
    }
    Some((candidates, true))
}

/// Chooses the backend of a packet and keeps the flow table.
pub(crate) fn choose(
    world: &World,
    flows: &mut FlowTable,
    now: u32,
    vip: &Vip,
    packet: &Packet,
    flow: &Flow,
) -> Result<Choice, Counter> {
    let (candidates, unsettled) = candidates(world, vip, flow).ok_or(Counter::DropNoBackend)?;
    let tcp = packet.protocol == TCP;
    let question = Question { world, set: &world.sets[vip.set], vip, candidates, unsettled, now, packet };
    Ok(match vip.session {
        Session::Plain if !tcp || !unsettled => question.current(),
        Session::Plain => question.plain_tcp(flows, flow),
        Session::Sticky => question.sticky(flows, flow),
        Session::ClientIp => question.client_ip(flows, &flow.client()),
    })
}

struct Question<'a> {
    world: &'a World,
    set: &'a Set,
    vip: &'a Vip,
    candidates: Vec<u16>,
    unsettled: bool,
    now: u32,
    packet: &'a Packet,
}

impl Question<'_> {
    fn current(&self) -> Choice {
        to(self.candidates[0])
    }

    /// To a backend, with the other candidates as further hops.
    fn with_further_hops(&self, backend: u16) -> Choice {
        let others = self.candidates.iter().copied().filter(|&other| other != backend);
        let further: Vec<u16> = others.take(MOST_HOPS).collect();
        let events = if further.is_empty() { Vec::new() } else { vec![Counter::SecondHop] };
        Choice { backend, further, events }
    }

    /// A packet of TCP that is no SYN, in an unsettled slot, and has no entry.
    fn stray(&self) -> Choice {
        if self.set.second_hop == SecondHop::Yes {
            self.with_further_hops(self.candidates[0])
        } else if self.vip.region.is_some() {
            to(*self.candidates.last().expect("a candidate"))
        } else {
            self.current()
        }
    }

    fn plain_tcp(&self, flows: &mut FlowTable, flow: &Flow) -> Choice {
        if self.set.second_hop == SecondHop::Yes {
            return if self.packet.syn { self.current() } else { self.stray() };
        }
        let Some(mut bucket) = self.bucket(flows, flow) else { return self.stray() };
        if let Some(place) = bucket.find()
            && self.leads_somewhere(place.backend, place.epoch)
        {
            place.last_use = self.now;
            place.half_open &= self.packet.syn;
            return hit(to(place.backend));
        }
        if self.packet.syn { self.new_entry(&mut bucket, true) } else { miss(self.stray()) }
    }

    fn sticky(&self, flows: &mut FlowTable, flow: &Flow) -> Choice {
        let Some(mut bucket) = self.bucket(flows, flow) else { return self.current() };
        if let Some(place) = bucket.find()
            && self.leads_somewhere(place.backend, place.epoch)
        {
            (place.last_use, place.half_open) = (self.now, false);
            return hit(to(place.backend));
        }
        self.new_entry(&mut bucket, false)
    }

    fn client_ip(&self, flows: &mut FlowTable, client: &Flow) -> Choice {
        let later_tcp = self.packet.protocol == TCP && !self.packet.syn;
        let without = || {
            if later_tcp && self.unsettled { self.stray() } else { self.current() }
        };
        let Some(mut bucket) = self.bucket(flows, client) else { return without() };
        if let Some(place) = bucket.find()
            && self.leads_somewhere(place.backend, place.epoch)
            && !self.leaves(place.backend)
        {
            (place.last_use, place.half_open) = (self.now, false);
            let carry = later_tcp && self.unsettled && self.set.second_hop == SecondHop::Yes;
            let backend = place.backend;
            return hit(if carry { self.with_further_hops(backend) } else { to(backend) });
        }
        if later_tcp { miss(without()) } else { self.new_entry(&mut bucket, false) }
    }

    /// A client's new connection is taken from a backend that does not serve any more where its others are asked after.
    fn leaves(&self, backend: u16) -> bool {
        self.packet.syn
            && self.unsettled
            && self.set.second_hop == SecondHop::Yes
            && self.candidates.contains(&backend)
            && self.world.state(backend) != State::Serving
    }

    fn bucket<'a>(&self, flows: &'a mut FlowTable, flow: &Flow) -> Option<Bucket<'a>> {
        let region = self.vip.region?;
        Some(Bucket::of(flows, region, tag(self.world.tag_key, flow), self.now, self.vip.timeout))
    }

    fn leads_somewhere(&self, backend: u16, epoch: u16) -> bool {
        self.world.backends.get(&backend).is_some_and(|b| b.epoch == epoch && b.state != State::Dead)
    }

    fn new_entry(&self, bucket: &mut Bucket<'_>, half_open: bool) -> Choice {
        let current = self.candidates[0];
        let epoch = self.world.backends.get(&current).map_or(0, |b| b.epoch);
        let mut choice = miss(to(current));
        match bucket.make(current, epoch, half_open) {
            Made::Entry => choice.events.push(Counter::FlowInsert),
            Made::Full => {
                choice.events.push(Counter::FlowFull);
                if self.packet.syn && self.unsettled && self.set.second_hop == SecondHop::No {
                    choice.backend = *self.candidates.last().expect("a candidate");
                }
            }
        }
        choice
    }
}

const fn to(backend: u16) -> Choice {
    Choice { backend, further: Vec::new(), events: Vec::new() }
}

fn hit(mut choice: Choice) -> Choice {
    choice.events.push(Counter::FlowHit);
    choice
}

fn miss(mut choice: Choice) -> Choice {
    choice.events.push(Counter::FlowMiss);
    choice
}
