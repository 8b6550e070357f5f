//! By which key earlier tables are counted that are not counted by the present one. There is one such key for all sets.

use guideway_abi::{ActiveWord, FlowKey};
use guideway_maglev::Seed;

use super::sets::Sets;
use crate::digest::flow_key;
use crate::layers::Rotation;
use crate::{BootTime, Desired, Installed};

/// Where the key comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum EarlierKey {
    /// It is the installed one.
    Installed,
    /// It is the installed present one, as the seed changes.
    Rotated(Rotation),
    /// It is that of the seed before the present one, as others tell it.
    Told(Seed),
    /// It is that of the next seed, which is announced.
    Announced(Seed),
}

impl EarlierKey {
    pub(super) fn new(desired: &Desired, sets: &Sets<'_>, installed: &Installed, now: BootTime) -> Self {
        let header = &installed.header;
        let due = flow_key(&desired.seed);
        let rotates = installed.active != ActiveWord::NONE && due != header.flow_key;
        let is_free =
            |seed: &Seed| header.previous_flow_key == flow_key(seed) || !sets.need_key(installed, now);
        let has_layers = || installed.sets.iter().flatten().any(|set| set.layers.is_some());
        let told = former_seed(desired).filter(|seed| !has_layers() || !rotates && is_free(seed));
        if let Some(seed) = told {
            return Self::Told(seed);
        }
        if rotates {
            let is_back = header.previous_flow_key == due;
            return Self::Rotated(if is_back { Rotation::Back } else { Rotation::New });
        }
        match next_seed(desired).filter(is_free) {
            Some(seed) => Self::Announced(seed),
            None => Self::Installed,
        }
    }

    /// Whether and how the seed changes where something is installed.
    pub(super) const fn rotation(&self) -> Option<Rotation> {
        match self {
            Self::Rotated(rotation) => Some(*rotation),
            Self::Installed | Self::Told(_) | Self::Announced(_) => None,
        }
    }

    /// The seed before the present one.
    pub(super) const fn told(&self) -> Option<&Seed> {
        match self {
            Self::Told(seed) => Some(seed),
            Self::Installed | Self::Rotated(_) | Self::Announced(_) => None,
        }
    }

    /// The next seed.
    pub(super) const fn announced(&self) -> Option<&Seed> {
        match self {
            Self::Announced(seed) => Some(seed),
            Self::Installed | Self::Rotated(_) | Self::Told(_) => None,
        }
    }

    /// The key.
    pub(super) fn of(&self, installed: &Installed) -> FlowKey {
        match self {
            Self::Installed => installed.header.previous_flow_key,
            Self::Rotated(_) => installed.header.flow_key,
            Self::Told(seed) | Self::Announced(seed) => flow_key(seed),
        }
    }
}

/// The seed before that of `desired`, as the sets are told.
fn former_seed(desired: &Desired) -> Option<Seed> {
    let told = desired.sets.iter().flat_map(|set| set.earlier.iter());
    let others = told.filter(|earlier| earlier.seed != desired.seed);
    others.max_by_key(|earlier| earlier.replaced).map(|earlier| earlier.seed)
}

/// The seed after that of `desired`, as the first set that has one announces it.
fn next_seed(desired: &Desired) -> Option<Seed> {
    let announced = desired.sets.iter().filter_map(|set| set.upcoming.as_ref());
    announced.map(|upcoming| upcoming.seed).find(|seed| *seed != desired.seed)
}
