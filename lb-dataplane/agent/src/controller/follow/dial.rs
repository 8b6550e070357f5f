//! One link after the other, to whichever controller leads.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use guideway_controller_core::message::FromForwarder;
use guideway_controller_proto::v1::RenewRequest;
use guideway_controller_proto::v1::controller_client::ControllerClient;
use guideway_controller_rollout::ConnectionId;
use guideway_controller_rollout::follower::Event;
use guideway_dataplane_config::{Controller, ControllerAddress};
use rand::RngExt as _;
use rand::seq::IteratorRandom as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::controller::identity::{self, Identity};
use crate::controller::link::{self, Told};
use crate::error::chain;

/// Between two rounds over all addresses: doubled each time that nobody led.
const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(5);
/// So many other forwarders are asked at a time.
const RELAYS: usize = 3;
/// Messages that wait for a controller.
const OUTGOING: usize = 1024;

/// What comes to the loop.
pub(super) enum Input {
    /// For the follower.
    Happened(Event),
    /// A controller can be talked to.
    Dialled(Link),
    /// It has said something: it leads.
    Accepted { connection: ConnectionId, client: ControllerClient<Channel> },
    /// A link has ended.
    Over { connection: ConnectionId, reason: String },
    /// A controller takes this forwarder no more.
    Revoked(String),
    /// No link came about.
    NotConnected(String),
    /// An attempt to get another certificate has ended.
    Renewed(Result<(), String>),
    /// Flows were counted.
    Flows(u64),
    /// The speaker's file was written, with these notes.
    Written(Vec<String>),
}

/// A link as the loop has it.
pub(super) struct Link {
    pub(super) connection: ConnectionId,
    pub(super) address: ControllerAddress,
    /// The other forwarder through which it goes.
    pub(super) relay: Option<SocketAddr>,
    pub(super) outgoing: mpsc::Sender<FromForwarder>,
    /// Ends it.
    pub(super) cut: CancellationToken,
    pub(super) identity: Identity,
    /// For single calls, once the controller has said something.
    pub(super) client: Option<ControllerClient<Channel>>,
    pub(super) is_renewing: bool,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        self.relay.map_or(Ok(()), |relay| write!(f, " through the forwarder at {relay}"))
    }
}

/// Tries the controllers one after the other, for ever, each also through some of the `relays`.
pub(super) async fn keep_dialling(
    controller: Controller,
    relays: watch::Receiver<BTreeSet<SocketAddr>>,
    inbox: mpsc::Sender<Input>,
) {
    let mut wait = FIRST;
    let mut next = 0;
    loop {
        let mut stood = false;
        for address in &controller.addresses {
            next += 1;
            let relays = relays.borrow().iter().copied().sample(&mut rand::rng(), RELAYS);
            match one(&controller, address, &relays, ConnectionId(next), &inbox).await {
                Ok(true) => {
                    stood = true;
                    // Whoever leads now is looked for from the beginning.
                    break;
                }
                Ok(false) => {}
                Err(Stopping) => return,
            }
        }
        wait = if stood { FIRST } else { (wait * 2).min(LAST) };
        // Many forwarders that lose one controller do not all come back at once.
        let share = rand::rng().random_range(0.5..1.0);
        tokio::time::sleep(wait.mul_f64(share)).await;
    }
}

/// The loop is gone.
struct Stopping;

/// A link from its beginning to its end; whether the controller led.
async fn one(
    controller: &Controller,
    address: &ControllerAddress,
    relays: &[SocketAddr],
    connection: ConnectionId,
    inbox: &mpsc::Sender<Input>,
) -> Result<bool, Stopping> {
    let tell = async |input| inbox.send(input).await.map_err(|_| Stopping);
    let files = controller.clone();
    let loaded = tokio::task::spawn_blocking(move || Identity::load(&files)).await;
    let identity = match loaded {
        Ok(Ok(identity)) => identity,
        Ok(Err(error)) => {
            tell(Input::NotConnected(chain(&error))).await?;
            return Ok(false);
        }
        Err(_) => return Err(Stopping),
    };
    let (channel, relay) = match link::dial(address, relays, identity.tls.clone()).await {
        Ok(connected) => connected,
        Err(error) => {
            tell(Input::NotConnected(format!("{address}: {}", chain(&error)))).await?;
            return Ok(false);
        }
    };
    let (outgoing, waiting) = mpsc::channel(OUTGOING);
    let cut = CancellationToken::new();
    let (address, ended) = (address.clone(), cut.clone());
    let link = Link { connection, address, relay, outgoing, cut, identity, client: None, is_renewing: false };
    tell(Input::Dialled(link)).await?;
    let mut accepted = false;
    let carrying = link::carry(channel, waiting, |told| {
        let input = match told {
            Told::Accepted(client) => {
                accepted = true;
                Input::Accepted { connection, client }
            }
            Told::Message(message) => Input::Happened(Event::Received { connection, message }),
        };
        let inbox = inbox.clone();
        async move { inbox.send(input).await.is_ok() }
    });
    // Cut links need no reason: who cuts has one.
    let error = ended.run_until_cancelled(carrying).await;
    let reason = error.as_ref().map_or_else(|| "it took nothing any more".to_owned(), |error| chain(error));
    tell(Input::Over { connection, reason: reason.clone() }).await?;
    if error.is_some_and(|error| error.is_revoked()) {
        tell(Input::Revoked(reason)).await?;
    }
    Ok(accepted)
}

/// Asks for another certificate, and puts it in place.
pub(super) async fn renew(
    mut client: ControllerClient<Channel>,
    controller: Controller,
    inbox: mpsc::Sender<Input>,
) {
    let work = async {
        let key = controller.key.clone();
        let request = tokio::task::spawn_blocking(move || identity::request(&key));
        let request = request.await.map_err(|error| error.to_string())?.map_err(|error| chain(&error))?;
        let answer = client.renew(RenewRequest { request }).await;
        let given = answer.map_err(|status| status.message().to_owned())?.into_inner();
        let renewed = tokio::task::spawn_blocking(move || {
            identity::renew(&controller, &given.certificate, &given.authorities)
        });
        let identity = renewed.await.map_err(|error| error.to_string())?.map_err(|error| chain(&error))?;
        tracing::info!(until = ?identity.until, "the certificate is renewed; the next connection uses it");
        Ok(())
    };
    let result: Result<(), String> = work.await;
    let result = result.map_err(|error| format!("it cannot be renewed: {error}"));
    let _stopping = inbox.send(Input::Renewed(result)).await;
}
