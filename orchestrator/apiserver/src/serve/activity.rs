//! What goes on on a connection, and the end of connections on which nothing goes on.
//!
//! A connection costs memory and a file descriptor. One without a request at work ends after a while, and so does one
//! whose client does not take a reply: the bytes, and the objects that they come from, would be held for as long as it
//! likes. A watch on which nothing happens is neither.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::door::ConnectionLimits;

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// Rings when the first request of all begins, and when the last one at work ends.
    turned: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests so far. They are numbered by it.
    begun: u64,
    /// Requests whose replies are not sent to their ends.
    at_work: usize,
    /// When the last one ended.
    idle_since: Instant,
    /// Replies of which bytes wait for the client, and since when.
    unread: HashMap<u64, Instant>,
}

/// A request at work.
#[derive(Debug)]
pub(super) struct Asked {
    activity: Arc<Activity>,
    number: u64,
}

/// The body of a reply, during which its request is at work.
#[derive(Debug)]
struct Sent {
    body: Body,
    asked: Asked,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let state = State { begun: 0, at_work: 0, idle_since: Instant::now(), unread: HashMap::new() };
        Arc::new(Self { state: Mutex::new(state), turned: Notify::new() })
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Asked {
        let mut state = self.state();
        state.begun += 1;
        state.at_work += 1;
        if state.begun == 1 {
            self.turned.notify_one();
        }
        Asked { activity: Arc::clone(self), number: state.begun }
    }

    /// When the connection is to end, as things are: what it was like at `now` may not go on for longer.
    fn end(&self, limits: &ConnectionLimits, now: Instant) -> Instant {
        let state = self.state();
        if state.at_work == 0 {
            let patience = if state.begun == 0 { limits.hello } else { limits.idle };
            return state.idle_since + patience;
        }
        state.unread.values().min().copied().unwrap_or(now) + limits.stall
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// The reply, with which the request ends.
    pub(super) fn until_sent(self, response: Response) -> Response {
        response.map(|body| Body::new(Sent { body, asked: self }))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.unread.remove(&self.number);
        state.at_work = state.at_work.saturating_sub(1);
        state.idle_since = Instant::now();
        if state.at_work == 0 {
            self.activity.turned.notify_one();
        }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        // Nobody asks for more before the client has taken what there is.
        let mut state = self.asked.activity.state();
        match polled {
            Poll::Ready(_) => state.unread.insert(self.asked.number, Instant::now()),
            Poll::Pending => state.unread.remove(&self.asked.number),
        };
        drop(state);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves a connection to its end, which may come because of `stop` or of what goes on on it.
///
/// # Errors
///
/// What is wrong with the connection.
pub(super) async fn attend<C: GracefulConnection>(
    connection: C,
    activity: &Activity,
    limits: &ConnectionLimits,
    stop: &CancellationToken,
) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    let mut is_ending = false;
    let mut wake = pin!(tokio::time::sleep_until(activity.end(limits, Instant::now())));
    loop {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = activity.turned.notified(), if !is_ending => {
                wake.as_mut().reset(activity.end(limits, Instant::now()));
            }
            () = wake.as_mut() => {
                let now = Instant::now();
                let end = activity.end(limits, now);
                if end > now {
                    wake.as_mut().reset(end);
                } else if is_ending || activity.state().at_work > 0 {
                    return Ok(());
                } else {
                    // A request that is under way is still answered.
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                    wake.as_mut().reset(now + limits.hello);
                }
            }
        }
    }
}
