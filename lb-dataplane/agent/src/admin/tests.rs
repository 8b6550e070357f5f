use super::*;
use crate::announce::{Announcements as Set, Announcer};
use crate::apply::MapStore as _;
use crate::apply::memory::Memory;
use crate::fixtures::{CONFIG, config};
use crate::flows::FlowCounter;
use crate::route::{Problem, Way};
use crate::view::View;
use crate::view::tests::{Numbered, sample};
use guideway_dataplane_admin::v1::dataplane_client::DataplaneClient;
use guideway_dataplane_plan::{BootTime, Outcome, TableCache, plan};
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
        counts: Arc::new(Numbered::default()),
        flows: FlowCounter::new(Arc::new(Numbered::default())),
        ways: watch::Sender::new(found()).subscribe(),
        announcements: announcer.watch(),
        links: watch::Sender::new(guideway_l2::Status::default()).subscribe(),
        requests: sender,
        started: Instant::now(),
        stop: stop.clone(),
    };
    let server = tokio::spawn(serve(admin, UnixListener::bind(&path).unwrap()));
    let client = DataplaneClient::new(guideway_dataplane_admin::connect(path).await.unwrap());
    Bench { client, announcer, requests, stop, server, _dir: dir }
}

/// One backend by two routers, one that nobody has a route to.
fn found() -> Found {
    let hop = |last| crate::route::Hop {
        link: guideway_abi::LinkRecord { ifindex: 2, mtu: 1600, ..Default::default() },
        mac: [2, 0, 0, 0, 0, last],
    };
    let [a, b] = [Some(hop(1)), Some(hop(2))];
    let known = Way { legs: [a, a, b, a, a, b, a, a], problem: None };
    let unknown = Way { legs: [None; 8], problem: Some(Problem::NoRoute) };
    let [be1, be0] = ["10.1.11.2", "10.1.10.2"].map(|text| text.parse().unwrap());
    Found {
        ways: Arc::new([(be1, known), (be0, unknown)].into()),
        interfaces: Arc::new([(2, "up0".to_owned())].into()),
        next_hops: 2,
        is_current: true,
    }
}

#[tokio::test]
async fn routes_sets_history() {
    let mut bench = bench(View { rolled_back_to: Some(7), ..sample() }).await;
    let routes = bench.client.routes(v1::RoutesRequest {}).await.unwrap().into_inner().routes;
    let told: Vec<(&str, &str, &str, usize)> = routes
        .iter()
        .map(|route| (&*route.backend, &*route.source, &*route.problem, route.legs.len()))
        .collect();
    assert_eq!(told, [("be0", "kernel", "there is no route", 0), ("be1", "agent", "", 2)]);
    let leg = &routes[1].legs[0];
    assert_eq!(
        (&*leg.interface, &*leg.neighbour, leg.mtu, leg.weight),
        ("up0", "02:00:00:00:00:01", 1600, 6)
    );
    assert_eq!(routes[1].legs[1].weight, 2);

    let sets = bench.client.list_sets(v1::ListSetsRequest {}).await.unwrap().into_inner().sets;
    let set = &sets[0];
    assert_eq!((&*set.name, &*set.encapsulation, set.second_hop, set.vips), ("web", "gue", true, 1));
    assert_eq!((set.unsettled_slots, set.held_slots, set.settles_unix_ms), (12, 3, 1_000_000));
    assert_eq!((set.backends, set.backends_healthy, set.drain_window_seconds), (4, 2, 600));

    let past = bench.client.history(v1::HistoryRequest {}).await.unwrap().into_inner().generations;
    assert_eq!((past[0].generation, past[0].at_unix_ms, past[0].in_force), (7, 5000, true));
    let status = bench.client.status(v1::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.sets, status.sets_unsettled, status.settles_unix_ms), (1, 1, 1_000_000));
    assert_eq!(status.rolled_back_to, 7);
}

#[tokio::test]
async fn rollback_answers_when_the_loop_does() {
    let mut bench = bench(sample()).await;
    for (answer, expected) in [
        (Ok(control::ReloadAnswer { errors: vec![], generation: 9 }), Ok(9)),
        (Err(control::NotInHistory { generation: 3, known: vec![7, 5] }), Err(Code::NotFound)),
    ] {
        let mut client = bench.client.clone();
        let asked = tokio::spawn(async move { client.rollback(v1::RollbackRequest { generation: 3 }).await });
        let Some(control::Request::Rollback(3, sender)) = bench.requests.recv().await else {
            panic!("no request")
        };
        sender.send(answer).unwrap();
        let answer = asked.await.unwrap();
        assert_eq!(
            answer.map(|answer| answer.into_inner().generation).map_err(|status| status.code()),
            expected
        );
    }
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
    assert_eq!((&*vips[0].address, &*vips[0].ports, &*vips[0].backend_set), ("203.0.113.10", "80", "web"));
    assert_eq!((&*vips[0].affinity, vips[0].affinity_timeout_seconds), ("client_ip", 60));
    assert_eq!((vips[0].flow_entries, &*vips[0].encapsulation), (1024, "gue"));
    assert_eq!(vips[0].sources, ["198.51.100.0/24"]);

    let mut list = async |vip: &str| {
        let request = v1::ListBackendsRequest { vip: vip.to_owned() };
        bench.client.list_backends(request).await.map(|answer| answer.into_inner().backends)
    };
    let all = list("").await.unwrap();
    let health: Vec<&str> = all.iter().map(|backend| backend.health.as_str()).collect();
    assert_eq!(health, ["healthy", "unhealthy", "checking", "unchecked", "unchecked"]);
    let states: Vec<&str> = all.iter().map(|backend| backend.state.as_str()).collect();
    assert_eq!(states, ["serving", "dead", "dead", "serving", "draining"]);
    assert_eq!((all[4].name.as_str(), all[4].leaving, all[3].leaving), ("be0", true, false));
    assert_eq!((all[1].detail.as_str(), all[1].packets, all[1].slots), ("connection refused", 2002, 5));
    assert_eq!(list("web-v4").await.unwrap(), all);
    assert_eq!(list("other").await.unwrap_err().code(), Code::NotFound);

    let counters = bench.client.counters(v1::CountersRequest {}).await.unwrap().into_inner().counters;
    assert_eq!((counters[1].name.as_str(), counters[1].packets), ("tx", 3001));
}

#[tokio::test]
async fn explains() {
    let restricted =
        "443, protocol: tcp, sources: [192.0.2.0/24, 10.0.0.0/8, 10.9.9.9, 203.0.113.99, 192.0.2.7]";
    let config = config(&CONFIG.replace("443, protocol: tcp", restricted));
    let desired = crate::desired::desired(&config, 8, |_| None, Vec::new());
    let maps = Memory::new(crate::load::capacities(&config));
    let empty = maps.read().unwrap();
    let Outcome::Plan(plan) = plan(&desired, &empty, BootTime(1000), &mut TableCache::new()).unwrap() else {
        panic!("nothing to do")
    };
    let mut bench = bench(View { installed: Some((Arc::new(desired), plan.installed)), ..sample() }).await;
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
    assert_eq!((&*forwarded.encapsulation, &*forwarded.backend_set), ("ipip", "web"));
    let candidates: Vec<(&str, &str)> =
        forwarded.candidates.iter().map(|one| (&*one.backend, &*one.state)).collect();
    assert_eq!(candidates, [(&*forwarded.backend, "serving")]);
    assert_eq!(ask("198.51.100.1", "203.0.113.10", 81, "tcp").await.unwrap().verdict, "drop");
    assert_eq!(ask("198.51.100.1", "203.0.113.10", 80, "udp").await.unwrap().verdict, "drop");
    assert_eq!(ask("198.51.100.1", "203.0.113.11", 80, "tcp").await.unwrap().verdict, "pass");
    assert_eq!(ask("10.1.2.3", "203.0.113.10", 443, "tcp").await.unwrap().verdict, "forward");
    let dropped = ask("198.51.100.1", "203.0.113.10", 443, "tcp").await.unwrap();
    assert_eq!((&*dropped.verdict, &*dropped.vip, &*dropped.backend_set), ("drop", "web-443", "web"));
    assert_eq!(
        dropped.reason,
        "source 198.51.100.1 is not in 192.0.2.0/24, 10.0.0.0/8, 10.9.9.9/32 and 2 more, the sources of VIP web-443: \
         counted as drop_source"
    );
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
    let interfaces = sample().interfaces;
    let set = |generation, addresses: &[&str]| {
        let prefixes = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Set::new(generation, prefixes, &interfaces)
    };
    bench.announcer.publish(set(1, &["203.0.113.2/32", "203.0.113.128/25"]));
    let request = v1::WatchAnnouncementsRequest {};
    let mut stream = bench.client.watch_announcements(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(first.addresses, ["203.0.113.2", "203.0.113.128/25"]);
    assert_eq!((first.capacity_bytes_per_second, first.forwarding_since_unix_ms), (1_250_000_000, 9000));
    bench.announcer.publish(set(2, &[]));
    assert_eq!(
        stream.message().await.unwrap().unwrap(),
        v1::Announcements { generation: 2, addresses: vec![], ..first }
    );
    bench.stop.cancel();
    assert_eq!(stream.message().await.unwrap(), None);
    drop((stream, bench.client));
    bench.server.await.unwrap().unwrap();
}
