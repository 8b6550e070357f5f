//! A controller that does what a test says: real gRPC, real TLS.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use guideway_controller_core::message::{FromForwarder, ToForwarder};
use guideway_controller_proto::v1::controller_server::{Controller, ControllerServer};
use guideway_controller_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use guideway_controller_proto::{Decoder, MAX_MESSAGE_BYTES, to_forwarder, v1};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

/// Signs the certificates of a test.
pub(super) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// For servers that take whoever comes, which show the authority too.
    fn open_server(&self) -> ServerConfig {
        let (chain, key) = self.leaf();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// A token with the hash of this authority.
    pub(super) fn token(&self) -> String {
        use sha2::Digest as _;
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let hash: String =
            sha2::Sha256::digest(&certificate).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{}.{hash}", "0".repeat(16), "1".repeat(64))
    }

    fn leaf(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let authority = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        (vec![certificate.der().clone(), authority], key)
    }

    fn server(&self) -> ServerConfig {
        let (chain, key) = self.leaf();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    /// Writes the three files of a forwarder, whose certificate has `left` to live of an hour.
    pub(super) fn write(&self, folder: &Path, name: &str, left: Duration) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let now = SystemTime::now();
        params.not_after = (now + left).into();
        params.not_before = (now + left - Duration::from_secs(3600)).into();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(folder.join("crt"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("ca"), &self.certificate).unwrap();
    }

    fn sign(&self, request: &str) -> String {
        let mut request = CertificateSigningRequestParams::from_pem(request).unwrap();
        request.params.distinguished_name = DistinguishedName::new();
        request.params.distinguished_name.push(DnType::CommonName, "fw-1");
        let now = SystemTime::now();
        request.params.not_before = (now - Duration::from_secs(60)).into();
        request.params.not_after = (now + Duration::from_secs(86_400)).into();
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.signed_by(&self.issuer).unwrap().pem()
    }
}

/// A stream of a forwarder.
pub(super) struct Session {
    pub(super) incoming: mpsc::Receiver<FromForwarder>,
    outgoing: mpsc::Sender<Result<v1::ToForwarder, Status>>,
}

impl Session {
    pub(super) async fn send(&self, message: ToForwarder) {
        for part in to_forwarder(&message) {
            self.outgoing.send(Ok(part)).await.unwrap();
        }
    }

    /// The next message that `wanted` takes; others are let go.
    pub(super) async fn next<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(FromForwarder) -> Option<T>,
    ) -> T {
        let find = async {
            loop {
                let message =
                    self.incoming.recv().await.unwrap_or_else(|| panic!("the link ended before {what}"));
                if let Some(found) = wanted(message) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), find).await;
        found.unwrap_or_else(|_| panic!("no {what}"))
    }
}

/// What a controller answers to those that want to follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Leads,
    /// It takes the stream before it looks who leads.
    StandsBy,
    /// It knows no such forwarder.
    Revokes,
}

struct Service {
    sessions: mpsc::Sender<Session>,
    role: Arc<Mutex<Role>>,
    authority: Arc<Authority>,
}

#[tonic::async_trait]
impl Controller for Service {
    type FollowStream = ReceiverStream<Result<v1::ToForwarder, Status>>;

    async fn follow(
        &self,
        request: Request<Streaming<v1::FromForwarder>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let role = self.role.lock().unwrap().clone();
        match role {
            Role::Leads => {}
            Role::StandsBy => {
                let (outgoing, stream) = mpsc::channel(1);
                outgoing.send(Err(Status::unavailable("this controller does not lead"))).await.unwrap();
                return Ok(Response::new(ReceiverStream::new(stream)));
            }
            Role::Revokes => return Err(Status::permission_denied("there is no such Forwarder")),
        }
        let (outgoing, stream) = mpsc::channel(64);
        let (tell, incoming) = mpsc::channel(1024);
        let mut messages = request.into_inner();
        tokio::spawn(async move {
            let mut decoder = Decoder::<FromForwarder>::new();
            while let Ok(Some(message)) = messages.message().await {
                let Some(message) = decoder.push(message).unwrap() else { continue };
                if tell.send(message).await.is_err() {
                    return;
                }
            }
        });
        self.sessions.send(Session { incoming, outgoing }).await.unwrap();
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::Credentials>, Status> {
        let certificate = self.authority.sign(&request.into_inner().request);
        Ok(Response::new(v1::Credentials { certificate, authorities: self.authority.certificate.clone() }))
    }
}

/// A controller that listens; it ends with this.
pub(super) struct Script {
    pub(super) address: SocketAddr,
    pub(super) role: Arc<Mutex<Role>>,
    sessions: mpsc::Receiver<Session>,
    /// Cuts all connections.
    stop: CancellationToken,
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Script {
    pub(super) async fn listen(authority: &Arc<Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, sessions) = mpsc::channel(4);
        let (role, stop) = (Arc::new(Mutex::new(Role::Leads)), CancellationToken::new());
        let service = Service { sessions: sender, role: role.clone(), authority: authority.clone() };
        let service = ControllerServer::new(service)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let connections = accept(listener, authority.server(), stop.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        let serving = server.serve_with_incoming(ReceiverStream::new(connections));
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { address, role, sessions, stop }
    }

    /// The next forwarder that comes.
    pub(super) async fn session(&mut self) -> Session {
        tokio::time::timeout(Duration::from_secs(20), self.sessions.recv())
            .await
            .expect("nobody came")
            .unwrap()
    }
}

/// Connections that have come through their handshakes.
fn accept(
    listener: TcpListener,
    config: ServerConfig,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<Secured>> {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (ready, connections) = mpsc::channel(4);
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // One that does not come through is the forwarder's affair.
            if let Ok(stream) = acceptor.accept(stream).await
                && ready.send(Ok(Secured(stream))).await.is_err()
            {
                return;
            }
        }
    }));
    connections
}

/// Gives certificates for one token, once, until this is dropped.
pub(super) struct Enrolling {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Enrolling {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Enrolling {
    pub(super) async fn listen(authority: &Arc<Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let token = Mutex::new(Some(authority.token()));
        let service = EnrolmentServer::new(Tokens { authority: authority.clone(), token });
        let connections = accept(listener, authority.open_server(), stop.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        let serving = server.serve_with_incoming(ReceiverStream::new(connections));
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { address, stop }
    }
}

struct Tokens {
    authority: Arc<Authority>,
    token: Mutex<Option<String>>,
}

#[tonic::async_trait]
impl Enrolment for Tokens {
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::Credentials>, Status> {
        let v1::JoinRequest { token, request, name } = request.into_inner();
        if name != "fw-1" {
            return Err(Status::permission_denied("the token is for fw-1"));
        }
        if self.token.lock().unwrap().take_if(|good| *good == token).is_none() {
            return Err(Status::permission_denied("the token does not count"));
        }
        let certificate = self.authority.sign(&request);
        Ok(Response::new(v1::Credentials { certificate, authorities: self.authority.certificate.clone() }))
    }
}

struct Secured(TlsStream<TcpStream>);

impl Connected for Secured {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
