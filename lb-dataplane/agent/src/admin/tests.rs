use super::*;
use crate::announce::{Announcements as Set, Announcer};
use crate::fixtures::{CONFIG, config};
use crate::view::View;
use crate::view::tests::{Numbered, sample};
use guideway_dataplane_admin::v1::dataplane_client::DataplaneClient;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::Code;
use tonic::transport::Channel;

struct Bench {
    client: DataplaneClient<Channel>,
    announcer: Announcer,
    requests: mpsc::Receiver<control::Request>,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    _dir: tempfile::TempDir,
}

async fn bench(view: View) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let announcer = Announcer::default();
    let (sender, requests) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let admin = Admin {
        view: Arc::new(arc_swap::ArcSwap::from_pointee(view)),
        counts: Arc::new(Numbered),
        announcements: announcer.watch(),
        requests: sender,
        started: Instant::now(),
        stop: stop.clone(),
    };
    let server = tokio::spawn(serve(admin, UnixListener::bind(&path).unwrap()));
    let client = DataplaneClient::new(guideway_dataplane_admin::connect(path).await.unwrap());
    Bench { client, announcer, requests, stop, server, _dir: dir }
}

#[tokio::test]
async fn status_vips_backends_counters() {
    let mut bench = bench(sample()).await;
    let status = bench.client.status(v1::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.generation, status.digest.as_str()), (7, "000000000000abcd"));
    assert_eq!((status.vips, status.vips_served, status.backends, status.backends_healthy), (1, 1, 4, 2));
    assert!(status.last_reload.unwrap().accepted && status.interfaces[0].attached);

    let vips = bench.client.list_vips(v1::ListVipsRequest {}).await.unwrap().into_inner().vips;
    assert_eq!((vips[0].name.as_str(), vips[0].packets, vips[0].bytes), ("web-v4", 1003, 100_003));

    let mut list = async |vip: &str| {
        let request = v1::ListBackendsRequest { vip: vip.to_owned() };
        bench.client.list_backends(request).await.map(|answer| answer.into_inner().backends)
    };
    let all = list("").await.unwrap();
    let health: Vec<&str> = all.iter().map(|backend| backend.health.as_str()).collect();
    assert_eq!(health, ["healthy", "unhealthy", "checking", "unchecked"]);
    assert_eq!((all[1].detail.as_str(), all[1].packets, all[1].slots), ("connection refused", 2002, 5));
    assert_eq!(list("web-v4").await.unwrap(), all);
    assert_eq!(list("other").await.unwrap_err().code(), Code::NotFound);

    let counters = bench.client.counters(v1::CountersRequest {}).await.unwrap().into_inner().counters;
    assert_eq!((counters[1].name.as_str(), counters[1].packets), ("tx", 3001));
}

#[tokio::test]
async fn explains() {
    let health = |_: &_| None;
    let no_link = |_: &str| -> Result<_, Infallible> { unreachable!("the next hop is the FIB's") };
    let desired = crate::desired::desired(&config(CONFIG), health, no_link).unwrap();
    let mut bench = bench(View { desired: Some(Arc::new(desired)), ..sample() }).await;
    let mut ask = async |source: &str, destination: &str, port: u32, protocol: &str| {
        let request = v1::ExplainRequest {
            source_address: source.to_owned(),
            source_port: 1234,
            destination_address: destination.to_owned(),
            destination_port: port,
            protocol: protocol.to_owned(),
        };
        bench.client.explain(request).await.map(Response::into_inner)
    };
    let forwarded = ask("198.51.100.1", "203.0.113.10", 80, "tcp").await.unwrap();
    assert_eq!((forwarded.verdict.as_str(), forwarded.vip.as_str()), ("forward", "web-80"));
    assert!(["be1", "be2"].contains(&forwarded.backend.as_str()) && forwarded.slot < 16_381);
    assert!(forwarded.outer_source.starts_with("172.16.") && forwarded.preferred_backend.is_empty());
    assert_eq!(forwarded.outer_destination, forwarded.backend_address);
    assert_eq!(ask("198.51.100.1", "203.0.113.10", 81, "tcp").await.unwrap().verdict, "drop");
    assert_eq!(ask("198.51.100.1", "203.0.113.10", 80, "udp").await.unwrap().verdict, "drop");
    assert_eq!(ask("198.51.100.1", "203.0.113.11", 80, "tcp").await.unwrap().verdict, "pass");
    for (source, port, protocol, expected) in [
        ("x", 80, "tcp", "source_address: \"x\" is no IP address"),
        ("198.51.100.1", 65_536, "tcp", "destination_port: 65536 is above 65535"),
        ("198.51.100.1", 80, "sctp", "protocol: \"sctp\" is neither tcp nor udp"),
        ("2001:db8::1", 80, "tcp", "not of the same family"),
    ] {
        let refused = ask(source, "203.0.113.10", port, protocol).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(expected), "{}", refused.message());
    }
}

#[tokio::test]
async fn nothing_is_explained_before_the_first_generation() {
    let mut bench = bench(View::default()).await;
    let request = v1::ExplainRequest {
        source_address: "198.51.100.1".to_owned(),
        destination_address: "203.0.113.10".to_owned(),
        protocol: "tcp".to_owned(),
        ..v1::ExplainRequest::default()
    };
    assert_eq!(bench.client.explain(request).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn reload_answers_when_the_loop_does() {
    let mut bench = bench(sample()).await;
    let mut client = bench.client.clone();
    let asked = tokio::spawn(async move { client.reload(v1::ReloadRequest {}).await.unwrap().into_inner() });
    let Some(control::Request::Reload(Some(answer))) = bench.requests.recv().await else {
        panic!("no request")
    };
    answer.send(control::ReloadAnswer { errors: vec!["f:1:1: wrong".to_owned()], generation: 7 }).unwrap();
    let answer = asked.await.unwrap();
    assert_eq!((answer.accepted, answer.generation, answer.errors.len()), (false, 7, 1));
}

#[tokio::test]
async fn announcements_come_whole_and_end_with_the_agent() {
    let mut bench = bench(sample()).await;
    let set = |generation, addresses: &[&str]| Set {
        generation,
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    };
    bench.announcer.publish(set(1, &["203.0.113.2", "203.0.113.10"]));
    let request = v1::WatchAnnouncementsRequest {};
    let mut stream = bench.client.watch_announcements(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.addresses, ["203.0.113.2", "203.0.113.10"]);
    bench.announcer.publish(set(2, &[]));
    assert_eq!(
        stream.message().await.unwrap().unwrap(),
        v1::Announcements { generation: 2, addresses: vec![] }
    );
    bench.stop.cancel();
    assert_eq!(stream.message().await.unwrap(), None);
    drop((stream, bench.client));
    bench.server.await.unwrap().unwrap();
}
