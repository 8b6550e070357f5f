//! A client that costs little: requests over HTTP/2 with a client certificate, bodies as they come.

use std::sync::Arc;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use guideway_kube_tests::Server;

/// How connections are made.
#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    tls: TlsConnector,
    /// Without the certificate, which goes before a token.
    anonymous: TlsConnector,
    /// Who it is, in place of the certificate.
    token: Option<Arc<str>>,
}

/// A connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    authority: String,
    token: Option<Arc<str>>,
    sender: SendRequest<Full<Bytes>>,
}

impl Target {
    /// The server's administrator.
    pub(crate) fn new(server: &Server) -> Result<Self> {
        let text = std::fs::read_to_string(server.kubeconfig()).context("cannot read the kubeconfig")?;
        let config: Value = serde_saphyr::from_str(&text)?;
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
        let pem = |data: &Value, what: &str| -> Result<Vec<u8>> {
            let data = data[what].as_str().with_context(|| format!("no {what} in the kubeconfig"))?;
            STANDARD.decode(data).with_context(|| format!("{what} is no base64"))
        };
        let authority = pem(cluster, "certificate-authority-data")?;
        let certificate = pem(user, "client-certificate-data")?;
        let key = pem(user, "client-key-data")?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&authority) {
            roots.add(certificate?)?;
        }
        let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<Vec<_>, _>>()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let mut anonymous = tls.clone().with_no_client_auth();
        anonymous.alpn_protocols = vec![b"h2".to_vec()];
        let mut tls = tls.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&key)?)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let url = cluster["server"].as_str().context("no server in the kubeconfig")?;
        let address = url.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let (tls, anonymous) = (TlsConnector::from(Arc::new(tls)), TlsConnector::from(Arc::new(anonymous)));
        Ok(Self { address, tls, anonymous, token: None })
    }

    /// Another client of the same rights, which shows a service account's token.
    pub(crate) async fn other(&self) -> Result<Self> {
        let mut connection = self.connect().await?;
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        let name = json!({"metadata": {"name": "other"}});
        connection.post(accounts, name.to_string().into()).await?;
        let binding = json!({
            "metadata": {"name": "other"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "other"}],
        });
        let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        connection.post(bindings, binding.to_string().into()).await?;
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let answer = connection.post(&format!("{accounts}/other/token"), request.to_string().into()).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let token = answer["status"]["token"].as_str().context("no token")?;
        Ok(Self { token: Some(token.into()), tls: self.anonymous.clone(), ..self.clone() })
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())?;
        let stream = self.tls.connect(name, stream).await.context("TLS")?;
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { authority: self.address.clone(), token: self.token.clone(), sender })
    }
}

impl Connection {
    /// Sends a request and gives the answer's body as it comes.
    pub(crate) async fn open(&mut self, method: Method, path: &str, body: Bytes) -> Result<Incoming> {
        self.open_as(method, path, body, "application/json").await
    }

    /// [`open`](Self::open), with another form of answer.
    pub(crate) async fn open_as(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
        accept: &str,
    ) -> Result<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.authority))
            .header("content-type", "application/json")
            .header("accept", accept);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        if !status.is_success() {
            let body = answer.into_body().collect().await?.to_bytes();
            anyhow::bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(answer.into_body())
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        Ok(self.open(method, path, body).await?.collect().await?.to_bytes())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Bytes) -> Result<Bytes> {
        self.call(Method::POST, path, body).await
    }
}
