//! What there is to see: where the admin API and the metrics get it from.
//!
//! Nobody who works waits for somebody who looks. The driver shows a [state](guideway_controller_rollout::coordinator::State)
//! after each of its steps, what forwarders say is kept beside it as [`Sightings`], and the projector answers a [`Question`]
//! between two changes, so that what nobody asks for costs nothing.

mod past;
mod sightings;

use std::collections::BTreeMap;

use guideway_controller_core::{Content, Generation};
use guideway_controller_index::{Contact, Index, ResourceProblem, ServiceView};
use guideway_controller_ipam::{AddressRange, PoolUse};
use tokio::sync::{mpsc, oneshot, watch};

use crate::forwarders::Admission;
use crate::rollout::{Command, Driver};
use crate::sources::Contacts;

pub(crate) use past::{Committed, Past};
pub(crate) use sightings::{Brief, Sighting, Sightings};

/// All that can be looked at.
#[derive(Clone, Debug)]
pub(crate) struct Sights {
    /// The rollout.
    pub(crate) driver: Driver,
    /// The projector, which owns the index.
    pub(crate) projector: mpsc::Sender<Question>,
    /// How clusters are doing.
    pub(crate) contacts: Contacts,
    /// Who may connect, and who was refused.
    pub(crate) admission: Admission,
    /// What was committed.
    pub(crate) past: Past,
    /// Who leads, as the Lease says; `None`: nobody knows, or there is no Lease.
    pub(crate) leader: watch::Receiver<Option<String>>,
}

/// What the projector is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// What has come of all Services.
    Projected(oneshot::Sender<Projected>),
    /// The same in numbers.
    Summary(oneshot::Sender<Summary>),
}

/// What has come of all Services.
#[derive(Clone, Debug)]
pub(crate) struct Projected {
    /// For all forwarders.
    pub(crate) content: Content,
    /// Services that are ours, by key.
    pub(crate) services: Vec<ServiceView>,
    /// How full pools are, by name and family.
    pub(crate) pools: Vec<PoolUse>,
    /// What is wrong with custom resources beside each other.
    pub(crate) problems: Vec<ResourceProblem>,
}

/// What has come of all Services, in numbers.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// For all forwarders.
    pub(crate) content: Content,
    /// How many Services of each cluster are ours.
    pub(crate) services: BTreeMap<String, u32>,
    /// What the Services of each cluster that is known hold.
    pub(crate) addresses: BTreeMap<String, Vec<AddressRange>>,
    /// How full pools are, by name and family.
    pub(crate) pools: Vec<PoolUse>,
    /// What is wrong with custom resources beside each other.
    pub(crate) problems: Vec<ResourceProblem>,
}

impl Summary {
    /// Costs what there are Services, without copying them.
    fn of(index: &Index, content: Content) -> Self {
        let mut services: BTreeMap<String, u32> = BTreeMap::new();
        for view in index.services() {
            match services.get_mut(&*view.service.cluster) {
                Some(count) => *count = count.saturating_add(1),
                None => _ = services.insert(view.service.cluster.to_string(), 1),
            }
        }
        let problems = index.problems().cloned().collect();
        let mut held = index.ipam().of_clusters();
        let known = index.clusters().filter(|(_, contact)| *contact != Contact::Syncing);
        let addresses =
            known.map(|(name, _)| (name.to_owned(), held.remove(name).unwrap_or_default())).collect();
        Self { content, services, addresses, pools: index.ipam().usage(), problems }
    }
}

impl Question {
    /// Answers. Nobody may wait for it any more.
    pub(crate) fn answer(self, index: &Index, content: &Content) {
        match self {
            Self::Projected(answer) => _ = answer.send(Projected::of(index, content.clone())),
            Self::Summary(answer) => _ = answer.send(Summary::of(index, content.clone())),
        }
    }
}

impl Projected {
    /// What an index shows, and the content that it has made last. Costs what there are Services.
    fn of(index: &Index, content: Content) -> Self {
        Self {
            content,
            services: index.services().cloned().collect(),
            pools: index.ipam().usage(),
            problems: index.problems().cloned().collect(),
        }
    }
}

impl Sights {
    /// What has come of all Services; `None`: the controller stops.
    pub(crate) async fn projected(&self) -> Option<Projected> {
        let (answer, projected) = oneshot::channel();
        self.projector.send(Question::Projected(answer)).await.ok()?;
        projected.await.ok()
    }

    /// The same in numbers.
    pub(crate) async fn summary(&self) -> Option<Summary> {
        let (answer, summary) = oneshot::channel();
        self.projector.send(Question::Summary(answer)).await.ok()?;
        summary.await.ok()
    }

    /// The content of a generation, if it is at hand.
    pub(crate) async fn content(&self, generation: Generation) -> Option<Content> {
        let (answer, content) = oneshot::channel();
        self.driver.commands.send(Command::Content(generation, answer)).await.ok()?;
        content.await.ok().flatten()
    }

    /// The content of a generation, if it is at hand or a forwarder sends it.
    pub(crate) async fn look(&self, generation: Generation) -> Option<Content> {
        let (answer, content) = oneshot::channel();
        self.driver.commands.send(Command::Look(generation, answer)).await.ok()?;
        content.await.ok().flatten()
    }
}
