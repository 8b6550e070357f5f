//! Files, one after the other, away from the loop.

use std::time::SystemTime;

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

/// See the module.
pub(super) struct Store {
    folder: Folder,
    jobs: mpsc::Sender<Job>,
}

impl Store {
    pub(super) fn start(folder: Folder, inbox: mpsc::Sender<Input>, tasks: &mut JoinSet<()>) -> Self {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let files = folder.clone();
        tasks.spawn(async move {
            while let Some(job) = waiting.recv().await {
                let files = files.clone();
                let done = tokio::task::spawn_blocking(move || job.run(&files)).await;
                if let Ok(Some(event)) = done
                    && inbox.send(Input::Happened(event)).await.is_err()
                {
                    return;
                }
            }
        });
        Self { folder, jobs }
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

    pub(super) fn list(&self, committed: Option<Stamp>) -> Vec<(Generation, Digest, SystemTime)> {
        self.folder.list(committed)
    }

    async fn add(&self, job: Job) {
        // The task ends with the loop only.
        let _stopping = self.jobs.send(job).await;
    }
}

impl Job {
    /// Blocks. Gives what the follower waits for.
    fn run(self, folder: &Folder) -> Option<Event> {
        match self {
            Self::Write(stamp, content, answer) => {
                let written = folder.write(stamp, &content).map_err(|error| chain(&error));
                // It may have been replaced by another one.
                let _nobody = answer.send(written);
                None
            }
            Self::Discard(stamp) => {
                folder.discard(stamp);
                None
            }
            Self::Keep(kept) => {
                let result = folder.keep(kept).map(|()| kept).map_err(|error| chain(&error));
                Some(Event::Kept { result })
            }
            Self::Fetch(generation) => {
                let content = folder.fetch(generation).unwrap_or_else(|error| {
                    tracing::warn!(error = chain(&error), "a kept generation cannot be given");
                    None
                });
                Some(Event::Fetched { generation, content })
            }
        }
    }
}
