//! Where changes come from.
//!
//! A source ends when the token that it was given is cancelled. It never gives up: what cannot be reached is tried again
//! with growing pauses.

pub(crate) mod client;
mod cluster;
mod contact;
mod file;
mod home;
mod round;
mod set;

use std::time::{Duration, Instant};

use guideway_controller_crds::guideway::Rollout;
use guideway_controller_index::{Change, ClusterName, ServiceEvent};
use guideway_controller_ipam::ServiceKey;
use guideway_pauses::Pauses;
use kube::Client;
use tokio::sync::mpsc;

use crate::forwarders::Admission;

pub(crate) use contact::{Contact, Contacts};
pub(crate) use file::check as check_file;
pub(crate) use home::Home;
pub(crate) use set::{Static, run};

/// What a source tells the projector.
pub(crate) enum Seen {
    /// Something has changed, and when this was seen.
    Change(Change, Instant),
    /// A cluster can be written to with this client; `None`: its Services have no status, or it is no longer ours.
    Writable(ClusterName, Option<Client>),
    /// How changes are to reach forwarders.
    Rollout(Option<Box<Rollout>>),
    /// Everything that the controller's own cluster, or the file, has was told.
    Complete,
    /// A write to this Service is to be decided again, and these Events were not told.
    Retry(ServiceKey, Vec<ServiceEvent>),
}

/// How sources speak to the projector.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    sender: mpsc::Sender<Seen>,
    contacts: Contacts,
    admission: Admission,
}

impl Feed {
    /// One that the receiver belongs to.
    pub(crate) fn new(contacts: Contacts, admission: Admission) -> (Self, mpsc::Receiver<Seen>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender, contacts, admission }, receiver)
    }

    /// How clusters are doing.
    pub(crate) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    pub(crate) async fn change(&self, change: Change) {
        // At once, whether or not anybody leads.
        self.admission.see(&change);
        self.tell(Seen::Change(change, Instant::now())).await;
    }

    /// Waits when the projector is behind. Nobody listens any more when it has ended.
    pub(crate) async fn tell(&self, seen: Seen) {
        if matches!(seen, Seen::Complete) {
            self.admission.is_complete();
        }
        let _ended = self.sender.send(seen).await;
    }

    /// Changes that wait.
    pub(crate) fn depth(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }
}

/// Whether an API server refuses something for want of rights.
pub(crate) fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403))
}

/// Changes that wait for the projector.
const QUEUE: usize = 4096;

/// Before a kind is asked for again.
fn pauses() -> Pauses {
    Pauses::between(Duration::from_millis(50), Duration::from_secs(5))
}
