//! Three etcd members and two servers: members die, come and go while clients write.

use std::time::{Duration, Instant};

use super::clients::Run;
use guideway_kube_tests::{Etcd, Server};
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_die_come_and_go() {
    let mut etcd = Etcd::start(3).unwrap();
    let endpoints = etcd.endpoints();
    let first = Server::with_flags(&["--etcd-servers", &endpoints]).unwrap();
    let pki = first.data().join("pki").display().to_string();
    let mut second = Server::with_flags(&["--etcd-servers", &endpoints, "--pki-dir", &pki]).unwrap();
    let run = Run::begin(&[&first, &second]).await;
    run.progress(50).await;

    let killed = Instant::now();
    block_in_place(|| etcd.kill_leader()).unwrap();
    // Those under way may have been on another member: one more round of all clients tells.
    run.progress(50).await;
    println!("a leader was killed: 50 writes after {:?}", killed.elapsed());

    block_in_place(|| etcd.remove_dead()).unwrap();
    block_in_place(|| etcd.add()).unwrap();
    run.progress(50).await;
    println!("a learner became a member");

    block_in_place(|| etcd.remove_oldest()).unwrap();
    run.progress(50).await;
    println!("a member was removed");

    second.kill();
    run.progress(20).await;
    block_in_place(|| second.spawn()).unwrap();
    run.progress(50).await;
    println!("a server was killed and started");

    let summary = run.end().await;
    println!(
        "{} requests, {} acknowledged, {} without answer, {} events, nothing acknowledged for {:?} at most",
        summary.requests, summary.acknowledged, summary.unanswered, summary.events, summary.silence
    );
    assert!(summary.wrong.is_empty(), "{}", summary.wrong.join("\n"));
    // Elections take 1 to 2 s; this only tells that somebody waited for something else.
    assert!(summary.silence < Duration::from_secs(30), "{:?}", summary.silence);
}
