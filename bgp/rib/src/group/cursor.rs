//! How far the peers of a group are.

use std::collections::BTreeMap;
use std::sync::Arc;

use guideway_bgp_wire::{Context, Family, Message, Nlri, RefreshKind, RouteRefresh, Update};

use super::table::Version;

/// A peer of a [`super::Group`]. It belongs to the group that made it, and ends with [`super::Group::leave`] or
/// [`super::Group::depart`].
#[derive(Debug)]
pub struct Cursor(u64);

/// Whether both sides know the markers of RFC 7313.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enhanced {
    /// They do: Beginning-of-RIB-Refresh and End-of-RIB-Refresh go around the routes.
    Yes,
    /// They do not.
    No,
}

/// A peer between two groups: what it may have been told and has not been told to be withdrawn, and what it waits for.
#[derive(Debug, Default)]
pub struct Departure {
    pub(super) told: Vec<Nlri>,
    pub(super) owed: Owed,
}

/// A message without routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    EndOfRib,
    BeginOfRefresh,
    EndOfRefresh,
}

/// What comes next when no withdrawal is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Marker(Marker),
    Routes,
}

/// What a peer was promised beside the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Owed {
    dump: Dump,
    /// Another dump after this one.
    pub(super) again: Option<Enhanced>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Dump {
    #[default]
    None,
    /// The first one. It ends with End-of-RIB once everything until this version, that of its beginning, is told.
    First(Option<Version>),
    /// One more because of a route refresh.
    Refresh(Enhanced, Option<Version>),
}

impl Owed {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Until where a peer was told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Withdrawals.
    pub(super) withdrawn: Version,
    /// Announcements; begins again with a refresh.
    pub(super) announced: Version,
    /// The farthest that `announced` has been.
    pub(super) told: Version,
    /// The peer may have prefixes that were born until then; at least `told`.
    pub(super) known: Version,
    pub(super) owed: Owed,
}

impl Position {
    /// A peer without routes, in a table of `version`.
    pub(super) fn beginning(version: Version) -> Self {
        let owed = Owed { dump: Dump::First(None), again: None };
        Self { withdrawn: version, announced: 0, told: 0, known: 0, owed }
    }

    /// A peer that may have anything; what it has and shall not have was withdrawn between `before` and `after`.
    pub(super) fn moved(before: Version, after: Version, owed: Owed) -> Self {
        let dump = match owed.dump {
            Dump::None => Dump::None,
            Dump::First(_) => Dump::First(None),
            Dump::Refresh(enhanced, _) => Dump::Refresh(enhanced, None),
        };
        Self { withdrawn: before, announced: 0, told: 0, known: after, owed: Owed { dump, ..owed } }
    }

    /// Everything until `version` was announced.
    pub(super) fn announce(&mut self, version: Version) {
        self.announced = version;
        self.told = self.told.max(version);
        self.known = self.known.max(version);
    }

    /// What comes next; `is_told` tells whether nothing is left to announce between two versions.
    pub(super) fn step(&mut self, now: Version, is_told: impl Fn(Version, Version) -> bool) -> Step {
        // RFC 7313 section 4: a refresh begins when the End-of-RIB marker and an earlier refresh are out.
        if let (Dump::None, Some(enhanced)) = (self.owed.dump, self.owed.again) {
            self.owed = Owed { dump: Dump::Refresh(enhanced, Some(now)), again: None };
            self.announced = 0;
            if enhanced == Enhanced::Yes {
                return Step::Marker(Marker::BeginOfRefresh);
            }
        }
        let (Dump::First(until) | Dump::Refresh(_, until)) = &mut self.owed.dump else { return Step::Routes };
        if !is_told(self.announced, *until.get_or_insert(now)) {
            return Step::Routes;
        }
        match std::mem::take(&mut self.owed.dump) {
            Dump::First(_) => Step::Marker(Marker::EndOfRib),
            Dump::Refresh(Enhanced::Yes, _) => Step::Marker(Marker::EndOfRefresh),
            Dump::Refresh(Enhanced::No, _) if self.owed.again.is_some() => self.step(now, is_told),
            _ => Step::Routes,
        }
    }
}

/// All peers of a group.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    positions: BTreeMap<u64, Position>,
    last: u64,
}

impl Cursors {
    pub(super) fn add(&mut self, position: Position) -> Cursor {
        self.last += 1;
        self.positions.insert(self.last, position);
        Cursor(self.last)
    }

    pub(super) fn remove(&mut self, cursor: Cursor) -> Option<Position> {
        let Cursor(number) = cursor;
        self.positions.remove(&number)
    }

    pub(super) fn get(&self, cursor: &Cursor) -> Option<&Position> {
        self.positions.get(&cursor.0)
    }

    pub(super) fn get_mut(&mut self, cursor: &Cursor) -> Option<&mut Position> {
        self.positions.get_mut(&cursor.0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }
}

/// The messages without routes, encoded once.
#[derive(Debug)]
pub(super) struct Markers {
    end_of_rib: Arc<[u8]>,
    begin: Arc<[u8]>,
    end: Arc<[u8]>,
}

impl Markers {
    pub(super) fn new(family: Family, context: &Context) -> Self {
        // These have no variable part that could be too long.
        let bytes = |message: Message| message.encode(context).unwrap_or_default().into();
        let refresh = |subtype| bytes(Message::RouteRefresh(RouteRefresh::new(family, subtype)));
        Self {
            end_of_rib: bytes(Message::Update(Update::end_of_rib(family))),
            begin: refresh(RefreshKind::BeginOfRefresh),
            end: refresh(RefreshKind::EndOfRefresh),
        }
    }

    pub(super) fn bytes(&self, marker: Marker) -> Arc<[u8]> {
        match marker {
            Marker::EndOfRib => self.end_of_rib.clone(),
            Marker::BeginOfRefresh => self.begin.clone(),
            Marker::EndOfRefresh => self.end.clone(),
        }
    }
}
