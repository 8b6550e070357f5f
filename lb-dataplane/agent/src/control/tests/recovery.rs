use super::changes::{checked, with_backends};
use super::*;

/// Waits for two seconds, so that only the backends can end it.
fn patient(backends: &[u8]) -> String {
    checked(&with_backends(backends))
        .replace("20ms, timeout: 20ms, rise: 1", "20ms, timeout: 20ms, rise: 100")
}

#[tokio::test]
async fn a_set_that_comes_back_waits_for_all_of_its_backends() {
    let address = |last: u8| -> IpAddr { format!("10.1.{last}.2").parse().unwrap() };
    let bench = Bench::start(paper(), &patient(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    bench.up.lock().unwrap().insert(address(11));
    bench.until("one is back", |view| view.vips[0].served && view.sets[0].healthy() == 1).await;
    assert_eq!(bench.announced(), Some(vec![]));
    bench.up.lock().unwrap().insert(address(12));
    let view = bench.until("both are back", |view| view.vips[0].announced).await;
    assert_eq!(view.sets[0].healthy(), 2);
    // One that fails later changes nothing.
    bench.up.lock().unwrap().remove(&address(12));
    let view = bench.until("one left", |view| view.sets[0].healthy() == 1).await;
    assert!(view.vips[0].announced && !view.sets[0].recovers);
    bench.end().await;
}
