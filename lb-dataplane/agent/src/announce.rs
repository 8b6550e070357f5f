//! The addresses and prefixes that this forwarder serves, for the BGP speaker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use ipnet::IpNet;
use tokio::sync::watch;

use crate::view::InterfaceView;

/// How this forwarder announces a VIP while it can serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// The speaker is told.
    pub bgp: bool,
    /// It is answered for on these links; none named means all. `None`: on no link.
    pub l2: Option<Vec<String>>,
    /// Why neither; empty otherwise.
    pub why_not: String,
}

impl Announce {
    /// The way of VIPs of a file.
    pub const BY_BGP: Self = Self { bgp: true, l2: None, why_not: String::new() };

    /// Whether others are told of the VIP at all.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.bgp || self.l2.is_some()
    }
}

/// The whole set at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcements {
    /// The generation that serves them.
    pub generation: u64,
    /// Every address and prefix that has at least one VIP with a healthy backend.
    pub prefixes: BTreeSet<IpNet>,
    /// Of the same, those that this forwarder answers for on its links: by which interfaces, and none named means all. A
    /// file has none of them.
    pub on_link: BTreeMap<IpNet, BTreeSet<String>>,
    /// Names of the interfaces at which the program is attached.
    pub links: BTreeSet<String>,
    /// What this forwarder can carry now, in octets per second; none when it is not known.
    pub capacity: Option<u64>,
    /// Since when the program has forwarded without a break; none when it does not.
    pub forwarding_since: Option<SystemTime>,
}

impl Announcements {
    /// What all interfaces can carry, and since when packets that come in by any of them have been forwarded. An
    /// interface that does not exist counts for nothing.
    #[must_use]
    pub fn new(generation: u64, prefixes: BTreeSet<IpNet>, interfaces: &[InterfaceView]) -> Self {
        let present = || interfaces.iter().filter(|interface| interface.ifindex != 0);
        let since = present().map(|interface| interface.since.filter(|_| interface.attached));
        let since: Option<Vec<SystemTime>> = since.collect();
        let capacity: Option<Vec<u64>> = present().map(|interface| interface.capacity).collect();
        Self {
            generation,
            prefixes,
            on_link: BTreeMap::new(),
            links: present()
                .filter(|interface| interface.attached)
                .map(|interface| interface.name.clone())
                .collect(),
            capacity: capacity.filter(|known| !known.is_empty()).map(|known| known.iter().sum()),
            forwarding_since: since.and_then(|all| all.into_iter().max()).filter(|_| generation > 0),
        }
    }

    fn differs(&self, other: &Self) -> bool {
        (&self.prefixes, &self.on_link, &self.links, self.capacity, self.forwarding_since)
            != (&other.prefixes, &other.on_link, &other.links, other.capacity, other.forwarding_since)
    }
}

/// Where the control loop publishes the set. Readers see the latest one, never a queue of old ones.
#[derive(Debug)]
pub struct Announcer {
    sender: watch::Sender<Option<Announcements>>,
}

/// Reads what an [`Announcer`] publishes. None until the first generation is known: an empty set would tell the speaker
/// to withdraw what the kernel may well serve.
pub type Watch = watch::Receiver<Option<Announcements>>;

impl Default for Announcer {
    fn default() -> Self {
        Self { sender: watch::Sender::new(None) }
    }
}

impl Announcer {
    /// Publishes; readers are woken only if more than the generation differs from the last ones.
    pub fn publish(&self, announcements: Announcements) {
        self.sender.send_if_modified(|current| {
            let differs = current.as_ref().is_none_or(|current| current.differs(&announcements));
            *current = Some(announcements);
            differs
        });
    }

    /// A reader, which sees the present set first.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(generation: u64, prefixes: &[&str]) -> Announcements {
        let prefixes = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        Announcements::new(generation, prefixes, &[])
    }

    #[test]
    fn readers_wake_for_other_prefixes_only() {
        let announcer = Announcer::default();
        let mut watch = announcer.watch();
        assert_eq!(*watch.borrow_and_update(), None);
        announcer.publish(set(1, &[]));
        assert!(watch.has_changed().unwrap(), "the first set is news even when it is empty");
        watch.mark_unchanged();
        announcer.publish(set(2, &["203.0.113.1/32", "2001:db8::/64"]));
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        announcer.publish(set(3, &["2001:db8::/64", "203.0.113.1/32"]));
        assert!(!watch.has_changed().unwrap());
        assert_eq!(watch.borrow().as_ref().unwrap().generation, 3);
    }

    #[test]
    fn capacity_and_time_are_of_all_interfaces_that_exist() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let interface = |ifindex, since: Option<SystemTime>, capacity| InterfaceView {
            name: format!("up{ifindex}"),
            ifindex,
            mode: "native",
            attached: since.is_some(),
            since,
            capacity,
            problem: None,
        };
        let of = |generation, interfaces: &[InterfaceView]| {
            let all = Announcements::new(generation, BTreeSet::new(), interfaces);
            (all.capacity, all.forwarding_since)
        };
        let both = [interface(2, at(5), Some(100)), interface(3, at(7), Some(30))];
        assert_eq!(of(1, &both), (Some(130), at(7)));
        assert_eq!(of(0, &both), (Some(130), None), "nothing is installed");
        let [first, second] = both;
        assert_eq!(of(1, &[first.clone(), interface(3, None, Some(30))]), (Some(130), None));
        assert_eq!(of(1, &[first.clone(), interface(0, None, None)]), (Some(100), at(5)), "it is not there");
        assert_eq!(of(1, &[first, InterfaceView { capacity: None, ..second }]), (None, at(7)));
        assert_eq!(of(1, &[]), (None, None));
    }
}
