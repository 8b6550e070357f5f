//! How the APIs of clusters are doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_index::ClusterName;

/// A watch that fails is tried again within less; one that has not failed for so long works.
const OVER: Duration = Duration::from_secs(20);
/// A write that is refused is tried again within less; one that has not been refused for so long is wanted no more.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// How the API of a cluster is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Whether it answers. What was never reached counts as not answering.
    pub(crate) reachable: bool,
    /// Whether everything that is served was listed once.
    pub(crate) synced: bool,
    /// When it answered last.
    pub(crate) last: Option<SystemTime>,
    /// The version of its API server.
    pub(crate) version: Option<String>,
    /// Why there is no kubeconfig.
    pub(crate) missing: Option<String>,
    /// Why the kubeconfig that there is cannot be used.
    pub(crate) unusable: Option<String>,
    /// What went wrong last, until it answers again.
    pub(crate) silence: Option<String>,
    /// Which of its objects cannot be read now, and why.
    pub(crate) unread: BTreeMap<String, String>,
    /// What this controller has no right to, and what comes of it.
    pub(crate) refused: BTreeMap<String, String>,
}

impl Contact {
    /// What is wrong with its kubeconfig, if something is.
    pub(crate) fn kubeconfig(&self) -> Option<&str> {
        self.missing.as_deref().or(self.unusable.as_deref())
    }

    /// What is wrong, if something is.
    pub(crate) fn error(&self) -> Option<String> {
        let unread = || self.unread.iter().next().map(|(what, why)| format!("{what} cannot be read: {why}"));
        let known = self.kubeconfig().map(str::to_owned).or_else(|| self.silence.clone());
        known.or_else(|| self.refusal().map(str::to_owned)).or_else(unread)
    }

    /// What its API refuses, if it refuses something.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refused.values().next().map(String::as_str)
    }
}

#[derive(Debug, Default)]
struct Known {
    contact: Contact,
    failed: BTreeMap<String, Instant>,
    refused: BTreeMap<String, Instant>,
}

/// How clusters are doing, for whoever looks. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts(Arc<Mutex<BTreeMap<ClusterName, Known>>>);

impl Contacts {
    /// All of them at this moment.
    pub(crate) fn all(&self, now: Instant) -> BTreeMap<ClusterName, Contact> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = |known: &Known, what: &String| {
            known.failed.get(what).is_some_and(|at| now.saturating_duration_since(*at) < OVER)
        };
        let is_refused = |known: &Known, what: &String| {
            known.refused.get(what).is_some_and(|at| now.saturating_duration_since(*at) < FORGOTTEN)
        };
        let contact = |known: &Known| {
            let mut contact = known.contact.clone();
            contact.unread.retain(|what, _| fails(known, what));
            contact.refused.retain(|what, _| is_refused(known, what));
            contact
        };
        known.iter().map(|(name, known)| (name.clone(), contact(known))).collect()
    }

    pub(super) fn update(&self, name: &ClusterName, change: impl FnOnce(&mut Contact)) {
        self.with(name, |known| change(&mut known.contact));
    }

    /// Whether there is a kubeconfig. True if another thing was known.
    pub(super) fn missing(&self, name: &ClusterName, why: Option<String>) -> bool {
        self.with(name, |known| std::mem::replace(&mut known.contact.missing, why.clone()) != why)
    }

    /// Whether the kubeconfig can be used. True if another thing was known.
    pub(super) fn unusable(&self, name: &ClusterName, why: Option<String>) -> bool {
        self.with(name, |known| std::mem::replace(&mut known.contact.unusable, why.clone()) != why)
    }

    /// Some objects can be read, or why not.
    pub(super) fn reads(&self, name: &ClusterName, what: &str, failure: Option<String>, now: Instant) {
        self.with(name, |known| {
            known.failed.remove(what);
            known.contact.unread.remove(what);
            if let Some(failure) = failure {
                known.failed.insert(what.to_owned(), now);
                known.contact.unread.insert(what.to_owned(), failure);
            }
        });
    }

    /// Something is granted, or refused and what comes of it.
    pub(crate) fn refuses(&self, name: &ClusterName, what: &str, refusal: Option<String>, now: Instant) {
        self.with(name, |known| {
            known.refused.remove(what);
            known.contact.refused.remove(what);
            if let Some(refusal) = refusal {
                known.refused.insert(what.to_owned(), now);
                known.contact.refused.insert(what.to_owned(), refusal);
            }
        });
    }

    pub(super) fn forget(&self, name: &ClusterName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn with<T>(&self, name: &ClusterName, change: impl FnOnce(&mut Known) -> T) -> T {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_until_it_is_not() {
        let (contacts, east) = (Contacts::default(), ClusterName::new("east").unwrap());
        let start = Instant::now();
        let error = |after: u64| contacts.all(start + Duration::from_secs(after))[&east].error();
        contacts.reads(&east, "Services in shop", Some("forbidden".to_owned()), start);
        assert_eq!(error(1).unwrap(), "Services in shop cannot be read: forbidden");
        // It is not tried any more: it works, or another one has taken its place.
        assert_eq!(error(20), None);
        contacts.reads(&east, "Services in shop", Some("forbidden".to_owned()), start);
        assert!(contacts.unusable(&east, Some("it is no YAML".to_owned())));
        assert!(!contacts.unusable(&east, Some("it is no YAML".to_owned())));
        assert_eq!(error(1).unwrap(), "it is no YAML");
        assert!(contacts.missing(&east, Some("there is no Secret east".to_owned())));
        assert_eq!(error(1).unwrap(), "there is no Secret east");
        assert!(contacts.missing(&east, None) && contacts.unusable(&east, None));
        contacts.update(&east, |contact| contact.silence = Some("connection refused".to_owned()));
        assert_eq!(error(1).unwrap(), "connection refused");
        contacts.update(&east, |contact| contact.silence = None);
        contacts.reads(&east, "Services in shop", None, start);
        assert_eq!(error(1), None);
        let forbidden = "Services cannot be written: forbidden".to_owned();
        contacts.refuses(&east, "writes", Some(forbidden.clone()), start);
        assert_eq!(error(59), Some(forbidden.clone()));
        assert_eq!(error(60), None, "nobody wants to write any more");
        contacts.refuses(&east, "writes", Some(forbidden), start);
        contacts.refuses(&east, "writes", None, start);
        assert_eq!(error(1), None);
        contacts.forget(&east);
        assert!(contacts.all(start).is_empty());
    }
}
