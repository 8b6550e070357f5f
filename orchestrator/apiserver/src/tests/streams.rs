use super::*;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

/// TLS of servers on 127.0.0.1, and of clients that know them.
pub(super) fn tls() -> (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())];
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
        )
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// A node agent: it answers one request with what was asked, or upgrades and echoes.
async fn agent(tls: Arc<rustls::ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(Arc::clone(&tls));
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                let head = head(&mut stream).await;
                let line = head.lines().next().unwrap().to_owned();
                if head.to_lowercase().contains("upgrade: spdy/3.1") {
                    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    let (mut from, mut to) = tokio::io::split(stream);
                    tokio::io::copy(&mut from, &mut to).await.unwrap_or_default();
                } else {
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    port
}

/// A request or reply up to its empty line.
async fn head(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

async fn node(lab: &Lab, port: u16) {
    lab.made("/api/v1/nodes", &json!({"metadata": {"name": "n1"}})).await;
    let status = json!({"status": {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }});
    let reply = lab.patch("/api/v1/nodes/n1/status", "merge-patch+json", &status).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    let mut object = pod("p");
    object["spec"]["nodeName"] = json!("n1");
    lab.made(PODS, &object).await;
}

async fn lab() -> (Lab, Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let (server, client) = tls();
    let mut config = config();
    config.node_tls = Some(Arc::clone(&client));
    let lab = Lab::with(config).await;
    default_account(&lab).await;
    (lab, server, client)
}

#[tokio::test]
async fn requests_go_to_the_node_of_the_pod() {
    let (lab, tls, _) = lab().await;
    node(&lab, agent(tls).await).await;
    let log = lab.get(&format!("{PODS}/p/log?container=c&tailLines=3")).await;
    assert_eq!(log.bytes, "GET /containerLogs/default/p/c?tailLines=3 HTTP/1.1");
    let exec = lab.ask("POST", &format!("{PODS}/p/exec?command=ls&stdout=true"), &[], "").await;
    assert_eq!(exec.bytes, "POST /exec/default/p/c?command=ls&output=1 HTTP/1.1");
    let stats = lab.get("/api/v1/nodes/n1/proxy/stats/summary?x=1").await;
    assert_eq!(stats.bytes, "GET /stats/summary?x=1 HTTP/1.1");
    assert_eq!(lab.get(&format!("{PODS}/p/log?container=other")).await.code, 400);
    assert_eq!(lab.server.flow.counts().long_running, 0);
}

#[tokio::test]
async fn a_node_that_cannot_answer() {
    let (lab, _, _) = lab().await;
    assert_eq!(lab.get(&format!("{PODS}/nope/log")).await.message(), "pods \"nope\" not found");
    lab.made(PODS, &pod("waits")).await;
    let log = lab.get(&format!("{PODS}/waits/log?follow=true")).await;
    assert_eq!((log.code.as_u16(), log.bytes.len()), (204, 0));
    assert_eq!(lab.get(&format!("{PODS}/waits/log?container=other")).await.code, 400);
    let exec = lab.get(&format!("{PODS}/waits/exec?command=ls")).await;
    assert_eq!((exec.code.as_u16(), exec.message()), (400, "pod waits does not have a host assigned"));
    let mut several = pod("several");
    several["spec"]["initContainers"] = json!([{"name": "first", "image": "i"}]);
    several["spec"]["containers"] = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]);
    lab.made(PODS, &several).await;
    assert_eq!(
        lab.get(&format!("{PODS}/several/log")).await.message(),
        "a container name must be specified for pod several, choose one of: [first a b]"
    );
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    node(&lab, port).await;
    let reply = lab.get(&format!("{PODS}/p/log")).await;
    assert_eq!((reply.code.as_u16(), reply.reason()), (500, "InternalError"));
    assert!(reply.message().contains("the agent of the node \"n1\""), "{}", reply.message());
}

#[tokio::test]
async fn upgraded_connections_are_passed_on_byte_for_byte() {
    let (lab, tls, client) = lab().await;
    node(&lab, agent(Arc::clone(&tls)).await).await;
    let token = json!({"spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let token = lab.post(path, &token).await.json["status"]["token"].as_str().unwrap().to_owned();
    let binding = json!({
        "metadata": {"name": "all"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    lab.made("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(Arc::clone(&lab.server).serve(listener, tls, stop.clone(), PATIENCE));
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut stream = loop {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = TlsConnector::from(Arc::clone(&client))
            .connect("127.0.0.1".try_into().unwrap(), stream)
            .await
            .unwrap();
        let request = format!(
            "POST {PODS}/p/exec?command=sh&stdin=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut stream).await;
        if head.starts_with("HTTP/1.1 101") {
            break stream;
        }
        // The binding has not been seen yet.
        assert!(head.starts_with("HTTP/1.1 403") && std::time::Instant::now() < deadline, "{head}");
    };
    let sent: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let (mut from, mut to) = tokio::io::split(&mut stream);
    let mut received = vec![0; sent.len()];
    let (_, _) = tokio::join!(async { to.write_all(&sent).await.unwrap() }, async {
        from.read_exact(&mut received).await.unwrap();
    });
    assert!(received == sent);
    assert_eq!(lab.server.flow.counts().long_running, 1);
    // The server's end is the stream's end.
    stop.cancel();
    tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
