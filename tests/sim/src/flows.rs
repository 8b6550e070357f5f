//! The flows of a history: who they are, and from when to when they are.

use std::time::Duration;

use guideway_abi::FlowKey;
use guideway_maglev::TableSize;
use guideway_packet::{Addresses, PROTOCOL_TCP, flow_hash, flow_tag, slot};

use crate::random::{Random, mix};

/// The VIP that all flows are to.
const VIP: u32 = 0x0a71_00cb;
const PORT: u16 = 80;
/// Part of the flows in a hundred that are there before anything happens.
const EARLY: u32 = 40;
/// Part in a hundred that begin while something happens.
const MEANWHILE: u32 = 40;
/// For so long something happens, in milliseconds.
const BUSY_MS: u32 = 8_000;
/// Part in a hundred that do not last until the end.
const SHORT: u32 = 20;

/// Flows, by the time that they begin at.
#[derive(Clone, Debug)]
pub struct Flows {
    seed: u64,
    begin_ms: Vec<u32>,
    end_ms: Vec<u32>,
}

impl Flows {
    /// `count` flows of a history of this `length` in which something happens at `moments`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // a history is short
    pub fn new(seed: u64, count: usize, length: Duration, moments: &[Duration]) -> Self {
        let mut random = Random::new(mix(seed) ^ 0x6f6c_6673);
        let length = length.as_millis() as u32;
        let early = length / 7;
        let mut begin_ms: Vec<u32> = (0..count)
            .map(|_| match random.below(100) {
                part if part < EARLY => random.below(early),
                part if part < EARLY + MEANWHILE && !moments.is_empty() => {
                    let moment = moments[random.below(moments.len() as u32) as usize].as_millis() as u32;
                    (moment + random.below(BUSY_MS)).min(length)
                }
                _ => random.below(length),
            })
            .collect();
        begin_ms.sort_unstable();
        let end_ms = begin_ms
            .iter()
            .map(|&begin| if random.percent(SHORT) { random.between(begin, length) } else { length + 1 })
            .collect();
        Self { seed: random.bits(), begin_ms, end_ms }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.begin_ms.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.begin_ms.is_empty()
    }

    /// When a flow begins, since the start.
    #[must_use]
    pub fn begin(&self, flow: usize) -> Duration {
        Duration::from_millis(u64::from(self.begin_ms[flow]))
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, flow: usize, now: Duration) -> bool {
        u128::from(self.end_ms[flow]) <= now.as_millis()
    }

    /// Addresses, and ports as in memory.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // parts of words are meant
    fn tuple(&self, flow: usize) -> (Addresses, u32) {
        let bits = mix(self.seed ^ flow as u64);
        let ports = (bits >> 32) as u32 & 0xffff | u32::from(PORT.to_be()) << 16;
        (Addresses::V4 { source: bits as u32, destination: VIP }, ports)
    }

    /// The slot of each flow.
    #[must_use]
    pub fn slots(&self, key: &FlowKey, size: TableSize) -> Vec<u32> {
        (0..self.len()).map(|flow| slot(self.hash(flow, key), size.get())).collect()
    }

    /// The flow hash.
    #[must_use]
    pub fn hash(&self, flow: usize, key: &FlowKey) -> u32 {
        let (addresses, ports) = self.tuple(flow);
        flow_hash(key, &addresses, ports)
    }

    /// The tag in the flow table.
    #[must_use]
    pub fn tag(&self, flow: usize, key: [u64; 2]) -> u64 {
        let (addresses, ports) = self.tuple(flow);
        flow_tag(key, &addresses, ports, PROTOCOL_TCP)
    }

    /// What the router hashes.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the upper half is meant
    pub fn router_hash(&self, flow: usize) -> u32 {
        (mix(mix(self.seed ^ flow as u64) ^ 0x726f_7574) >> 32) as u32
    }
}

/// The flows of each slot.
#[derive(Clone, Debug)]
pub struct BySlot {
    starts: Vec<u32>,
    flows: Vec<u32>,
}

impl BySlot {
    /// Sorts flows by their slots in a table of this size.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // fewer than 2^32 flows
    pub fn new(slots: &[u32], size: TableSize) -> Self {
        let mut starts = vec![0_u32; size.get() as usize + 1];
        for &slot in slots {
            starts[slot as usize + 1] += 1;
        }
        for slot in 1..starts.len() {
            starts[slot] += starts[slot - 1];
        }
        let mut next = starts.clone();
        let mut flows = vec![0; slots.len()];
        for (flow, &slot) in slots.iter().enumerate() {
            flows[next[slot as usize] as usize] = flow as u32;
            next[slot as usize] += 1;
        }
        Self { starts, flows }
    }

    /// The flows of a slot, by the time that they begin at.
    #[must_use]
    pub fn flows(&self, slot: usize) -> &[u32] {
        &self.flows[self.starts[slot] as usize..self.starts[slot + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_stands_in_its_slot_and_begins_before_it_ends() {
        let flows = Flows::new(3, 20_000, Duration::from_secs(60), &[Duration::from_secs(30)]);
        let key = FlowKey { add: [3; 7], mix: [5, 7] };
        let slots = flows.slots(&key, TableSize::Small);
        let by_slot = BySlot::new(&slots, TableSize::Small);
        let mut seen = 0;
        for slot in 0..TableSize::Small.get() as usize {
            for &flow in by_slot.flows(slot) {
                assert_eq!(slots[flow as usize] as usize, slot);
                seen += 1;
            }
        }
        assert_eq!(seen, flows.len());
        for flow in 0..flows.len() {
            assert!(flow == 0 || flows.begin(flow - 1) <= flows.begin(flow));
            assert!(!flows.is_over(flow, Duration::ZERO) || flows.begin(flow) == Duration::ZERO);
        }
    }
}
