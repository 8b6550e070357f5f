//! A real server and real clients on this machine.

use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

use guideway_controller_core::message::{FromForwarder, Hello, Standing, ToForwarder};
use guideway_controller_core::{Generation, Term};
use guideway_controller_crds::guideway::Forwarder;
use guideway_controller_crds::{Kind, Object, Resource};
use guideway_controller_index::Change;
use guideway_controller_proto::v1::controller_client::ControllerClient;
use guideway_controller_proto::v1::enrolment_client::EnrolmentClient;
use guideway_controller_proto::{Decoder, MAX_PART_BYTES, from_forwarder, v1};
use hyper_util::rt::TokioIo;
use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status, Streaming};

use super::*;
use crate::ca::tests::{name, request};
use crate::ca::{Authority, FORWARDER_LIFE};

/// Nothing here takes a hundredth of it on an idle machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
const LOCALHOST: &str = "localhost";
/// A machine that stands still for a while is no dead one.
const PATIENT: Liveness = Liveness { keepalive: DEADLINE, silence: Duration::from_secs(120) };

/// What a client shows and believes.
pub(crate) fn client(authorities: &str, identity: Option<(&str, &str)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

pub(crate) async fn dial(
    address: SocketAddr,
    tls: Arc<ClientConfig>,
) -> Result<Channel, tonic::transport::Error> {
    dial_from([127, 0, 0, 1].into(), address, tls).await
}

async fn dial_from(
    own: IpAddr,
    address: SocketAddr,
    tls: Arc<ClientConfig>,
) -> Result<Channel, tonic::transport::Error> {
    let connector = TlsConnector::from(tls);
    Endpoint::from_static("http://controller.invalid")
        .connect_with_connector(tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let socket = TcpSocket::new_v4()?;
                socket.bind((own, 0).into())?;
                let stream = socket.connect(address).await?;
                let stream = connector.connect(ServerName::try_from(LOCALHOST).unwrap(), stream).await?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        }))
        .await
}

/// A Forwarder object.
pub(crate) fn there(text: &str) -> Change {
    let object = Object { name: text.to_owned(), ..Object::default() };
    Change::Resource(object, Box::new(Resource::Forwarder(Forwarder::default())))
}

/// A controller that takes forwarders, whose events are read by the test.
pub(crate) struct Site {
    _folder: Option<tempfile::TempDir>,
    authority: Authority,
    pub(crate) address: SocketAddr,
    enrolment: SocketAddr,
    pub(crate) tokens: Tokens,
    pub(crate) admission: Admission,
    stop: CancellationToken,
}

impl Site {
    pub(crate) async fn new() -> (Self, mpsc::Receiver<LinkEvent>) {
        Self::with(PATIENT).await
    }

    async fn with(liveness: Liveness) -> (Self, mpsc::Receiver<LinkEvent>) {
        let folder = tempfile::tempdir().unwrap();
        Authority::init(folder.path(), SystemTime::now()).unwrap();
        let (mut site, events) = Self::begin(folder.path(), liveness).await;
        site._folder = Some(folder);
        (site, events)
    }

    /// Of an authority that is there.
    pub(crate) async fn of(folder: &Path) -> (Self, mpsc::Receiver<LinkEvent>) {
        Self::begin(folder, PATIENT).await
    }

    async fn begin(folder: &Path, liveness: Liveness) -> (Self, mpsc::Receiver<LinkEvent>) {
        let tls = Arc::new(Tls::open(folder, &[LOCALHOST.to_owned()], SystemTime::now()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let enrolling = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, enrolment) = (listener.local_addr().unwrap(), enrolling.local_addr().unwrap());
        let admission = Admission::default();
        for known in ["lb1", "lb2", "lb3", "lb7", "slow", "quick", "loud", "quiet", "deaf", "there", "away"] {
            admission.see(&there(known));
        }
        admission.is_complete();
        let (links, events) = links(admission.clone());
        let stop = CancellationToken::new();
        let tokens = Tokens::new(folder);
        tokio::spawn(serve(listener, Arc::clone(&tls), links, liveness, stop.clone()));
        tokio::spawn(serve_enrolment(enrolling, tls, tokens.clone(), admission.clone(), stop.clone()));
        let authority = Authority::open(folder).unwrap().unwrap();
        (Self { _folder: None, authority, address, enrolment, tokens, admission, stop }, events)
    }

    pub(crate) fn forwarder(&self, name: &str) -> Arc<ClientConfig> {
        self.forwarder_for(name, FORWARDER_LIFE)
    }

    fn forwarder_for(&self, text: &str, life: Duration) -> Arc<ClientConfig> {
        let leaf = self.authority.forwarder(&name(text), SystemTime::now(), life).unwrap();
        client(self.authority.authorities(), Some((&leaf.certificate, &leaf.key)))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A stream as a forwarder has it.
pub(crate) struct Stream {
    pub(crate) sender: mpsc::Sender<v1::FromForwarder>,
    pub(crate) receiver: Streaming<v1::ToForwarder>,
}

pub(crate) async fn follow(channel: Channel) -> Result<Stream, Status> {
    let (sender, messages) = mpsc::channel(4);
    let mut client = ControllerClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
    let receiver = client.follow(ReceiverStream::new(messages)).await?.into_inner();
    Ok(Stream { sender, receiver })
}

impl Stream {
    pub(crate) async fn say(&self, message: &FromForwarder) -> bool {
        for part in from_forwarder(message) {
            if self.sender.send(part).await.is_err() {
                return false;
            }
        }
        true
    }

    async fn end(&mut self) -> Status {
        loop {
            match within(self.receiver.message()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Status::ok(""),
                Err(status) => return status,
            }
        }
    }
}

pub(crate) async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, waiting).await.expect("it comes in time")
}

/// A forwarder that has introduced itself.
async fn introduced(site: &Site, text: &str) -> Stream {
    let stream = follow(dial(site.address, site.forwarder(text)).await.unwrap()).await.unwrap();
    assert!(stream.say(&FromForwarder::Hello(Hello::default())).await);
    stream
}

async fn connected(events: &mut mpsc::Receiver<LinkEvent>) -> (String, Link) {
    match within(events.recv()).await.unwrap() {
        LinkEvent::Connected { forwarder, link, .. } => (forwarder.to_string(), link),
        other => panic!("{other:?}"),
    }
}

/// How a call fails: at the handshake, or with a status.
async fn refused(site: &Site, tls: Arc<ClientConfig>) -> Status {
    match within(dial(site.address, tls)).await {
        // With TLS 1.3 a client learns after its handshake that it is refused.
        Ok(channel) => match within(follow(channel)).await {
            Ok(mut stream) => stream.end().await,
            Err(status) => status,
        },
        Err(error) => Status::unavailable(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_certificate_of_the_cluster_is_refused() {
    let (site, mut events) = Site::new().await;
    let foreign = tempfile::tempdir().unwrap();
    let foreign = Authority::init(foreign.path(), SystemTime::now()).unwrap();
    let ours = site.authority.authorities();
    let stolen = foreign.forwarder(&name("lb1"), SystemTime::now(), FORWARDER_LIFE).unwrap();
    let server = site.authority.controller(&[LOCALHOST.to_owned()], SystemTime::now()).unwrap();
    let past = SystemTime::now() - Duration::from_secs(3600);
    let old = site.authority.forwarder(&name("lb1"), past, Duration::from_secs(60)).unwrap();
    for (what, tls) in [
        ("no certificate", client(ours, None)),
        ("a foreign one", client(ours, Some((&stolen.certificate, &stolen.key)))),
        ("a controller's", client(ours, Some((&server.certificate, &server.key)))),
        ("an old one", client(ours, Some((&old.certificate, &old.key)))),
    ] {
        let status = refused(&site, tls).await;
        assert_ne!(status.code(), Code::Ok, "{what}: {status:?}");
    }
    let status = refused(&site, site.forwarder("stranger")).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().starts_with("there is no Forwarder stranger that can be used"), "{status:?}");
    let refusals = site.admission.refusals();
    // A client may try more than once.
    let times = refusals.iter().map(|refused| refused.times).sum::<u64>();
    assert!(times >= 5 && refusals[0].forwarder == "stranger", "{refusals:?}");
    // Nobody came through to the driver.
    assert!(events.try_recv().is_err());
}

/// Whose object goes is cut off at once and gets nothing; with the object it comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_object_of_a_forwarder_is_its_admission() {
    let (site, mut events) = Site::new().await;
    let channel = dial(site.address, site.forwarder("lb1")).await.unwrap();
    let mut stream = introduced(&site, "lb1").await;
    let _link = connected(&mut events).await;
    site.admission.see(&Change::ResourceGone(Kind::Forwarder, "lb1".to_owned()));
    let status = stream.end().await;
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    assert!(matches!(within(events.recv()).await.unwrap(), LinkEvent::Disconnected { .. }));
    // Over a connection that stands, too: each call is asked about.
    assert_eq!(follow(channel.clone()).await.err().unwrap().code(), Code::PermissionDenied);
    let mut single = ControllerClient::new(channel);
    let key = KeyPair::generate().unwrap();
    let status = within(single.renew(v1::RenewRequest { request: request(&key) })).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    site.admission.see(&there("lb1"));
    within(single.renew(v1::RenewRequest { request: request(&key) })).await.unwrap();
    let _again = introduced(&site, "lb1").await;
    assert_eq!(connected(&mut events).await.0, "lb1");
}

/// Two machines with one certificate: the one that is there stays, and the other one is told; it may come when it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_one_machine() {
    let (site, mut events) = Site::new().await;
    let first = introduced(&site, "lb1").await;
    let _link = connected(&mut events).await;
    let elsewhere = || async {
        let tls = site.forwarder("lb1");
        follow(dial_from("127.0.0.2".parse().unwrap(), site.address, tls).await.unwrap()).await
    };
    let status = elsewhere().await.err().unwrap();
    assert_eq!(status.code(), Code::AlreadyExists);
    let expected = "lb1 is connected from 127.0.0.1 already: no two machines may have its certificate";
    assert_eq!(status.message(), expected);
    assert_eq!(site.admission.refusals()[0].address.to_string(), "127.0.0.2");
    // From the same machine it may: a former connection may not have been noticed to be gone.
    let again = introduced(&site, "lb1").await;
    let _again = connected(&mut events).await;
    drop((first, again));
    within(async {
        while elsewhere().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarder_is_no_controller() {
    let (site, _events) = Site::new().await;
    let leaf = site.authority.forwarder(&name(LOCALHOST), SystemTime::now(), FORWARDER_LIFE).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        _ = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await;
    });
    assert!(within(dial(address, site.forwarder("lb1"))).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_both_ways_under_the_name_of_the_certificate() {
    let (site, mut events) = Site::new().await;
    let mut stream = introduced(&site, "lb1").await;
    let (forwarder, link) = connected(&mut events).await;
    assert_eq!(forwarder, "lb1");
    assert!(stream.say(&FromForwarder::Keepalive(Standing::default())).await);
    let LinkEvent::Received { message, .. } = within(events.recv()).await.unwrap() else { panic!() };
    assert_eq!(message, FromForwarder::Keepalive(Standing::default()));
    let abort = ToForwarder::Abort { term: Term(1), generation: Generation(2) };
    assert!(link.send(Outgoing::Message(abort.clone())));
    let wire = within(stream.receiver.message()).await.unwrap().unwrap();
    assert_eq!(Decoder::<ToForwarder>::new().push(wire), Ok(Some(abort)));
    link.close("enough");
    let status = stream.end().await;
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "enough"));
    assert!(matches!(within(events.recv()).await.unwrap(), LinkEvent::Disconnected { .. }));
    // It may come again, as another connection.
    let again = introduced(&site, "lb1").await;
    let _link = connected(&mut events).await;
    drop(again);
    assert!(matches!(within(events.recv()).await.unwrap(), LinkEvent::Disconnected { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_speak_properly_is_told_so() {
    let (site, mut events) = Site::new().await;
    let dialled =
        || async { follow(dial(site.address, site.forwarder("lb1")).await.unwrap()).await.unwrap() };
    let mut stream = dialled().await;
    stream.say(&FromForwarder::Keepalive(Standing::default())).await;
    assert_eq!(stream.end().await.message(), "the first message must be Hello");
    let mut stream = dialled().await;
    stream.sender.send(v1::FromForwarder { message: None }).await.unwrap();
    assert_eq!(stream.end().await.message(), "a message means nothing: message: is missing");
    assert!(events.try_recv().is_err());
    let mut stream = introduced(&site, "lb1").await;
    let _link = connected(&mut events).await;
    stream.say(&FromForwarder::Hello(Hello::default())).await;
    assert_eq!(stream.end().await.message(), "Hello was said already");
}

/// Whoever has a certificate takes no more than its part.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_forwarder_does_not_take_all_places() {
    let (site, mut events) = Site::new().await;
    let channel = dial(site.address, site.forwarder("lb1")).await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let stream = follow(channel.clone()).await.unwrap();
        stream.say(&FromForwarder::Hello(Hello::default())).await;
        streams.push((stream, connected(&mut events).await));
    }
    let status = follow(channel.clone()).await.err().unwrap();
    assert_eq!(
        (status.code(), status.message()),
        (Code::ResourceExhausted, "lb1 is connected 4 times already")
    );
    let _other = introduced(&site, "lb2").await;
    assert_eq!(connected(&mut events).await.0, "lb2");
    streams.clear();
    // As soon as the ends of the streams have come.
    within(async {
        while follow(channel.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// One forwarder reads nothing, another one gets its messages; the first one's link ends when its queue is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_does_not_hold_others() {
    let (site, mut events) = Site::new().await;
    let _slow = introduced(&site, "slow").await;
    let (_, slow) = connected(&mut events).await;
    let mut quick = introduced(&site, "quick").await;
    let (_, link) = connected(&mut events).await;
    let large = bytes::Bytes::from(vec![7; 4 * MAX_PART_BYTES]);
    let begun = Instant::now();
    let mut decoder = Decoder::<ToForwarder>::new();
    for number in 0..200 {
        // More than any buffer on the way holds.
        slow.send(Outgoing::Prepare(Term(1), Generation(number), large.clone()));
        let abort = ToForwarder::Abort { term: Term(1), generation: Generation(number) };
        assert!(link.send(Outgoing::Message(abort.clone())));
        let wire = within(quick.receiver.message()).await.unwrap().unwrap();
        assert_eq!(decoder.push(wire), Ok(Some(abort)));
    }
    assert!(begun.elapsed() < DEADLINE);
    assert!(!slow.send(Outgoing::Prepare(Term(1), Generation(1), large)));
    let LinkEvent::Disconnected { forwarder, .. } = within(events.recv()).await.unwrap() else { panic!() };
    assert_eq!(forwarder, name("slow"));
}

/// One forwarder sends without end and nobody takes it; another one is heard all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_too_much_waits_for_itself() {
    let (site, mut events) = Site::new().await;
    let loud = introduced(&site, "loud").await;
    let _link = connected(&mut events).await;
    let flood =
        tokio::spawn(async move { while loud.say(&FromForwarder::Keepalive(Standing::default())).await {} });
    // What is taken and not done with counts as not taken.
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(within(events.recv()).await.unwrap());
    }
    let _quiet = introduced(&site, "quiet").await;
    let (forwarder, _quiet_link) = connected(&mut events).await;
    assert_eq!(forwarder, "quiet");
    assert!(events.try_recv().is_err());
    held.clear();
    assert!(matches!(within(events.recv()).await.unwrap(), LinkEvent::Received { .. }));
    flood.abort();
}

/// What is long comes whole, with keepalives between its parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_messages_look_alive() {
    let (site, mut events) = Site::new().await;
    let mut stream = introduced(&site, "lb1").await;
    let (_, link) = connected(&mut events).await;
    let large = bytes::Bytes::from(vec![7; 3 * MAX_PART_BYTES]);
    assert!(link.send(Outgoing::Prepare(Term(4), Generation(1), large)));
    let mut kinds = Vec::new();
    for _ in 0..5 {
        let wire = within(stream.receiver.message()).await.unwrap().unwrap();
        kinds.push(matches!(wire.message, Some(v1::to_forwarder::Message::Prepare(_))));
    }
    assert_eq!(kinds, [true, false, true, false, true]);
}

/// The network between the two is cut: nobody says good-bye.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_without_a_word_is_noticed() {
    let liveness = Liveness { keepalive: Duration::from_millis(200), silence: Duration::from_millis(600) };
    // A slow machine may take a slow start for a death: then it begins again.
    for _ in 0..10 {
        let (site, mut events) = Site::with(liveness).await;
        let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = between.local_addr().unwrap();
        let (cut, server) = (CancellationToken::new(), site.address);
        let cutting = cut.clone();
        tokio::spawn(async move {
            let (mut near, _) = between.accept().await.unwrap();
            let mut far = TcpStream::connect(server).await.unwrap();
            let carrying = tokio::io::copy_bidirectional(&mut near, &mut far);
            _ = cutting.run_until_cancelled(carrying).await;
            // Both stay open, and nothing passes.
            std::future::pending::<()>().await;
        });
        let Ok(channel) = dial(address, site.forwarder("lb1")).await else { continue };
        let Ok(stream) = follow(channel).await else { continue };
        stream.say(&FromForwarder::Hello(Hello::default())).await;
        let Ok(Some(LinkEvent::Connected { link, .. })) = tokio::time::timeout(DEADLINE, events.recv()).await
        else {
            continue;
        };
        cut.cancel();
        assert!(matches!(within(events.recv()).await.unwrap(), LinkEvent::Disconnected { .. }));
        assert!(!link.send(Outgoing::Message(ToForwarder::Keepalive { term: Term(1) })));
        return;
    }
    panic!("nobody can connect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_ends_with_its_certificate() {
    let (site, mut events) = Site::new().await;
    // A slow machine may need longer to connect than the shorter ones live.
    for seconds in [3, 15, 60] {
        let tls = site.forwarder_for("lb1", Duration::from_secs(seconds));
        let Ok(channel) = dial(site.address, tls).await else { continue };
        let Ok(mut stream) = follow(channel).await else { continue };
        stream.say(&FromForwarder::Hello(Hello::default())).await;
        let _link = tokio::time::timeout(DEADLINE, events.recv()).await;
        assert_eq!(stream.end().await.message(), "the certificate has expired");
        return;
    }
    panic!("nobody can connect in a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_under_the_name_that_they_have() {
    let (site, mut events) = Site::new().await;
    let key = KeyPair::generate().unwrap();
    let mut client_of = ControllerClient::new(dial(site.address, site.forwarder("lb1")).await.unwrap());
    let renewed = within(client_of.renew(v1::RenewRequest { request: request(&key) })).await.unwrap();
    let v1::Credentials { certificate, authorities } = renewed.into_inner();
    let tls = client(&authorities, Some((&certificate, &key.serialize_pem())));
    let stream = follow(dial(site.address, tls).await.unwrap()).await.unwrap();
    stream.say(&FromForwarder::Hello(Hello::default())).await;
    assert_eq!(connected(&mut events).await.0, "lb1");
    let status = within(client_of.renew(v1::RenewRequest { request: "nonsense".into() })).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    // Nor does a stranger get one.
    let mut stranger = ControllerClient::new(dial(site.address, site.forwarder("stranger")).await.unwrap());
    let status = within(stranger.renew(v1::RenewRequest { request: request(&key) })).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarder_joins_once_with_a_token() {
    let (site, mut events) = Site::new().await;
    let token = site.tokens.make(&name("lb7"), SystemTime::now(), Duration::from_secs(3600)).unwrap();
    let anybody = client(site.authority.authorities(), None);
    let mut enrolment = EnrolmentClient::new(dial(site.enrolment, anybody).await.unwrap());
    let key = KeyPair::generate().unwrap();
    let ask = |token: String, request: String| v1::JoinRequest { token, request, name: String::new() };
    // A request that is of no use does not cost the token.
    let status = within(enrolment.join(ask(token.to_string(), "x".into()))).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let other = v1::JoinRequest { name: "lb8".to_owned(), ..ask(token.to_string(), request(&key)) };
    let status = within(enrolment.join(other)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("the token is for lb7"), "{status:?}");
    let joined = within(enrolment.join(ask(token.to_string(), request(&key)))).await.unwrap().into_inner();
    for token in [token.to_string(), "nonsense".to_owned()] {
        let status = within(enrolment.join(ask(token, request(&key)))).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains("lb-controller ca token"), "{status:?}");
    }
    let tls = client(&joined.authorities, Some((&joined.certificate, &key.serialize_pem())));
    let stream = follow(dial(site.address, tls).await.unwrap()).await.unwrap();
    stream.say(&FromForwarder::Hello(Hello::default())).await;
    assert_eq!(connected(&mut events).await.0, "lb7");
    // Nothing else is to be had there.
    let channel = dial(site.enrolment, client(site.authority.authorities(), None)).await.unwrap();
    assert_eq!(follow(channel).await.err().unwrap().code(), Code::Unimplemented);
}
