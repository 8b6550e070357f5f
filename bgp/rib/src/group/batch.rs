//! Pending changes as bytes.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use guideway_bgp_wire::{Context, EncodeError, Family, MAX_MESSAGE_LEN, Nlri, pack_reach, pack_unreach};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::table::{Kind, Table, Version};
use crate::route::Route;

/// The most octets of a batch.
pub(super) const BATCH_LEN: usize = 64 * 1024;
/// More batches than this are not kept: a peer that needs another one pays for its encoding.
const KEPT: usize = 16;
/// Octets of a message that withdraws, beside its prefixes: header, two lengths, flags, type, length and family of
/// MP_UNREACH_NLRI.
const UNREACH_OVERHEAD: usize = 23 + 4 + 3;

/// Whole messages that tell a part of one log.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) kind: Kind,
    /// Version of the first change in it.
    pub(super) first: Version,
    /// Version of the last one.
    pub(super) last: Version,
    pub(super) bytes: Arc<[u8]>,
    /// The latest birth among the prefixes in it.
    youngest: Version,
    /// The earliest birth among the prefixes that were left out because the peer never had them.
    left_out: Version,
}

impl Batch {
    /// The next changes behind `after`; withdrawals only of prefixes that were born until `known`.
    pub(super) fn encode(
        table: &Table,
        kind: Kind,
        family: Family,
        context: &Context,
        (after, known): (Version, Version),
    ) -> Option<Self> {
        let mut groups = Groups::default();
        let (mut first, mut last, mut youngest, mut left_out) = (None, after, 0, Version::MAX);
        for entry in table.since(kind, after) {
            if kind == Kind::Unreach && entry.born > known {
                left_out = left_out.min(entry.born);
                continue;
            }
            let overhead = entry.route.as_ref().map_or(UNREACH_OVERHEAD, |kept| *kept.known());
            if !groups.push(entry.nlri, entry.route.as_deref(), overhead, context) {
                break;
            }
            first = first.or(Some(entry.changed));
            last = entry.changed;
            youngest = youngest.max(entry.born);
        }
        let bytes = groups.encode(family, context).into();
        Some(Self { kind, first: first?, last, bytes, youngest, left_out })
    }

    /// True when this is what [`Batch::encode`] would give for `known`.
    fn fits(&self, known: Version) -> bool {
        self.kind == Kind::Reach || (self.youngest <= known && known < self.left_out)
    }
}

/// Batches that another peer may need as they are.
#[derive(Debug, Default)]
pub(super) struct Cache(Vec<Batch>);

impl Cache {
    /// The batch that begins with the change `first`.
    pub(super) fn find(&self, kind: Kind, first: Version, known: Version) -> Option<&Batch> {
        self.0.iter().find(|batch| batch.kind == kind && batch.first == first && batch.fits(known))
    }

    /// Keeps a batch; the oldest one goes when there are too many.
    pub(super) fn keep(&mut self, batch: Batch) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(batch);
    }

    /// A change has left its place in a log: what was encoded with it is not true any more.
    pub(super) fn invalidate(&mut self, (kind, version): (Kind, Version)) {
        self.0.retain(|batch| batch.kind != kind || !(batch.first..=batch.last).contains(&version));
    }

    /// Drops what nobody will ask for.
    pub(super) fn retain(&mut self, is_needed: impl Fn(&Batch) -> bool) {
        self.0.retain(is_needed);
    }
}

/// Octets that `route` takes in a message beside its prefixes.
///
/// # Errors
///
/// When there is no room for a prefix, or the route has not what the family needs.
pub(super) fn overhead(family: Family, route: &Route, context: &Context) -> Result<usize, EncodeError> {
    let prefix = match family {
        Family::Ipv4 => IpNet::from(Ipv4Net::new_assert([255; 4].into(), 32)),
        Family::Ipv6 => IpNet::from(Ipv6Net::new_assert([0xffff; 8].into(), 128)),
    };
    let nlri = Nlri { prefix, path_id: 1 };
    let (bytes, _) = pack_reach(route.next_hop, family, &route.attributes, &[nlri], context)?;
    // The length of MP_REACH_NLRI may grow from one octet to two.
    Ok(bytes.len() + 1 - wire_len(&nlri, context))
}

/// Octets of a prefix in an UPDATE.
fn wire_len(nlri: &Nlri, context: &Context) -> usize {
    let path_id = if context.add_path_send.contains(Family::of_prefix(&nlri.prefix)) { 4 } else { 0 };
    path_id + 1 + usize::from(nlri.prefix.prefix_len()).div_ceil(8)
}

/// Prefixes by what is said of them, in the order of first appearance.
#[derive(Default)]
struct Groups<'a> {
    groups: Vec<Group<'a>>,
    by_route: HashMap<*const Route, usize, FixedState>,
    /// The one that was added to last: most prefixes come in rows.
    last: usize,
    /// Octets of all messages, or a little more.
    len: usize,
}

struct Group<'a> {
    route: Option<&'a Route>,
    nlri: Vec<Nlri>,
    overhead: usize,
    nlri_len: usize,
}

impl Group<'_> {
    fn key(&self) -> *const Route {
        self.route.map_or(std::ptr::null(), std::ptr::from_ref)
    }

    /// Octets of the messages of this group at most: each but the last has no room for one more prefix.
    fn len(&self) -> usize {
        /// The longest prefix, with a path identifier.
        const LONGEST: usize = 4 + 17;
        let room = MAX_MESSAGE_LEN.saturating_sub(self.overhead + LONGEST).max(1);
        self.nlri_len + self.overhead * self.nlri_len.div_ceil(room)
    }
}

impl<'a> Groups<'a> {
    /// False, and nothing is done, when the batch would become too long. The first prefix is always taken.
    fn push(&mut self, nlri: Nlri, route: Option<&'a Route>, overhead: usize, context: &Context) -> bool {
        let key = route.map_or(std::ptr::null(), std::ptr::from_ref);
        let is_last = self.groups.get(self.last).is_some_and(|group| group.key() == key);
        let known = if is_last { Some(self.last) } else { self.by_route.get(&key).copied() };
        self.last = known.unwrap_or(self.groups.len());
        let added = wire_len(&nlri, context);
        let Some(group) = known.and_then(|index| self.groups.get_mut(index)) else {
            let group = Group { route, nlri: vec![nlri], overhead, nlri_len: added };
            let len = self.len + group.len();
            if len > BATCH_LEN && !self.groups.is_empty() {
                return false;
            }
            self.len = len;
            self.by_route.insert(key, self.groups.len());
            self.groups.push(group);
            return true;
        };
        let before = group.len();
        group.nlri_len += added;
        let len = self.len - before + group.len();
        if len > BATCH_LEN {
            group.nlri_len -= added;
            return false;
        }
        group.nlri.push(nlri);
        self.len = len;
        true
    }

    fn encode(self, family: Family, context: &Context) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len);
        self.messages(family, context, |message| out.extend_from_slice(&message));
        out
    }

    fn messages(self, family: Family, context: &Context, mut each: impl FnMut(Vec<u8>)) {
        for group in self.groups {
            let mut rest = group.nlri.as_slice();
            while !rest.is_empty() {
                let packed = match group.route {
                    Some(route) => pack_reach(route.next_hop, family, &route.attributes, rest, context),
                    None => pack_unreach(family, rest, context),
                };
                // Every route was measured before, and a withdrawal always can be encoded.
                let Ok((message, count @ 1..)) = packed else { break };
                each(message);
                rest = rest.get(count..).unwrap_or_default();
            }
        }
    }
}

/// UPDATEs, as whole messages, that tell `routes` as a peer with [`Context`] `context` would be told them. What no UPDATE can
/// carry is left out.
pub fn updates<'a>(
    family: Family,
    context: &Context,
    routes: impl IntoIterator<Item = (Nlri, &'a Arc<Route>)>,
) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut groups = Groups::default();
    let mut measured: HashMap<*const Route, Option<usize>, FixedState> = HashMap::default();
    for (nlri, route) in routes {
        let measure = || overhead(family, route, context).ok();
        let known = *measured.entry(Arc::as_ptr(route)).or_insert_with(measure);
        let Some(overhead) = known.filter(|_| nlri.family() == family) else { continue };
        if !groups.push(nlri, Some(&**route), overhead, context) {
            std::mem::take(&mut groups).messages(family, context, |message| messages.push(message));
            groups.push(nlri, Some(&**route), overhead, context);
        }
    }
    groups.messages(family, context, |message| messages.push(message));
    messages
}
