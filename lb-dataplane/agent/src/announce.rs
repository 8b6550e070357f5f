//! The addresses and prefixes that this forwarder serves, for the BGP speaker.

use std::collections::BTreeSet;

use ipnet::IpNet;
use tokio::sync::watch;

/// The whole set at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcements {
    /// The generation that serves them.
    pub generation: u64,
    /// Every address and prefix that has at least one VIP with a healthy backend.
    pub prefixes: BTreeSet<IpNet>,
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
    /// Publishes; readers are woken only if the prefixes differ from the last ones.
    pub fn publish(&self, announcements: Announcements) {
        self.sender.send_if_modified(|current| {
            let differs = current.as_ref().is_none_or(|current| current.prefixes != announcements.prefixes);
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
        Announcements { generation, prefixes: prefixes.iter().map(|text| text.parse().unwrap()).collect() }
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
}
