//! Which attributes go to pools, which to peers, and which to both at once. Pure.

use std::collections::BTreeSet;

use guideway_controller_core::{Advertisement, Peer, Pool};
use ipnet::IpNet;
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
    /// By peer: of the pools that it is told of, by place, where neither the pool nor the peer alone says it.
    both: Vec<Vec<(usize, Attributes)>>,
    /// By peer: places of the pools that it is told of; none when it is told of all.
    only: Vec<Option<Vec<usize>>>,
}

impl Told {
    pub(super) fn new(pools: &[&Pool], peers: &[&Peer], advertised: &[&Advertisement]) -> Self {
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
        let nothing = |count: usize| vec![Attributes::default(); count];
        let (of_pools, of_peers, both) = match (by_pool, by_peer) {
            (Some(by_pool), _) => (by_pool, nothing(peers.len()), vec![Vec::new(); peers.len()]),
            (None, Some(by_peer)) => (nothing(pools.len()), by_peer, vec![Vec::new(); peers.len()]),
            (None, None) => {
                let cells = |peer: usize| {
                    let of_pool = |(pool, row): (usize, &Vec<Option<Attributes>>)| {
                        Some((pool, row.get(peer)?.clone()?))
                    };
                    table.iter().enumerate().filter_map(of_pool).collect()
                };
                (nothing(pools.len()), nothing(peers.len()), (0..peers.len()).map(cells).collect())
            }
        };
        let only = (0..peers.len()).map(|peer| {
            let places: Vec<usize> = (0..pools.len()).filter(|pool| table[*pool][peer].is_some()).collect();
            // Of a pool that no peer is told of no VIP is announced, so that it needs no exception.
            let any = table.iter().filter(|row| row.iter().any(Option::is_some)).count();
            (places.len() < any).then_some(places)
        });
        Self { pools: of_pools, peers: of_peers, both, only: only.collect() }
    }

    pub(super) fn of_pool(&self, place: usize) -> &Attributes {
        &self.pools[place]
    }

    pub(super) fn of_peer(&self, place: usize) -> &Attributes {
        &self.peers[place]
    }

    /// What this peer alone is told of each prefix, as fields of the speaker's configuration.
    pub(super) fn vips(&self, place: usize, pools: &[&Pool]) -> Vec<Value> {
        let of_pool = |(pool, attributes): &(usize, Attributes)| {
            let fields = attributes.fields();
            let entry = move |prefix: &IpNet| {
                let mut fields = fields.clone();
                fields.insert("prefix".to_owned(), json!(prefix.to_string()));
                Value::Object(fields)
            };
            pools[*pool].prefixes.iter().map(entry).collect::<Vec<_>>()
        };
        let says_something = |(_, attributes): &&(usize, Attributes)| *attributes != Attributes::default();
        self.both[place].iter().filter(says_something).flat_map(of_pool).collect()
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
