//! Which attributes go to pools and which to peers. Pure.

use std::collections::BTreeSet;

use guideway_controller_core::{Advertisement, Peer, Pool};
use serde_json::{Map, Value, json};

/// What is set for routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    local_pref: Option<u32>,
    communities: BTreeSet<String>,
    extended: BTreeSet<String>,
    large: BTreeSet<String>,
}

impl Attributes {
    /// Those of several advertisements together. Of several LOCAL_PREFs the highest counts.
    fn of<'a>(advertised: impl Iterator<Item = &'a Advertisement>) -> Self {
        advertised.fold(Self::default(), |mut all, one| {
            all.local_pref = all.local_pref.max(one.local_pref);
            all.communities.extend(one.communities.iter().map(ToString::to_string));
            all.extended.extend(one.extended_communities.iter().map(ToString::to_string));
            all.large.extend(one.large_communities.iter().map(ToString::to_string));
            all
        })
    }

    /// As fields of the speaker's configuration.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let mut map = Map::new();
        if let Some(local_pref) = self.local_pref {
            map.insert("local_pref".to_owned(), json!(local_pref));
        }
        for (key, list) in [
            ("communities", &self.communities),
            ("extended_communities", &self.extended),
            ("large_communities", &self.large),
        ] {
            if !list.is_empty() {
                map.insert(key.to_owned(), json!(list));
            }
        }
        map
    }
}

/// What is told of each pool to each peer.
pub(super) struct Told {
    /// By pool.
    pools: Vec<Attributes>,
    /// By peer.
    peers: Vec<Attributes>,
    /// By peer: places of the pools that it is told of; none when it is told of all.
    only: Vec<Option<Vec<usize>>>,
}

impl Told {
    pub(super) fn new(
        pools: &[&Pool],
        peers: &[&Peer],
        advertised: &[&Advertisement],
        notes: &mut Vec<String>,
    ) -> Self {
        // None: the peer is not told of the pool.
        let cell = |pool: &Pool, peer: &Peer| {
            let both = |one: &&&Advertisement| {
                one.pools.contains(pool.name.as_str()) && one.peers.contains(peer.name.as_str())
            };
            let mut of_both = advertised.iter().filter(both).copied().peekable();
            of_both.peek().is_some().then(|| Attributes::of(of_both))
        };
        let table: Vec<Vec<Option<Attributes>>> =
            pools.iter().map(|pool| peers.iter().map(|peer| cell(pool, peer)).collect()).collect();
        let column = |peer: usize| table.iter().filter_map(move |row| row.get(peer)?.as_ref());
        let by_pool: Option<Vec<Attributes>> = table.iter().map(|row| one_of(row.iter().flatten())).collect();
        let by_peer: Option<Vec<Attributes>> = (0..peers.len()).map(|peer| one_of(column(peer))).collect();
        let (of_pools, of_peers) = match (by_pool, by_peer) {
            (Some(by_pool), _) => (by_pool, vec![Attributes::default(); peers.len()]),
            (None, Some(by_peer)) => (vec![Attributes::default(); pools.len()], by_peer),
            (None, None) => {
                notes.push(
                    "advertisements give several pools other attributes for each peer, which cannot be told apart: \
                     every peer is told the attributes of all"
                        .to_owned(),
                );
                let of = |pool: &&Pool| {
                    Attributes::of(
                        advertised.iter().copied().filter(|one| one.pools.contains(pool.name.as_str())),
                    )
                };
                (pools.iter().map(of).collect(), vec![Attributes::default(); peers.len()])
            }
        };
        let only = (0..peers.len()).map(|peer| {
            let places: Vec<usize> = (0..pools.len()).filter(|pool| table[*pool][peer].is_some()).collect();
            // Of a pool that no peer is told of no VIP is announced, so that it needs no exception.
            let any = table.iter().filter(|row| row.iter().any(Option::is_some)).count();
            (places.len() < any).then_some(places)
        });
        Self { pools: of_pools, peers: of_peers, only: only.collect() }
    }

    pub(super) fn of_pool(&self, place: usize) -> &Attributes {
        &self.pools[place]
    }

    pub(super) fn of_peer(&self, place: usize) -> &Attributes {
        &self.peers[place]
    }

    /// The prefixes that the peer is told of; none when they are all.
    pub(super) fn only(&self, place: usize, pools: &[&Pool]) -> Option<Vec<String>> {
        let places = self.only[place].as_ref()?;
        let prefixes = places.iter().flat_map(|pool| pools[*pool].prefixes.iter().map(ToString::to_string));
        Some(prefixes.collect())
    }
}

/// What they all are; none when they differ.
fn one_of<'a>(mut all: impl Iterator<Item = &'a Attributes>) -> Option<Attributes> {
    let Some(first) = all.next() else { return Some(Attributes::default()) };
    all.all(|other| other == first).then(|| first.clone())
}
