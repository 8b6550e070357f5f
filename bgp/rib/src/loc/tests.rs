//! What the tests share: a Loc-RIB with short words for its events, in virtual time.

mod aggregates;
mod attributes;
mod decision;
mod deferral;
mod model;
mod restart;
mod views;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use guideway_bgp_wire::{
    AsPath, Attributes, Community, Families, Family, Nlri, Origin, Reach, Unreach, Update,
};
use ipnet::IpNet;

use super::*;

pub(super) const OWN_AS: u32 = 65010;

pub(super) fn local() -> Local {
    Local {
        asn: OWN_AS,
        router_id: Ipv4Addr::new(10, 255, 5, 5),
        cluster_id: Ipv4Addr::new(10, 255, 5, 0),
        local_pref: 100,
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        local: local(),
        restart_limit: secs(600),
        resync_limit: secs(300),
        long_lived_limit: Some(secs(10_000)),
        aggregates: Vec::new(),
    }
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn id(n: u8) -> SpeakerId {
    SpeakerId(Ipv4Addr::new(10, 255, 1, n))
}

pub(super) fn address(n: u8) -> IpAddr {
    IpAddr::from([10, 1, n, 2])
}

pub(super) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(super) fn families() -> Families {
    Family::ALL.into_iter().collect()
}

/// An external speaker with graceful restart of 120 s whose forwarding lives.
pub(super) fn session(n: u8) -> Session {
    Session {
        address: address(n),
        local: IpAddr::from([10, 1, 5, 2]),
        kind: SourceKind::External,
        peer_as: 65000 + u32::from(n),
        peer_role: None,
        families: families(),
        graceful: Some(GracefulSession {
            restart_time: secs(120),
            families: families(),
            forwarding: families(),
        }),
        long_lived: Vec::new(),
        allowed: vec![net("203.0.113.0/24"), net("2001:db8::/32")],
        limit: Limit { prefixes: 1000, action: LimitAction::Block },
    }
}

pub(super) fn attributes(n: u8) -> Attributes {
    Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(65000 + u32::from(n))),
        ..Attributes::default()
    }
}

pub(super) fn announce(n: u8, prefixes: &[&str], attributes: &Attributes) -> Update {
    let prefixes: Vec<IpNet> = prefixes.iter().map(|text| net(text)).collect();
    let nlri = prefixes.iter().copied().map(Nlri::new).collect();
    let family = prefixes.first().map_or(Family::Ipv4, Family::of_prefix);
    let next_hop = match family {
        Family::Ipv4 => Ipv4Addr::new(10, 1, n, 2).into(),
        Family::Ipv6 => std::net::Ipv6Addr::new(0xfd00, u16::from(n), 0, 0, 0, 0, 0, 2).into(),
    };
    Update {
        reach: vec![Reach { family, next_hop, nlri }],
        attributes: attributes.clone(),
        ..Update::default()
    }
}

pub(super) fn withdraw(prefixes: &[&str]) -> Update {
    let nlri: Vec<Nlri> = prefixes.iter().map(|text| Nlri::new(net(text))).collect();
    let family = nlri.first().map_or(Family::Ipv4, Nlri::family);
    Update { unreach: vec![Unreach { family, nlri }], ..Update::default() }
}

pub(super) fn target(kind: TargetKind) -> Target {
    Target { family: Family::Ipv4, kind, extended_next_hop: false, long_lived: true, role: None }
}

/// A Loc-RIB and one view of it, with what the view has told so far put together.
pub(super) struct Bench {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) loc: LocRib,
    pub(super) view: View,
    /// By prefix and path identifier: the next hop.
    pub(super) told: BTreeMap<(String, u32), String>,
    /// How many changes it took.
    pub(super) changes: usize,
}

impl Bench {
    pub(super) fn new(settings: Settings) -> Self {
        Self::with(settings, Paths::All, Specifics::Only)
    }

    pub(super) fn with(settings: Settings, paths: Paths, specifics: Specifics) -> Self {
        let start = Instant::now();
        let view = View::new(ViewTarget { target: target(TargetKind::External), paths, specifics });
        let loc = LocRib::new(settings);
        Self { start, now: start, loc, view, told: BTreeMap::new(), changes: 0 }
    }

    pub(super) fn up(&mut self, n: u8) {
        self.up_with(n, session(n));
    }

    pub(super) fn up_with(&mut self, n: u8, session: Session) {
        self.loc.up(self.now, id(n), session).unwrap();
    }

    pub(super) fn announce(&mut self, n: u8, prefixes: &[&str]) {
        self.update(n, &announce(n, prefixes, &attributes(n)));
    }

    pub(super) fn update(&mut self, n: u8, update: &Update) {
        self.loc.update(self.now, id(n), update).unwrap();
    }

    pub(super) fn down(&mut self, n: u8, end: SessionEnd) {
        self.loc.down(self.now, id(n), end);
    }

    /// To `seconds` after the start, timer by timer.
    pub(super) fn at(&mut self, seconds: u64) -> &mut Self {
        let until = self.start + secs(seconds);
        while let Some(at) = self.loc.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.loc.handle_timeout(self.now);
            self.settle();
            assert!(self.loc.poll_timeout().is_none_or(|next| next > self.now), "a timer does not go away");
        }
        self.now = until;
        self
    }

    pub(super) fn settle(&mut self) {
        for prefix in self.loc.settle(self.now) {
            for (nlri, route) in self.view.update(&self.loc, prefix) {
                self.changes += 1;
                let key = (nlri.prefix.to_string(), nlri.path_id);
                match route {
                    Some(route) => drop(self.told.insert(key, route.next_hop.to_string())),
                    None => assert!(self.told.remove(&key).is_some(), "withdrawn twice: {key:?}"),
                }
            }
        }
    }

    /// What routers have, as `prefix: speakers`.
    pub(super) fn told(&mut self) -> Vec<String> {
        self.settle();
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (prefix, path_id) in self.told.keys() {
            let speaker = match path_id {
                0 => "best".to_owned(),
                id => Ipv4Addr::from(*id).octets()[3].to_string(),
            };
            lines.entry(prefix.clone()).or_default().push(speaker);
        }
        lines.into_iter().map(|(prefix, speakers)| format!("{prefix}: {}", speakers.join(" "))).collect()
    }

    /// Prefix, speaker and how current it is, of everything that is kept.
    pub(super) fn kept(&self) -> Vec<String> {
        let line = |(prefix, path): (&IpNet, &Path)| {
            let mark = match path.freshness {
                Freshness::Fresh => "fresh",
                Freshness::Refreshing => "refreshing",
                Freshness::Stale => "stale",
                Freshness::LongLived { .. } => "long-lived",
            };
            format!("{prefix} {} {mark}", path.speaker.0.octets()[3])
        };
        self.loc
            .prefixes()
            .flat_map(|(prefix, paths)| paths.iter().map(move |path| line((prefix, path))))
            .collect()
    }
}

pub(super) fn with_community(n: u8, community: Community) -> Attributes {
    Attributes { communities: vec![community], ..attributes(n) }
}
