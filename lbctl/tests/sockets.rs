//! Runs the binary against a daemon played by this process, and against none.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;

use guideway_bgp_admin::v1 as bgp;
use guideway_bgp_admin::v1::speaker_server::{Speaker, SpeakerServer};
use guideway_bgp_admin::v1::{
    ListPeersRequest, ListPeersResponse, ListRoutesRequest, ListRoutesResponse, Route,
};
use guideway_dataplane_admin::decap;
use guideway_dataplane_admin::decap::v1::decap_server::{Decap, DecapServer};
use guideway_dataplane_admin::v1::dataplane_server::{Dataplane, DataplaneServer};
use guideway_dataplane_admin::v1::{
    Announcements, BackendSet, CountersRequest, CountersResponse, ExplainRequest, ExplainResponse,
    HistoryRequest, HistoryResponse, Interface, ListBackendsRequest, ListBackendsResponse, ListSetsRequest,
    ListSetsResponse, ListVipsRequest, ListVipsResponse, PastGeneration, ReloadRequest, ReloadResponse,
    RollbackRequest, RoutesRequest, RoutesResponse, StatusRequest, StatusResponse, Vip,
    WatchAnnouncementsRequest,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixListener;
use tokio::process::Command;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

struct Played;

#[tonic::async_trait]
impl Dataplane for Played {
    type WatchAnnouncementsStream = Pin<Box<dyn Stream<Item = Result<Announcements, Status>> + Send>>;

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let interface = Interface {
            name: "up0".to_owned(),
            index: 2,
            mode: "native".to_owned(),
            attached: true,
            ..Interface::default()
        };
        Ok(Response::new(StatusResponse {
            generation: 7,
            interfaces: vec![interface],
            ..StatusResponse::default()
        }))
    }

    async fn list_vips(&self, _: Request<ListVipsRequest>) -> Result<Response<ListVipsResponse>, Status> {
        let vips = vec![Vip { name: "web".to_owned(), ..Vip::default() }];
        Ok(Response::new(ListVipsResponse { vips }))
    }

    async fn list_backends(
        &self,
        request: Request<ListBackendsRequest>,
    ) -> Result<Response<ListBackendsResponse>, Status> {
        let vip = request.into_inner().vip;
        // As lb-dataplane answers.
        if !["", "web"].contains(&vip.as_str()) {
            return Err(Status::not_found(format!("no VIP is named {vip:?}")));
        }
        Ok(Response::new(ListBackendsResponse::default()))
    }

    async fn list_sets(&self, _: Request<ListSetsRequest>) -> Result<Response<ListSetsResponse>, Status> {
        let sets =
            vec![BackendSet { name: "web".to_owned(), unsettled_slots: 4_711, ..BackendSet::default() }];
        Ok(Response::new(ListSetsResponse { sets }))
    }

    async fn routes(&self, _: Request<RoutesRequest>) -> Result<Response<RoutesResponse>, Status> {
        // As an older lb-dataplane answers.
        Err(Status::unimplemented(""))
    }

    async fn history(&self, _: Request<HistoryRequest>) -> Result<Response<HistoryResponse>, Status> {
        let generations = vec![PastGeneration { generation: 6, ..PastGeneration::default() }];
        Ok(Response::new(HistoryResponse { generations }))
    }

    async fn rollback(&self, request: Request<RollbackRequest>) -> Result<Response<ReloadResponse>, Status> {
        match request.into_inner().generation {
            6 => Ok(Response::new(ReloadResponse { accepted: true, generation: 8, errors: vec![] })),
            5 => {
                let errors = vec!["no free table".to_owned()];
                Ok(Response::new(ReloadResponse { accepted: false, generation: 7, errors }))
            }
            other => Err(Status::not_found(format!("the history has no generation {other}"))),
        }
    }

    async fn counters(&self, _: Request<CountersRequest>) -> Result<Response<CountersResponse>, Status> {
        std::future::pending().await
    }

    async fn explain(&self, request: Request<ExplainRequest>) -> Result<Response<ExplainResponse>, Status> {
        let request = request.into_inner();
        let asked = format!(
            "{} {} {} {} {}",
            request.source_address,
            request.source_port,
            request.destination_address,
            request.destination_port,
            request.protocol
        );
        let verdict = if request.destination_port == 80 { "forward" } else { "drop" };
        Ok(Response::new(ExplainResponse {
            verdict: verdict.to_owned(),
            reason: asked,
            ..ExplainResponse::default()
        }))
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        let errors = vec!["lb.yaml:1:7: seed: wrong".to_owned()];
        Ok(Response::new(ReloadResponse { accepted: false, generation: 7, errors }))
    }

    async fn active_flows(
        &self,
        _: Request<guideway_dataplane_admin::v1::ActiveFlowsRequest>,
    ) -> Result<Response<guideway_dataplane_admin::v1::ActiveFlowsResponse>, Status> {
        Err(Status::unimplemented("not played"))
    }

    async fn watch_announcements(
        &self,
        _: Request<WatchAnnouncementsRequest>,
    ) -> Result<Response<Self::WatchAnnouncementsStream>, Status> {
        Err(Status::unimplemented("not played"))
    }
}

type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn parts<T: Send + 'static>(parts: Vec<T>) -> Parts<T> {
    Box::pin(tokio_stream::iter(parts.into_iter().map(Ok)))
}

#[tonic::async_trait]
impl Speaker for Played {
    async fn list_peers(&self, _: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        Err(Status::internal("the table is on fire"))
    }

    async fn list_routes(
        &self,
        _: Request<ListRoutesRequest>,
    ) -> Result<Response<ListRoutesResponse>, Status> {
        let route = Route {
            prefix: "203.0.113.10/32".to_owned(),
            advertised_to: vec!["10.1.1.1".to_owned()],
            ..Route::default()
        };
        Ok(Response::new(ListRoutesResponse { routes: vec![route] }))
    }

    type AdjRibInStream = Parts<bgp::Paths>;
    type AdjRibOutStream = Parts<bgp::Paths>;
    type DrainStream = Parts<bgp::DrainProgress>;

    async fn adj_rib_in(
        &self,
        request: Request<bgp::AdjRibRequest>,
    ) -> Result<Response<Self::AdjRibInStream>, Status> {
        let peer = request.into_inner().peer;
        if peer != "tor1" {
            return Err(Status::not_found(format!("no peer is named {peer:?}")));
        }
        // In two parts.
        let part = |prefix: &str| {
            let path = bgp::Path { prefix: prefix.to_owned(), ..bgp::Path::default() };
            bgp::Paths { paths: vec![path] }
        };
        Ok(Response::new(parts(vec![part("203.0.113.10/32"), part("203.0.113.11/32")])))
    }

    async fn adj_rib_out(
        &self,
        _: Request<bgp::AdjRibRequest>,
    ) -> Result<Response<Self::AdjRibOutStream>, Status> {
        Ok(Response::new(parts(vec![])))
    }

    async fn explain(
        &self,
        request: Request<bgp::ExplainRequest>,
    ) -> Result<Response<bgp::ExplainResponse>, Status> {
        let prefix = request.into_inner().target;
        let announced = prefix == "203.0.113.10";
        Ok(Response::new(bgp::ExplainResponse { prefix, announced, ..bgp::ExplainResponse::default() }))
    }

    async fn session_history(
        &self,
        _: Request<bgp::SessionHistoryRequest>,
    ) -> Result<Response<bgp::SessionHistoryResponse>, Status> {
        Ok(Response::new(bgp::SessionHistoryResponse::default()))
    }

    async fn drain(
        &self,
        request: Request<bgp::DrainRequest>,
    ) -> Result<Response<Self::DrainStream>, Status> {
        let request = request.into_inner();
        if request.reason == "again" {
            return Err(Status::already_exists("there is a drain already (waiting)"));
        }
        let step = |phase: &str, text: String| bgp::DrainProgress {
            drain: Some(bgp::Drain { phase: phase.to_owned(), ..bgp::Drain::default() }),
            text,
        };
        if request.reason == "cut" {
            let never = Box::pin(parts(vec![step("asking", String::new())]).chain(tokio_stream::pending()));
            return Ok(Response::new(never));
        }
        let last = if request.force { "drained" } else { "refused" };
        let asked = format!("{:?} {} ms", request.below_flows, request.timeout_ms);
        Ok(Response::new(parts(vec![step("asking", asked), step(last, "the end".to_owned())])))
    }

    async fn undrain(
        &self,
        _: Request<bgp::UndrainRequest>,
    ) -> Result<Response<bgp::UndrainResponse>, Status> {
        Err(Status::not_found("the node is not drained"))
    }

    async fn reset_peer(
        &self,
        request: Request<bgp::ResetPeerRequest>,
    ) -> Result<Response<bgp::ResetPeerResponse>, Status> {
        assert!(request.into_inner().soft);
        Ok(Response::new(bgp::ResetPeerResponse {}))
    }
}

#[tonic::async_trait]
impl Decap for Played {
    async fn status(
        &self,
        _: Request<decap::v1::StatusRequest>,
    ) -> Result<Response<decap::v1::StatusResponse>, Status> {
        let interface = decap::v1::Interface {
            name: "eth0".to_owned(),
            mode: "generic".to_owned(),
            egress: true,
            ..decap::v1::Interface::default()
        };
        let interfaces = vec![interface];
        Ok(Response::new(decap::v1::StatusResponse { interfaces, ..decap::v1::StatusResponse::default() }))
    }
}

/// Exit code, standard output and standard error of `lbctl ARGS` with all sockets in `folder`.
async fn lbctl(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lbctl"))
        .env_remove("GUIDEWAY_DATAPLANE_SOCKET")
        .env_remove("GUIDEWAY_BGP_SOCKET")
        .env_remove("GUIDEWAY_DECAP_SOCKET")
        .arg("--dataplane-socket")
        .arg(folder.join("dataplane.sock"))
        .arg("--bgp-socket")
        .arg(folder.join("bgp.sock"))
        .arg("--decap-socket")
        .arg(folder.join("decap.sock"))
        .args(args)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let dataplane = UnixListener::bind(folder.path().join("dataplane.sock")).unwrap();
    let bgp = UnixListener::bind(folder.path().join("bgp.sock")).unwrap();
    tokio::spawn(
        Server::builder()
            .add_service(DataplaneServer::new(Played))
            .serve_with_incoming(UnixListenerStream::new(dataplane)),
    );
    tokio::spawn(
        Server::builder()
            .add_service(SpeakerServer::new(Played))
            .serve_with_incoming(UnixListenerStream::new(bgp)),
    );
    let decap = UnixListener::bind(folder.path().join("decap.sock")).unwrap();
    tokio::spawn(
        Server::builder()
            .add_service(DecapServer::new(Played))
            .serve_with_incoming(UnixListenerStream::new(decap)),
    );
    let run = |args: &'static [&'static str]| lbctl(folder.path(), args);

    let (code, stdout, stderr) = run(&["status"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("generation    7"), "{stdout}");

    let (code, stdout, _) = run(&["status", "-o", "json"]).await;
    assert!(code == 0 && stdout.contains("\"generation\": 7"), "{stdout}");

    let (code, stdout, _) = run(&["explain", "[2001:db8::7]:4000", "[2001:db8::10]:80", "tcp"]).await;
    assert!(code == 0 && stdout.contains("2001:db8::7 4000 2001:db8::10 80 tcp"), "{stdout}");
    assert_eq!(run(&["explain", "198.51.100.7:1", "203.0.113.10:81", "udp"]).await.0, 1);
    let (code, _, stderr) = run(&["explain", "198.51.100.7:1", "[2001:db8::10]:80", "udp"]).await;
    assert!(code == 2 && stderr.contains("different families"), "{stderr}");
    assert_eq!(run(&["explain", "198.51.100.7", "203.0.113.10:80", "udp"]).await.0, 2);

    let (code, stdout, _) = run(&["reload"]).await;
    assert_eq!(
        (code, stdout.as_str()),
        (1, "refused: generation 7 stays in force\n  lb.yaml:1:7: seed: wrong\n")
    );

    let (code, stdout, _) = run(&["dataplane", "rollback", "6"]).await;
    assert!(code == 0 && stdout.starts_with("accepted: generation 8 is in force\n"), "{stdout}");
    let (code, stdout, _) = run(&["dataplane", "rollback", "5"]).await;
    assert_eq!((code, stdout.as_str()), (1, "refused: generation 7 stays in force\n  no free table\n"));
    let (code, _, stderr) = run(&["dataplane", "rollback", "4"]).await;
    assert_eq!((code, stderr.as_str()), (1, "lbctl: the history has no generation 4\n"));
    for wrong in ["0", "-1", "latest"] {
        assert_eq!(lbctl(folder.path(), &["dataplane", "rollback", wrong]).await.0, 2);
    }
    let (code, stdout, _) = run(&["dataplane", "history", "-o", "json"]).await;
    assert!(code == 0 && stdout.contains("\"generation\": 6"), "{stdout}");

    let (code, stdout, _) = run(&["sets"]).await;
    assert!(code == 0 && stdout.contains("4711"), "{stdout}");
    let (code, _, stderr) = run(&["routes"]).await;
    assert!(code == 3 && stderr.contains("of the same release?"), "{stderr}");

    let (code, stdout, stderr) = run(&["decap", "status"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("eth0"), "{stdout}");

    assert_eq!(run(&["backends", "--vip", "web"]).await.0, 0);
    let (code, stdout, stderr) = run(&["backends", "--vip", "wbe"]).await;
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (1, "", "lbctl: no VIP is named \"wbe\"\n"));

    let (code, _, stderr) = run(&["counters", "--timeout", "1"]).await;
    assert!(code == 3 && stderr.contains("no answer within 1 s"), "{stderr}");

    let (code, stdout, _) = run(&["bgp", "routes"]).await;
    let expected = "PREFIX           STATE  SINCE  ADVERTISED TO\n203.0.113.10/32  -      -      10.1.1.1\n";
    assert_eq!((code, stdout.as_str()), (0, expected));
    let (code, _, stderr) = run(&["bgp", "peers"]).await;
    assert!(
        code == 3 && stderr.contains("bgp-speaker at") && stderr.contains("the table is on fire"),
        "{stderr}"
    );
    let (code, stdout, _) = run(&["bgp", "adj-rib-in", "tor1"]).await;
    assert!(code == 0 && stdout.lines().count() == 3, "{stdout}");
    let (code, _, stderr) = run(&["bgp", "adj-rib-in", "tor2"]).await;
    assert_eq!((code, stderr.as_str()), (1, "lbctl: no peer is named \"tor2\"\n"));
    assert_eq!(run(&["bgp", "adj-rib-out", "tor1", "203.0.113.10"]).await.0, 0);
    assert_eq!(run(&["bgp", "explain", "203.0.113.10"]).await.0, 0);
    assert_eq!(run(&["bgp", "explain", "203.0.113.99"]).await.0, 1);
    assert_eq!(run(&["bgp", "history", "tor1"]).await.0, 0);
    assert_eq!(run(&["bgp", "reset", "tor1", "--soft"]).await.0, 0);
    let (code, _, stderr) = run(&["bgp", "undrain"]).await;
    assert_eq!((code, stderr.as_str()), (1, "lbctl: the node is not drained\n"));
    let (code, _, stderr) = run(&["bgp", "drain", "--reason", "again"]).await;
    assert_eq!((code, stderr.as_str()), (1, "lbctl: there is a drain already (waiting)\n"));
    let (code, stdout, _) = run(&["bgp", "drain", "--below", "10", "--timeout", "5m"]).await;
    assert_eq!((code, stdout.as_str()), (1, "asking  Some(10) 300000 ms\nrefused  the end\n"));
    let (code, stdout, _) = run(&["bgp", "drain", "--force", "-o", "json"]).await;
    assert!(code == 0 && stdout.lines().count() == 2 && stdout.starts_with('{'), "{stdout}");
}

/// The speaker ends while a drain is listened to.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let behind = folder.path().join("behind.sock");
    tokio::spawn(
        Server::builder()
            .add_service(SpeakerServer::new(Played))
            .serve_with_incoming(UnixListenerStream::new(UnixListener::bind(&behind).unwrap())),
    );
    let front = UnixListener::bind(folder.path().join("bgp.sock")).unwrap();
    let relay = tokio::spawn(async move {
        let (mut client, _) = front.accept().await.unwrap();
        let mut server = tokio::net::UnixStream::connect(behind).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbctl"))
        .arg("--bgp-socket")
        .arg(folder.path().join("bgp.sock"))
        .args(["bgp", "drain", "--reason", "cut", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).await.unwrap();
    assert!(first.contains("asking"), "{first}");
    relay.abort();
    let output = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("ended before its answer did; the drain is kept"), "{stderr}");
}

#[tokio::test]
async fn silence_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = lbctl(folder.path(), &["status"]).await;
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("lb-dataplane cannot be reached at"), "{stderr}");
    assert!(stderr.contains("dataplane.sock: there is no socket"), "{stderr}");
    assert!(stderr.contains("--dataplane-socket"), "{stderr}");
    let unit = stderr.split_once("systemctl status ").and_then(|(_, rest)| rest.split('`').next()).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../deploy/systemd/{unit}.service"));
    assert!(shipped.exists(), "no such unit: {unit}");

    let (code, _, stderr) = lbctl(folder.path(), &["decap", "status"]).await;
    assert!(code == 3 && stderr.contains("lb-decap cannot be reached at"), "{stderr}");
    assert!(
        stderr.contains("--decap-socket") && stderr.contains("systemctl status guideway-decap"),
        "{stderr}"
    );

    // A socket that nobody listens on any more.
    drop(UnixListener::bind(folder.path().join("bgp.sock")).unwrap());
    let (code, _, stderr) = lbctl(folder.path(), &["bgp", "peers"]).await;
    assert!(code == 3 && stderr.contains("nobody listens on the socket; did bgp-speaker end"), "{stderr}");
}

#[tokio::test]
async fn usage_and_completions_need_no_daemon() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(lbctl(folder.path(), &["stauts"]).await.0, 2);
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, _) = lbctl(folder.path(), &["completions", shell]).await;
        assert!(code == 0 && stdout.contains("explain"), "{shell}");
    }
    let (code, stdout, _) = lbctl(folder.path(), &["explain", "--help"]).await;
    assert!(code == 0 && stdout.contains("lbctl explain 198.51.100.7:40000 203.0.113.10:80 tcp"), "{stdout}");
}
