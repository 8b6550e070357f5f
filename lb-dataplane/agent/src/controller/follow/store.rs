//! Files, one after the other, away from the loop.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use guideway_controller_core::{Content, Digest, Generation};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::{Event, Kept};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::dial::Input;
use crate::controller::kept::Folder;
use crate::error::chain;

/// Jobs that wait.
const QUEUE: usize = 64;

enum Job {
    Write(Stamp, Box<Content>, oneshot::Sender<Result<(), String>>),
    Discard(Stamp),
    Keep(Kept),
    Fetch(Generation),
}

/// Contents that were in force, and since when.
type Past = Vec<(Generation, Digest, SystemTime)>;

/// See the module.
pub(super) struct Store {
    past: Arc<ArcSwap<Past>>,
    jobs: mpsc::Sender<Job>,
}

impl Store {
    pub(super) fn start(folder: Folder, inbox: mpsc::Sender<Input>, tasks: &mut JoinSet<()>) -> Self {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let past = Arc::new(ArcSwap::from_pointee(folder.list()));
        let shown = Arc::clone(&past);
        tasks.spawn(async move {
            let mut folder = folder;
            while let Some(job) = waiting.recv().await {
                // Nothing is on its way then, and there is time.
                let is_between = matches!(job, Job::Keep(_));
                let done = tokio::task::spawn_blocking(move || {
                    let event = job.run(&mut folder);
                    (folder, event)
                });
                let Ok((back, event)) = done.await else { return };
                folder = back;
                if let Some(event) = event {
                    shown.store(Arc::new(folder.list()));
                    if inbox.send(Input::Happened(event)).await.is_err() {
                        return;
                    }
                }
                let settled = tokio::task::spawn_blocking(move || {
                    settle(&mut folder, is_between);
                    folder
                });
                let Ok(back) = settled.await else { return };
                folder = back;
            }
        });
        Self { past, jobs }
    }

    /// Writes a content; the answer comes by the receiver.
    pub(super) async fn write(
        &self,
        stamp: Stamp,
        content: Content,
    ) -> oneshot::Receiver<Result<(), String>> {
        let (answer, answered) = oneshot::channel();
        self.add(Job::Write(stamp, Box::new(content), answer)).await;
        answered
    }

    pub(super) async fn discard(&self, stamp: Stamp) {
        self.add(Job::Discard(stamp)).await;
    }

    pub(super) async fn keep(&self, kept: Kept) {
        self.add(Job::Keep(kept)).await;
    }

    pub(super) async fn fetch(&self, generation: Generation) {
        self.add(Job::Fetch(generation)).await;
    }

    pub(super) fn list(&self) -> Past {
        self.past.load().as_ref().clone()
    }

    async fn add(&self, job: Job) {
        // The task ends with the loop only.
        let _stopping = self.jobs.send(job).await;
    }
}

/// What nobody waits for.
fn settle(folder: &mut Folder, is_between: bool) {
    let flushed = folder.flush();
    let settled =
        flushed.and_then(|()| if is_between && folder.is_untidy() { folder.tidy() } else { Ok(()) });
    if let Err(error) = settled {
        tracing::error!(
            error = chain(&error),
            "what is kept of the controller is written anew with the next change"
        );
    }
}

impl Job {
    /// Blocks. Gives what the follower waits for.
    fn run(self, folder: &mut Folder) -> Option<Event> {
        match self {
            Self::Write(stamp, content, answer) => {
                let written = folder.write(stamp, &content).map_err(|error| chain(&error));
                // It may have been replaced by another one.
                let _nobody = answer.send(written);
                None
            }
            Self::Discard(stamp) => {
                if let Err(error) = folder.discard(stamp) {
                    tracing::warn!(error = chain(&error), "a content that is of no use stays on the disk");
                }
                None
            }
            Self::Keep(kept) => {
                let result = folder.keep(kept, SystemTime::now());
                Some(Event::Kept { result: result.map(|()| kept).map_err(|error| chain(&error)) })
            }
            Self::Fetch(generation) => Some(Event::Fetched { generation, content: folder.fetch(generation) }),
        }
    }
}
