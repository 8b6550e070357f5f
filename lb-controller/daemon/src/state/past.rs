//! Generations that were committed or given up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use guideway_controller_core::{Content, Disruption};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::coordinator::{Aborted, Notice, Phase, Role, State};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::rollout::{Command, Driver, RecordStore, Told};

/// Generations that are remembered.
const MOST: usize = 100;
/// How long the record may take to say what it remembers.
const PATIENCE: Duration = Duration::from_secs(5);

/// A generation of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// Which one.
    pub(crate) stamp: Stamp,
    /// When that was decided.
    pub(crate) at: SystemTime,
    /// Why it was given up; `None`: it was committed.
    pub(crate) aborted: Option<Aborted>,
    /// What it moved; `None`: nobody knows.
    pub(crate) disruption: Option<Disruption>,
    /// Its VIPs and sets; `None`: nobody knows.
    pub(crate) size: Option<(usize, usize)>,
    /// An earlier leader has committed it: its content may be nowhere.
    pub(crate) is_recorded: bool,
}

/// Generations that were committed, and those that were given up since the controller leads, the latest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past(Arc<Mutex<VecDeque<Committed>>>);

impl Past {
    /// All of them at this moment.
    pub(crate) fn all(&self) -> Vec<Committed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, committed: Committed) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.stamp != committed.stamp);
        all.push_front(committed);
        all.truncate(MOST);
    }

    /// What the record remembers and this controller has not seen.
    fn complete(&self, history: Vec<(Stamp, SystemTime)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (stamp, at) in history {
            if !all.iter().any(|known| known.stamp == stamp) {
                all.push_back(Committed {
                    stamp,
                    at,
                    aborted: None,
                    disruption: None,
                    size: None,
                    is_recorded: true,
                });
            }
        }
        all.make_contiguous().sort_by_key(|committed| std::cmp::Reverse(committed.stamp.generation));
        all.truncate(MOST);
    }

    /// Listens to the driver until `stop`. What an earlier leader has committed is read when this one leads.
    pub(crate) async fn remember(self, driver: Driver, store: Arc<dyn RecordStore>, stop: CancellationToken) {
        let mut led = false;
        let mut told = driver.told.subscribe();
        let mut state = driver.state.clone();
        let mut recent = Recent::default();
        loop {
            let next = tokio::select! {
                // What is under way is shown before it is decided.
                biased;
                () = stop.cancelled() => return,
                Ok(()) = state.changed() => {
                    let leads = {
                        let state = state.borrow_and_update();
                        recent.see(&state);
                        matches!(state.role, Role::Leading(_))
                    };
                    if leads && !std::mem::replace(&mut led, leads) {
                        match tokio::time::timeout(PATIENCE, store.history()).await {
                            Ok(Ok(history)) => self.complete(history),
                            Ok(Err(error)) => tracing::warn!(error, "the history cannot be read"),
                            Err(_) => tracing::warn!("the history cannot be read: no answer within {PATIENCE:?}"),
                        }
                    }
                    led = leads;
                    continue;
                }
                next = told.recv() => next,
            };
            match next {
                Ok(Told::Notice(Notice::Held(stamp, disruption))) => recent.put(stamp, disruption),
                Ok(Told::Notice(Notice::Committed(stamp))) => {
                    let (answer, content) = oneshot::channel();
                    let asked =
                        driver.commands.send(Command::Content(stamp.generation, answer)).await.is_ok();
                    let content: Option<Content> = if asked { content.await.ok().flatten() } else { None };
                    self.push(Committed {
                        stamp,
                        at: SystemTime::now(),
                        aborted: None,
                        disruption: recent.take(stamp),
                        size: content.map(|content| (content.vips().len(), content.sets().len())),
                        is_recorded: false,
                    });
                }
                Ok(Told::Notice(Notice::Aborted(stamp, reason))) => self.push(Committed {
                    stamp,
                    at: SystemTime::now(),
                    aborted: Some(reason),
                    disruption: recent.take(stamp),
                    size: None,
                    is_recorded: false,
                }),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// What generations move that are not decided yet.
#[derive(Default)]
struct Recent(VecDeque<(Stamp, Disruption)>);

impl Recent {
    /// One is under way at a time; few are decided before this is noticed.
    const MOST: usize = 8;

    fn see(&mut self, state: &State) {
        // What is being installed is decided already.
        if let Some(rollout) = state.rollout.as_ref().filter(|rollout| rollout.phase < Phase::Installing) {
            self.put(rollout.stamp, rollout.disruption.clone());
        }
    }

    fn put(&mut self, stamp: Stamp, disruption: Disruption) {
        self.0.retain(|(other, _)| *other != stamp);
        self.0.push_front((stamp, disruption));
        self.0.truncate(Self::MOST);
    }

    fn take(&mut self, stamp: Stamp) -> Option<Disruption> {
        let at = self.0.iter().position(|(other, _)| *other == stamp)?;
        self.0.remove(at).map(|(_, disruption)| disruption)
    }
}

#[cfg(test)]
mod tests {
    use guideway_controller_core::{Digest, Generation};

    use super::*;

    #[test]
    fn the_latest_come_first_and_the_oldest_go() {
        let past = Past::default();
        let entry = |generation| Committed {
            stamp: Stamp { generation: Generation(generation), digest: Digest::default() },
            at: SystemTime::UNIX_EPOCH,
            aborted: None,
            disruption: None,
            size: None,
            is_recorded: false,
        };
        for generation in 1..=150 {
            past.push(entry(generation));
        }
        let history = [140, 49, 50].map(|generation| (entry(generation).stamp, SystemTime::UNIX_EPOCH));
        past.complete(history.to_vec());
        let all = past.all();
        assert_eq!(
            (all.len(), all[0].stamp.generation, all[99].stamp.generation),
            (MOST, Generation(150), Generation(51))
        );
        let past = Past::default();
        past.push(entry(7));
        past.complete([6, 7, 5].map(|generation| (entry(generation).stamp, SystemTime::UNIX_EPOCH)).to_vec());
        let generations: Vec<u64> = past.all().iter().map(|entry| entry.stamp.generation.0).collect();
        assert_eq!(generations, [7, 6, 5]);
    }
}
