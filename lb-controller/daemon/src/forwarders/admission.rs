//! Which forwarders may connect: those that have a Forwarder object. And who was refused.
//!
//! A certificate says who somebody is, the object that it is wanted. Whoever takes the object away takes away the link at
//! once; with a new object the same certificate counts again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use guideway_controller_core::ForwarderName;
use guideway_controller_crds::{Kind, Resource};
use guideway_controller_index::Change;
use tokio::sync::watch;
use tonic::Status;

/// Who was refused is remembered for so many. Of more the longest past are forgotten.
const MOST: usize = 64;

/// Who may connect; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    known: Arc<watch::Sender<Known>>,
    refusals: Arc<Mutex<Refusals>>,
}

#[derive(Debug, Default)]
struct Known {
    names: BTreeSet<ForwarderName>,
    /// Whether all objects were read once: before, one that is not there may only not be read.
    is_complete: bool,
}

#[derive(Debug, Default)]
struct Refusals {
    last: BTreeMap<(String, Why), Refused>,
    counts: BTreeMap<Why, u64>,
}

/// Somebody who was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The name of the certificate; without one empty.
    pub(crate) forwarder: String,
    /// Where the last call came from.
    pub(crate) address: IpAddr,
    /// What it was told.
    pub(crate) reason: String,
    /// When that was last.
    pub(crate) last: SystemTime,
    /// How often, since it is remembered.
    pub(crate) times: u64,
}

/// Why somebody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Why {
    /// There is no certificate of this cluster that is good, or it is no forwarder's.
    Certificate,
    /// There is no Forwarder object.
    Unknown,
    /// Forwarder objects were not read yet.
    NotReadYet,
    /// A forwarder of this name is connected from another machine.
    Elsewhere,
    /// There are too many connections.
    TooMany,
    /// A token for a first certificate does not count.
    Token,
}

impl Why {
    /// As metrics call it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Unknown => "unknown",
            Self::NotReadYet => "not_read_yet",
            Self::Elsewhere => "elsewhere",
            Self::TooMany => "too_many",
            Self::Token => "token",
        }
    }
}

impl Default for Admission {
    /// Nobody, until objects are read.
    fn default() -> Self {
        Self { known: Arc::new(watch::Sender::new(Known::default())), refusals: Arc::default() }
    }
}

impl Admission {
    /// Takes note of Forwarder objects that come and go. An object that is wrong is still there.
    pub(crate) fn see(&self, change: &Change) {
        match change {
            Change::Resource(object, resource) if matches!(**resource, Resource::Forwarder(_)) => {
                let Ok(name) = ForwarderName::new(&object.name) else { return };
                self.known.send_if_modified(|known| known.names.insert(name));
            }
            Change::ResourceGone(Kind::Forwarder, name) => {
                self.known.send_if_modified(|known| known.names.remove(name.as_str()));
            }
            Change::ResourcesListed(Kind::Forwarder, names) => {
                self.known.send_if_modified(|known| {
                    let before = known.names.len();
                    known.names.retain(|name| names.contains(name.as_str()));
                    known.names.len() != before
                });
            }
            _ => {}
        }
    }

    /// All objects were read.
    pub(crate) fn is_complete(&self) {
        self.known.send_if_modified(|known| !std::mem::replace(&mut known.is_complete, true));
    }

    /// Who has an object.
    pub(crate) fn names(&self) -> BTreeSet<ForwarderName> {
        self.known.borrow().names.clone()
    }

    /// Whether a forwarder may connect, and if not why.
    pub(crate) fn check(&self, forwarder: &ForwarderName) -> Result<(), (Why, Status)> {
        self.known.borrow().check(forwarder)
    }

    /// Comes when a forwarder may not be connected any more.
    pub(super) async fn revoked(&self, forwarder: &ForwarderName) -> Status {
        let mut known = self.known.subscribe();
        let revoked = known.wait_for(|known| known.check(forwarder).is_err()).await;
        // The sender is in `self`: there is always an answer.
        let refusal = revoked.ok().and_then(|known| known.check(forwarder).err());
        refusal.map_or_else(|| Status::unavailable("the controller stops"), |(_, status)| status)
    }

    /// Remembers that somebody was refused.
    pub(super) fn refused(&self, why: Why, forwarder: &str, address: IpAddr, reason: &str, now: SystemTime) {
        let address = address.to_canonical();
        let mut refusals = self.lock();
        *refusals.counts.entry(why).or_default() += 1;
        let who = if forwarder.is_empty() { address.to_string() } else { forwarder.to_owned() };
        let times = refusals.last.get(&(who.clone(), why)).map_or(0, |known| known.times) + 1;
        let (forwarder, reason) = (forwarder.to_owned(), reason.to_owned());
        refusals.last.insert((who, why), Refused { forwarder, address, reason, last: now, times });
        if refusals.last.len() > MOST {
            let oldest = refusals.last.iter().min_by_key(|(_, refused)| refused.last);
            oldest.map(|(key, _)| key.clone()).map(|key| refusals.last.remove(&key));
        }
    }

    /// Who was refused, the latest first.
    pub(crate) fn refusals(&self) -> Vec<Refused> {
        let mut all: Vec<Refused> = self.lock().last.values().cloned().collect();
        all.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.forwarder.cmp(&b.forwarder)));
        all
    }

    /// How many calls were refused, by reason.
    pub(crate) fn counts(&self) -> BTreeMap<Why, u64> {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn check(&self, forwarder: &ForwarderName) -> Result<(), (Why, Status)> {
        if self.names.contains(forwarder) {
            return Ok(());
        }
        if !self.is_complete {
            let reason = "Forwarder objects are not read yet: dial again".to_owned();
            return Err((Why::NotReadYet, Status::unavailable(reason)));
        }
        let reason = format!(
            "there is no Forwarder {forwarder} that can be used: make the object, or see its condition Valid"
        );
        Err((Why::Unknown, Status::permission_denied(reason)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guideway_controller_crds::Object;
    use guideway_controller_crds::guideway::Forwarder;
    use tonic::Code;

    use super::*;

    fn name(text: &str) -> ForwarderName {
        text.parse().unwrap()
    }

    fn there(text: &str) -> Change {
        let object = Object { name: text.to_owned(), ..Object::default() };
        Change::Resource(object, Box::new(Resource::Forwarder(Forwarder::default())))
    }

    fn code(admission: &Admission, text: &str) -> Code {
        admission.check(&name(text)).map_or_else(|(_, status)| status.code(), |()| Code::Ok)
    }

    #[test]
    fn objects_say_who_may() {
        let admission = Admission::default();
        assert_eq!(code(&admission, "fw1"), Code::Unavailable);
        admission.see(&there("fw1"));
        assert_eq!((code(&admission, "fw1"), code(&admission, "fw2")), (Code::Ok, Code::Unavailable));
        admission.is_complete();
        assert_eq!((code(&admission, "fw1"), code(&admission, "fw2")), (Code::Ok, Code::PermissionDenied));
        admission.see(&there("fw2"));
        admission.see(&Change::ResourceGone(Kind::Forwarder, "fw1".to_owned()));
        assert_eq!((code(&admission, "fw1"), code(&admission, "fw2")), (Code::PermissionDenied, Code::Ok));
        admission.see(&Change::ResourceGone(Kind::Shard, "fw2".to_owned()));
        assert_eq!(code(&admission, "fw2"), Code::Ok);
        // What was deleted while nobody watched.
        admission.see(&Change::ResourcesListed(Kind::Forwarder, BTreeSet::from(["fw3".to_owned()])));
        assert_eq!(code(&admission, "fw2"), Code::PermissionDenied);
        admission.see(&there("fw1"));
        assert_eq!(code(&admission, "fw1"), Code::Ok);
    }

    #[tokio::test]
    async fn who_is_taken_away_is_told() {
        let admission = Admission::default();
        admission.see(&there("fw1"));
        admission.is_complete();
        let fw1 = name("fw1");
        let waiting = admission.revoked(&fw1);
        let other = admission.clone();
        let (status, ()) = tokio::join!(waiting, async move {
            other.see(&there("fw2"));
            tokio::task::yield_now().await;
            other.see(&Change::ResourceGone(Kind::Forwarder, "fw1".to_owned()));
        });
        assert_eq!(status.code(), Code::PermissionDenied);
    }

    #[test]
    fn refusals_are_counted_and_the_latest_remembered() {
        let admission = Admission::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for second in 0..200 {
            let forwarder = format!("fw{second}");
            admission.refused(Why::Unknown, &forwarder, [10, 0, 0, 1].into(), "no", at(second));
        }
        let mapped = "::ffff:10.0.0.9".parse().unwrap();
        admission.refused(Why::Certificate, "", mapped, "expired", at(300));
        admission.refused(Why::Certificate, "", [10, 0, 0, 9].into(), "unknown issuer", at(301));
        let all = admission.refusals();
        assert_eq!(all.len(), MOST);
        assert_eq!((all[0].times, all[0].reason.as_str(), all[0].last), (2, "unknown issuer", at(301)));
        assert_eq!(all[0].address.to_string(), "10.0.0.9");
        assert_eq!(all[1].forwarder, "fw199");
        assert_eq!(admission.counts(), BTreeMap::from([(Why::Certificate, 2), (Why::Unknown, 200)]));
    }
}
