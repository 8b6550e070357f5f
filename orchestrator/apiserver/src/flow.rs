//! Who may have how many requests at work.
//!
//! Every request that ends by itself takes a seat. There are so many seats for all, and so many for one client; who finds
//! none waits in the queue of its client. A seat that comes free goes to the clients that wait in turn, one request each,
//! so that a client with a thousand requests in its queue and one with a single request are served alternately. A queue
//! that is full refuses. Watches and streams take no seat: they have counters of their own.
//!
//! A seat is taken until the reply is sent, so that what replies hold is bounded, too, and a client that reads slowly takes
//! its own seats.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

#[cfg(test)]
mod tests;

/// The bounds of [`Flow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowLimits {
    /// Requests at work at the same time.
    pub seats: usize,
    /// Of these for one client.
    pub seats_per_client: usize,
    /// Requests of one client that wait.
    pub queue_per_client: usize,
    /// Watches and streams that are open.
    pub long_running: usize,
    /// Of these for one client.
    pub long_running_per_client: usize,
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self {
            seats: 256,
            seats_per_client: 32,
            queue_per_client: 512,
            long_running: 50_000,
            long_running_per_client: 20_000,
        }
    }
}

/// The client is to come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Its queue is full.
    #[error("too many requests of this client wait")]
    Queue,
    /// It has too many watches and streams open, or all clients together have.
    #[error("too many watches and streams are open")]
    LongRunning,
}

/// Counts the requests of all clients.
#[derive(Debug)]
pub struct Flow {
    limits: FlowLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    long_running: usize,
    clients: HashMap<Arc<str>, Client>,
    /// Clients with a queue and a seat to spare, the next one first. Each at most once.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug, Default)]
struct Client {
    in_flight: usize,
    long_running: usize,
    has_turn: bool,
    queue: VecDeque<oneshot::Sender<()>>,
}

/// A seat. Dropping it gives it to the next.
#[derive(Debug)]
pub struct Seat {
    flow: Arc<Flow>,
    client: Arc<str>,
    kind: SeatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeatKind {
    Short,
    Long,
}

impl Flow {
    /// With nobody at work.
    #[must_use]
    pub fn new(limits: FlowLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A seat for a request of `client`, perhaps after a wait.
    ///
    /// # Errors
    ///
    /// [`Busy::Queue`] at once when the queue of the client is full.
    pub async fn enter(self: &Arc<Self>, client: &str) -> Result<Seat, Busy> {
        let (name, waiting) = self.lock().enter(client, self.limits)?;
        if let Some(granted) = waiting {
            let mut wait = Wait { flow: self, client: &name, granted };
            // The other end is dropped with the whole state only.
            (&mut wait.granted).await.map_err(|_gone| Busy::Queue)?;
            wait.granted.close();
        }
        Ok(Seat { flow: Arc::clone(self), client: name, kind: SeatKind::Short })
    }

    /// Counts a watch or a stream of `client` for as long as the seat lives.
    ///
    /// # Errors
    ///
    /// [`Busy::LongRunning`] when there are too many.
    pub fn enter_long(self: &Arc<Self>, client: &str) -> Result<Seat, Busy> {
        let mut state = self.lock();
        let name = state.name(client);
        let count = state.clients.get(&name).map_or(0, |record| record.long_running);
        if state.long_running >= self.limits.long_running || count >= self.limits.long_running_per_client {
            return Err(Busy::LongRunning);
        }
        state.long_running += 1;
        state.clients.entry(Arc::clone(&name)).or_default().long_running += 1;
        drop(state);
        Ok(Seat { flow: Arc::clone(self), client: name, kind: SeatKind::Long })
    }

    /// Requests at work, requests that wait, and open watches and streams.
    #[must_use]
    pub fn counts(&self) -> FlowCounts {
        let state = self.lock();
        FlowCounts {
            in_flight: state.in_flight,
            waiting: state.clients.values().map(|record| record.queue.len()).sum(),
            long_running: state.long_running,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, client: &Arc<str>, kind: SeatKind) {
        self.lock().leave(client, kind, self.limits);
    }
}

/// How busy the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Requests with a seat.
    pub in_flight: usize,
    /// Requests in a queue.
    pub waiting: usize,
    /// Watches and streams.
    pub long_running: usize,
}

impl State {
    fn name(&self, client: &str) -> Arc<str> {
        self.clients.get_key_value(client).map_or_else(|| Arc::from(client), |(name, _)| Arc::clone(name))
    }

    fn enter(
        &mut self,
        client: &str,
        limits: FlowLimits,
    ) -> Result<(Arc<str>, Option<oneshot::Receiver<()>>), Busy> {
        let name = self.name(client);
        let record = self.clients.entry(Arc::clone(&name)).or_default();
        // Whoever has a turn is before this one.
        if self.in_flight < limits.seats
            && self.turns.is_empty()
            && record.in_flight < limits.seats_per_client
            && record.queue.is_empty()
        {
            record.in_flight += 1;
            self.in_flight += 1;
            return Ok((name, None));
        }
        if record.queue.len() >= limits.queue_per_client {
            return Err(Busy::Queue);
        }
        let (grant, granted) = oneshot::channel();
        record.queue.push_back(grant);
        self.line_up(&name, limits);
        self.grant(limits);
        Ok((name, Some(granted)))
    }

    fn leave(&mut self, client: &Arc<str>, kind: SeatKind, limits: FlowLimits) {
        let Some(record) = self.clients.get_mut(client) else { return };
        match kind {
            SeatKind::Long => {
                record.long_running -= 1;
                self.long_running -= 1;
            }
            SeatKind::Short => {
                record.in_flight -= 1;
                self.in_flight -= 1;
            }
        }
        if record.in_flight == 0 && record.long_running == 0 && record.queue.is_empty() {
            // A client that is not there is not remembered; `turns` does not name it, as it has no queue.
            self.clients.remove(client);
        } else {
            self.line_up(client, limits);
        }
        self.grant(limits);
    }

    /// Gives a turn to a client that waits and may have another seat.
    fn line_up(&mut self, client: &Arc<str>, limits: FlowLimits) {
        let Some(record) = self.clients.get_mut(client) else { return };
        if !record.has_turn && !record.queue.is_empty() && record.in_flight < limits.seats_per_client {
            record.has_turn = true;
            self.turns.push_back(Arc::clone(client));
        }
    }

    /// Seats those that wait, one of each client in turn.
    fn grant(&mut self, limits: FlowLimits) {
        while self.in_flight < limits.seats {
            let Some(client) = self.turns.pop_front() else { return };
            let Some(record) = self.clients.get_mut(&client) else { continue };
            record.has_turn = false;
            while let Some(waiting) = record.queue.pop_front() {
                // Who has gone meanwhile has closed its end.
                if waiting.send(()).is_ok() {
                    record.in_flight += 1;
                    self.in_flight += 1;
                    break;
                }
            }
            if record.in_flight == 0 && record.long_running == 0 && record.queue.is_empty() {
                self.clients.remove(&client);
            } else {
                self.line_up(&client, limits);
            }
        }
    }
}

/// A request in a queue. A seat that it was given and did not take any more goes on.
struct Wait<'a> {
    flow: &'a Flow,
    client: &'a Arc<str>,
    granted: oneshot::Receiver<()>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.granted.close();
        if self.granted.try_recv().is_ok() {
            self.flow.leave(self.client, SeatKind::Short);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.flow.leave(&self.client, self.kind);
    }
}
