//! A forwarder without a dataplane: it obeys the controllers as every one does, and remembers what it would serve.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guideway_controller_core::message::{Cost, Hello, ToForwarder};
use guideway_controller_core::{Content, Generation};
use guideway_controller_proto::v1::controller_client::ControllerClient;
use guideway_controller_proto::{Decoder, MAX_MESSAGE_BYTES, from_forwarder, v1};
use guideway_controller_rollout::follower::{Action, Event, Found};
use guideway_controller_rollout::{ConnectionId, Follower, FollowerSettings};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint, Uri};

/// Between two controllers that are tried.
const PAUSE: Duration = Duration::from_millis(50);
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Which VIPs are announced: their names.
pub type Announced = Arc<Mutex<BTreeSet<String>>>;

/// A forwarder in a thread of its own. It ends when it is dropped.
pub struct Forwarder {
    announced: Announced,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Forwarder {
    /// One that tries the controllers at these addresses, over and over.
    pub fn start(folder: &Path, name: &str, controllers: Arc<Mutex<Vec<SocketAddr>>>) -> Self {
        let tls = tls(folder, name);
        let announced = Announced::default();
        let (stop, stopped) = oneshot::channel();
        let seen = Arc::clone(&announced);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                tokio::select! {
                    () = follow(tls, controllers, seen) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { announced, stop: Some(stop), thread: Some(thread) }
    }

    /// The names of the VIPs that it announces.
    pub fn announced(&self) -> BTreeSet<String> {
        self.announced.lock().unwrap().clone()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// By the files that `lb-controller ca` writes.
fn tls(folder: &Path, name: &str) -> Arc<ClientConfig> {
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read("ca.crt")) {
        roots.add(authority.unwrap()).unwrap();
    }
    let chain = CertificateDer::from_pem_slice(&read(&format!("{name}.crt"))).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![chain], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

async fn dial(address: SocketAddr, tls: Arc<ClientConfig>) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(tls);
    Endpoint::from_static("http://controller.invalid")
        .connect_with_connector(tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let stream = TcpStream::connect(address).await?;
                let stream = connector.connect(ServerName::from(address.ip()), stream).await?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        }))
        .await
}

struct Link {
    sender: mpsc::Sender<v1::FromForwarder>,
    receiver: Streaming<v1::ToForwarder>,
    /// It must live as long as the stream.
    _client: ControllerClient<Channel>,
}

async fn link(address: SocketAddr, tls: Arc<ClientConfig>) -> Option<Link> {
    let connecting = async {
        let channel = dial(address, tls).await.ok()?;
        let mut client = ControllerClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let (sender, messages) = mpsc::channel(64);
        let receiver = client.follow(ReceiverStream::new(messages)).await.ok()?.into_inner();
        Some(Link { sender, receiver, _client: client })
    };
    tokio::time::timeout(HANDSHAKE, connecting).await.ok().flatten()
}

struct Following {
    follower: Follower,
    contents: BTreeMap<Generation, Content>,
    announced: Announced,
    sender: Option<(ConnectionId, mpsc::Sender<v1::FromForwarder>)>,
    installed: u64,
}

async fn follow(tls: Arc<ClientConfig>, controllers: Arc<Mutex<Vec<SocketAddr>>>, announced: Announced) {
    let mut following = Following {
        follower: Follower::new(FollowerSettings::default(), Found::default()),
        contents: BTreeMap::new(),
        announced,
        sender: None,
        installed: 0,
    };
    following.handle(Event::Start).await;
    let mut count = 0;
    loop {
        let addresses = controllers.lock().unwrap().clone();
        for address in addresses {
            count += 1;
            if let Some(link) = link(address, Arc::clone(&tls)).await {
                following.stay(ConnectionId(count), link).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        following.handle(Event::Timeout).await;
        tokio::time::sleep(PAUSE).await;
    }
}

impl Following {
    /// Until the connection is gone.
    async fn stay(&mut self, connection: ConnectionId, mut link: Link) {
        let mut decoder: Decoder<ToForwarder> = Decoder::new();
        self.sender = Some((connection, link.sender.clone()));
        let hello = Hello { version: "test".to_owned(), ..Hello::default() };
        self.handle(Event::Connected { connection, hello }).await;
        while self.sender.is_some() {
            let due = self.follower.poll_timeout().map(tokio::time::Instant::from_std);
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = link.receiver.message() => match message {
                    Ok(Some(part)) => {
                        if let Some(message) = decoder.push(part).unwrap() {
                            self.handle(Event::Received { connection, message }).await;
                        }
                    }
                    _ => break,
                },
                () = timer => self.handle(Event::Timeout).await,
            }
        }
        self.sender = None;
        self.handle(Event::Disconnected { connection }).await;
    }

    async fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.follower.handle(event, Instant::now()) {
                events.extend(self.act(action).await);
            }
        }
    }

    async fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Send { connection, message } => {
                if let Some((_, sender)) = self.sender.as_ref().filter(|(open, _)| *open == connection) {
                    for part in from_forwarder(&message) {
                        let _gone = sender.send(part).await;
                    }
                }
                None
            }
            Action::Disconnect { .. } => {
                self.sender = None;
                None
            }
            Action::Prepare { stamp, content } => {
                assert_eq!(content.check(), Ok(()), "a content that no forwarder can serve");
                self.contents.insert(stamp.generation, content);
                Some(Event::Prepared { stamp, result: Ok(Cost::default()) })
            }
            Action::Keep(kept) => Some(Event::Kept { result: Ok(kept) }),
            Action::Install { stamp, content } => {
                self.contents.insert(stamp.generation, content);
                self.installed += 1;
                Some(Event::Installed { stamp, result: Ok(self.installed) })
            }
            Action::Fetch { generation } => {
                let content = self.contents.get(&generation).cloned();
                Some(Event::Fetched { generation, content })
            }
            Action::Announce(stamp) => {
                let content = &self.contents[&stamp.generation];
                let names = content.vips().keys().map(ToString::to_string).collect();
                *self.announced.lock().unwrap() = names;
                None
            }
            Action::Withdraw(_) => {
                self.announced.lock().unwrap().clear();
                None
            }
            Action::Discard { .. } => None,
        }
    }
}
