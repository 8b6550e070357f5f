//! One forwarder's stream.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use guideway_controller_core::message::{FromForwarder, Hello, ToForwarder};
use guideway_controller_core::{ForwarderName, Generation, Term};
use guideway_controller_proto::{Decoder, prepare, to_forwarder, v1};
use guideway_controller_rollout::ConnectionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tracing::warn;

use super::admission::{Admission, Why};
use crate::ca::Identity;

/// Messages that wait for one forwarder. Who lets more gather does not read.
const QUEUE: usize = 64;
/// Messages of one forwarder that the driver has not taken yet.
const IN_FLIGHT: usize = 16;
/// Forwarders at the same time.
const MAX_LINKS: usize = 1024;
/// Links of one forwarder: a new one stands before the former one is gone.
const LINKS_OF_ONE: usize = 4;
/// What the transport holds of a stream besides its window.
const PARTS: usize = 2;
/// From the beginning of a stream to its Hello.
const HELLO: Duration = Duration::from_secs(5);
/// A forwarder that takes no part of a message for this long does not read.
const STALL: Duration = Duration::from_secs(5);

type Sent = Result<v1::ToForwarder, Status>;

/// What happens on a link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A forwarder has introduced itself.
    Connected {
        /// Its name.
        forwarder: ForwarderName,
        /// Of this link.
        connection: ConnectionId,
        /// Its first message.
        hello: Hello,
        /// How it is spoken to.
        link: Link,
    },
    /// A message.
    Received {
        /// Whose.
        forwarder: ForwarderName,
        /// By which link.
        connection: ConnectionId,
        /// What.
        message: FromForwarder,
        /// The place that it takes until it is dropped.
        place: OwnedSemaphorePermit,
    },
    /// The link is gone.
    Disconnected {
        /// Whose.
        forwarder: ForwarderName,
        /// Which one.
        connection: ConnectionId,
    },
}

/// What is sent on a link.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    /// A message.
    Message(ToForwarder),
    /// [`ToForwarder::Prepare`] with its delta encoded: what goes to many is encoded once.
    Prepare(Term, Generation, Bytes),
}

/// How a forwarder is spoken to. What is sent is not waited for.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    queue: mpsc::Sender<Outgoing>,
    end: End,
}

impl Link {
    /// Puts a message in the queue. `false`: it is full or the link is gone; nothing more will be sent.
    pub(crate) fn send(&self, message: Outgoing) -> bool {
        let sent = !self.end.token.is_cancelled() && self.queue.try_send(message).is_ok();
        if !sent {
            self.end.come("the forwarder does not read");
        }
        sent
    }

    /// Ends it. The forwarder is told why.
    pub(crate) fn close(&self, reason: &str) {
        self.end.come(reason);
    }
}

/// The end of a link: comes once, with a reason.
#[derive(Clone, Debug, Default)]
struct End {
    token: CancellationToken,
    status: Arc<OnceLock<Status>>,
}

impl End {
    fn come(&self, reason: &str) {
        self.come_with(Status::unavailable(reason));
    }

    fn come_with(&self, status: Status) {
        _ = self.status.set(status);
        self.token.cancel();
    }

    fn status(&self) -> Status {
        self.status.get().cloned().unwrap_or_else(|| Status::unavailable("the controller stops"))
    }
}

/// Begins links.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    events: mpsc::Sender<LinkEvent>,
    next: Arc<AtomicU64>,
    places: Arc<Semaphore>,
    of_each: Arc<Mutex<HashMap<ForwarderName, Own>>>,
    admission: Admission,
}

/// What one forwarder has.
#[derive(Debug)]
struct Own {
    places: Arc<Semaphore>,
    /// Where its links come from.
    address: IpAddr,
}

impl Links {
    pub(super) fn new(admission: Admission) -> (Self, mpsc::Receiver<LinkEvent>) {
        // There is room for all that all links may have in flight: none waits for another one's messages.
        let (events, received) = mpsc::channel(MAX_LINKS * (IN_FLIGHT + 2));
        let places = Arc::new(Semaphore::new(MAX_LINKS));
        let next = Arc::new(AtomicU64::new(1));
        (Self { events, next, places, of_each: Arc::default(), admission }, received)
    }

    /// Who may connect.
    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// A place for one more link of a forwarder.
    fn place(
        &self,
        forwarder: &ForwarderName,
        address: IpAddr,
    ) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Status> {
        let address = address.to_canonical();
        let refused = |why, status: Status| {
            let (name, reason) = (forwarder.as_str(), status.message());
            warn!(%address, forwarder = name, reason, "a forwarder is refused");
            self.admission.refused(why, name, address, reason, SystemTime::now());
            status
        };
        let mut of_each = self.of_each.lock().unwrap_or_else(PoisonError::into_inner);
        // Names without links are forgotten: who has changed its address may come from the new one.
        of_each.retain(|_, own| own.places.available_permits() < LINKS_OF_ONE);
        let fresh = || Own { places: Arc::new(Semaphore::new(LINKS_OF_ONE)), address };
        let own = of_each.entry(forwarder.clone()).or_insert_with(fresh);
        if own.address != address {
            let reason = format!(
                "{forwarder} is connected from {} already: no two machines may have its certificate",
                own.address
            );
            return Err(refused(Why::Elsewhere, Status::already_exists(reason)));
        }
        let Ok(own) = Arc::clone(&own.places).try_acquire_owned() else {
            let reason = format!("{forwarder} is connected {LINKS_OF_ONE} times already");
            return Err(refused(Why::TooMany, Status::resource_exhausted(reason)));
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let reason = format!("{MAX_LINKS} forwarders are connected already");
            return Err(refused(Why::TooMany, Status::resource_exhausted(reason)));
        };
        Ok((own, place))
    }

    /// Begins a link over a stream; gives what is sent on it.
    pub(super) fn begin(
        &self,
        identity: Identity,
        address: IpAddr,
        incoming: Streaming<v1::FromForwarder>,
    ) -> Result<mpsc::Receiver<Sent>, Status> {
        let place = self.place(&identity.name, address)?;
        let (queue, messages) = mpsc::channel(QUEUE);
        let (sender, receiver) = mpsc::channel(PARTS);
        let end = End::default();
        tokio::spawn(write(messages, sender, end.clone()));
        let link = Link { queue, end: end.clone() };
        let connection = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let reader = Reader { forwarder: identity.name, connection, events: self.events.clone(), incoming };
        let admission = self.admission.clone();
        tokio::spawn(async move {
            reader.run(link, &end, &admission, identity.until).await;
            drop(place);
        });
        Ok(receiver)
    }
}

struct Reader {
    forwarder: ForwarderName,
    connection: ConnectionId,
    events: mpsc::Sender<LinkEvent>,
    incoming: Streaming<v1::FromForwarder>,
}

impl Reader {
    async fn run(mut self, link: Link, end: &End, admission: &Admission, until: SystemTime) {
        let life = until.duration_since(SystemTime::now()).unwrap_or_default();
        let mut decoder = Decoder::new();
        let mut introduced = false;
        let name = self.forwarder.clone();
        let reading = async {
            let hello = match tokio::time::timeout(HELLO, self.next(&mut decoder)).await {
                Ok(Ok(FromForwarder::Hello(hello))) => hello,
                Ok(Ok(_)) => return "the first message must be Hello".to_owned(),
                Ok(Err(reason)) => return reason,
                Err(_) => return "Hello did not come in time".to_owned(),
            };
            let (forwarder, connection) = (self.forwarder.clone(), self.connection);
            if self.events.send(LinkEvent::Connected { forwarder, connection, hello, link }).await.is_err() {
                return "the controller stops".to_owned();
            }
            introduced = true;
            self.messages(&mut decoder).await
        };
        let status = tokio::select! {
            // Whoever was taken away says nothing more.
            biased;
            status = admission.revoked(&name) => {
                warn!(forwarder = %name, "the Forwarder is gone: its connection is closed");
                status
            }
            reason = reading => Status::unavailable(reason),
            () = end.token.cancelled() => Status::unavailable(""),
            () = tokio::time::sleep(life) => Status::unavailable("the certificate has expired"),
        };
        end.come_with(status);
        if introduced {
            let (forwarder, connection) = (self.forwarder, self.connection);
            _ = self.events.send(LinkEvent::Disconnected { forwarder, connection }).await;
        }
    }

    async fn messages(&mut self, decoder: &mut Decoder<FromForwarder>) -> String {
        let places = Arc::new(Semaphore::new(IN_FLIGHT));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return String::new() };
            let message = match self.next(decoder).await {
                Ok(FromForwarder::Hello(_)) => return "Hello was said already".to_owned(),
                Ok(message) => message,
                Err(reason) => return reason,
            };
            let (forwarder, connection) = (self.forwarder.clone(), self.connection);
            let event = LinkEvent::Received { forwarder, connection, message, place };
            if self.events.send(event).await.is_err() {
                return "the controller stops".to_owned();
            }
        }
    }

    async fn next(&mut self, decoder: &mut Decoder<FromForwarder>) -> Result<FromForwarder, String> {
        loop {
            let message = match self.incoming.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return Err("the forwarder has ended the stream".to_owned()),
                Err(status) => return Err(format!("the stream broke: {}", status.message())),
            };
            match decoder.push(message) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => return Err(format!("a message means nothing: {error}")),
            }
        }
    }
}

/// Writes messages until the end comes; then says why.
async fn write(mut messages: mpsc::Receiver<Outgoing>, sender: mpsc::Sender<Sent>, end: End) {
    let writing = async {
        while let Some(message) = messages.recv().await {
            for part in parts(message) {
                match tokio::time::timeout(STALL, sender.send(Ok(part))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return end.come("the connection is gone"),
                    Err(_) => return end.come("the forwarder does not read"),
                }
            }
        }
    };
    tokio::select! {
        () = end.token.cancelled() => {}
        () = writing => {}
        () = sender.closed() => end.come("the connection is gone"),
    }
    end.come("the controller stops");
    // If it does not read, it is not told.
    _ = tokio::time::timeout(STALL, sender.send(Err(end.status()))).await;
}

/// Between the parts of what is long stand keepalives, so that it does not look like silence.
fn parts(message: Outgoing) -> Box<dyn Iterator<Item = v1::ToForwarder> + Send> {
    match message {
        Outgoing::Message(message) => {
            Box::new(kept_alive(message.term(), to_forwarder(&message).into_iter()))
        }
        Outgoing::Prepare(term, generation, delta) => {
            Box::new(kept_alive(term, prepare(term, generation, &delta)))
        }
    }
}

fn kept_alive(
    term: Term,
    parts: impl Iterator<Item = v1::ToForwarder>,
) -> impl Iterator<Item = v1::ToForwarder> {
    parts.enumerate().flat_map(move |(index, part)| {
        let before = if index > 0 { to_forwarder(&ToForwarder::Keepalive { term }) } else { Vec::new() };
        before.into_iter().chain([part])
    })
}
