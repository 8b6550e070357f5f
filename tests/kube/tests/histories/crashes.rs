//! The server is killed at random while clients write: nothing that was acknowledged is lost.
//!
//! `GUIDEWAY_KILLS` says how often it is killed, 12 times unless told.

use std::time::Duration;

use super::clients::Run;
use guideway_kube_tests::Server;
use rand::RngExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost() {
    let kills: u32 = std::env::var("GUIDEWAY_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut server = Server::start().unwrap();
    let run = Run::begin(&[&server]).await;
    run.progress(20).await;
    for kill in 0..kills {
        let time = Duration::from_micros(rand::rng().random_range(10_000..600_000));
        tokio::time::sleep(time).await;
        server.kill();
        tokio::task::block_in_place(|| server.spawn())
            .unwrap_or_else(|error| panic!("after kill {kill}: {error:#}"));
    }
    run.progress(20).await;
    let summary = run.end().await;
    println!(
        "{kills} kills: {} requests, {} acknowledged, {} without answer, {} events",
        summary.requests, summary.acknowledged, summary.unanswered, summary.events
    );
    assert!(summary.wrong.is_empty(), "{}", summary.wrong.join("\n"));
}
