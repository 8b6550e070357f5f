//! Rough figures, printed; the bounds are far away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::lab::{pair, prefixes, until};

const ROUTES: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_routes_both_ways() {
    let (one, two) = pair(130, (0, 0)).await;
    one.established(two.address).await;
    two.established(one.address).await;
    let all = prefixes(ROUTES);
    let before = one.status(two.address).sent.updates;
    let started = Instant::now();
    one.router.announce(all.clone());
    two.router.announce(all.clone());
    until("all routes", || {
        let of_two = two.router.state.lock().unwrap().routes.values().next().map_or(0, BTreeSet::len);
        let of_one = one.router.state.lock().unwrap().routes.values().next().map_or(0, BTreeSet::len);
        (of_one + of_two == 2 * all.len()).then_some(())
    })
    .await;
    let took = started.elapsed();
    let updates = one.status(two.address).sent.updates - before;
    println!("{ROUTES} routes in both directions: {took:?}, {updates} UPDATEs in each");
    assert!(took < Duration::from_secs(10));
    assert!(updates <= 20, "{updates} UPDATEs for {ROUTES} prefixes");

    let mut one_more = all;
    one_more.extend(prefixes(ROUTES + 1));
    let started = Instant::now();
    one.router.announce(one_more);
    until("one more", || (two.router.learnt().len() == ROUTES as usize + 1).then_some(())).await;
    println!("one route more, with the polling of the test: {:?}", started.elapsed());
}
