//! The stream of the agent: which addresses and prefixes this forwarder serves.

mod last_word;

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use guideway_dataplane_admin::v1::dataplane_client::DataplaneClient;
use guideway_dataplane_admin::v1::{Announcements, WatchAnnouncementsRequest};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};
use tonic::Streaming;
use tracing::{debug, info, warn};

use crate::config::AgentConfig;
use crate::prefixes::{Prefixes, from_texts};
use crate::shared::Shared;
use crate::status::AgentStatus;
use last_word::LastWord;

/// What the agent said last, as long as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// False until it spoke, and when its last word does not count any more.
    pub(crate) heard: bool,
    /// What this forwarder serves.
    pub(crate) prefixes: Prefixes,
    /// What it can carry, in octets per second.
    pub(crate) capacity: Option<u64>,
    /// Unix time in milliseconds since which it forwards without a break; 0 when it does not, or does not say.
    pub(crate) forwarding_since: u64,
}

/// How long the agent may take to accept a connection and to open the stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_MIN: Duration = Duration::from_millis(100);
/// A Unix socket that nobody answers on costs nothing, and routes wait for the agent.
const RETRY_MAX: Duration = Duration::from_millis(500);
/// The largest message of the agent in octets: about 200,000 addresses.
const MAX_MESSAGE: usize = 8 << 20;

#[derive(Debug, Error)]
enum OpenError {
    #[error("nothing answers on {0}")]
    Connect(String, #[source] tonic::transport::Error),
    #[error("the agent refused the stream: {0}")]
    Refused(tonic::Status),
    #[error("the agent does not answer")]
    Timeout,
}

/// Follows the agent for ever: sends each set to `out`, and an empty one when the agent was away for longer than the hold
/// time. Never ends; it is there also while no peer listens.
pub(crate) async fn follow(config: AgentConfig, status: Shared<AgentStatus>, out: watch::Sender<Word>) {
    let retry = ExponentialBuilder::default()
        .with_min_delay(RETRY_MIN)
        .with_max_delay(RETRY_MAX)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times();
    let mut follower = Follower { last_word: LastWord::new(config.hold), status, out };
    follower.set_status(false, AgentStatus::default().text);
    if follower.out.borrow().heard {
        // An earlier follower (with another configuration) left a set behind; it does not count for ever.
        follower.last_word.heard();
        follower.last_word.lost(Instant::now());
    }
    let mut waits = retry.build();
    loop {
        let opened = follower.meanwhile(open(&config)).await;
        match opened {
            Ok(stream) => {
                // An agent that takes the stream and drops it without a word is not asked ten times a second.
                if follower.read(stream).await {
                    waits = retry.build();
                }
            }
            Err(error) => follower.not_connected(&error),
        }
        follower.meanwhile(sleep(waits.next().unwrap_or(RETRY_MAX))).await;
    }
}

async fn open(config: &AgentConfig) -> Result<Streaming<Announcements>, OpenError> {
    let opening = async {
        let channel = guideway_dataplane_admin::connect(config.socket.clone())
            .await
            .map_err(|error| OpenError::Connect(config.socket.display().to_string(), error))?;
        let mut client = DataplaneClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        let stream =
            client.watch_announcements(WatchAnnouncementsRequest {}).await.map_err(OpenError::Refused)?;
        Ok(stream.into_inner())
    };
    timeout(OPEN_TIMEOUT, opening).await.unwrap_or(Err(OpenError::Timeout))
}

struct Follower {
    last_word: LastWord,
    status: Shared<AgentStatus>,
    out: watch::Sender<Word>,
}

impl Follower {
    /// Reads until the stream ends; true when the agent said something.
    async fn read(&mut self, mut stream: Streaming<Announcements>) -> bool {
        let mut heard = false;
        info!("the agent's stream is open");
        // An agent that has just started speaks when it knows the health of its backends.
        self.set_status(true, "connected, but it has not said yet what to announce".to_owned());
        loop {
            match self.meanwhile(stream.message()).await {
                Ok(Some(message)) => {
                    heard = true;
                    self.heard(&message);
                }
                Ok(None) => {
                    self.lost("the agent closed the stream");
                    return heard;
                }
                Err(status) => {
                    self.lost(status.message());
                    return heard;
                }
            }
        }
    }

    fn heard(&mut self, message: &Announcements) {
        let (prefixes, refused) = from_texts(&message.addresses);
        if let Some(first) = refused.first() {
            warn!(count = refused.len(), first, "the agent named what is nothing to announce; left out");
        }
        let mut status = self.status.lock();
        (status.heard, status.text) = (true, "connected".to_owned());
        status.updates += 1;
        status.refused += refused.len() as u64;
        drop(status);
        info!(generation = message.generation, prefixes = prefixes.len(), "announcements from the agent");
        self.last_word.heard();
        self.publish(Word {
            heard: true,
            prefixes: Prefixes::new(prefixes),
            capacity: (message.capacity_bytes_per_second > 0).then_some(message.capacity_bytes_per_second),
            forwarding_since: message.forwarding_since_unix_ms,
        });
    }

    fn lost(&mut self, why: &str) {
        let hold = self.last_word.lost(Instant::now());
        warn!(why, ?hold, "lost the agent's stream; its last set is kept for the hold time");
        self.set_status(false, format!("lost: {why}"));
    }

    fn not_connected(&mut self, error: &OpenError) {
        let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
        let text = format!("{error}{source}");
        // Said once, not at every attempt.
        if self.status.lock().text == text {
            debug!(text, "still no stream from the agent");
        } else {
            warn!("no stream from the agent: {text}");
        }
        self.set_status(false, text);
    }

    /// Waits for `what` while the hold time goes on.
    async fn meanwhile<T>(&mut self, what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        loop {
            let Some(deadline) = self.last_word.deadline() else { return what.await };
            tokio::select! {
                done = &mut what => return done,
                () = sleep_until(deadline.into()) => {
                    if self.last_word.expire(Instant::now()) {
                        warn!("the agent stayed away for the hold time; everything is withdrawn");
                        self.status.lock().heard = false;
                        self.publish(Word::default());
                    }
                }
            }
        }
    }

    fn publish(&self, word: Word) {
        self.out.send_if_modified(|current| {
            let changed = *current != word;
            *current = word;
            changed
        });
    }

    fn set_status(&self, connected: bool, text: String) {
        let mut status = self.status.lock();
        (status.connected, status.text) = (connected, text);
    }
}

#[cfg(test)]
mod tests;
