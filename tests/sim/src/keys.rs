//! Keys of the flow hash and the flow tags, by the number of their seed.

use guideway_abi::FlowKey;

use crate::random::Random;

/// The key of the flow hash that belongs to a seed.
#[must_use]
#[allow(clippy::cast_possible_truncation)] // halves are meant
pub fn flow_key(seed: u32) -> FlowKey {
    let mut random = Random::new(u64::from(seed) ^ 0x6b65_7973);
    let add = std::array::from_fn(|_| random.bits());
    let mix = std::array::from_fn(|_| random.bits() as u32 | 1);
    FlowKey { add, mix }
}

/// The key of the flow tags, which lasts.
pub const TAG_KEY: [u64; 2] = [0x7461_6773, 0x6f66_666c_6f77];
