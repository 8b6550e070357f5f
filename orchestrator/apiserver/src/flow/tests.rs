use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

const LIMITS: FlowLimits = FlowLimits {
    seats: 4,
    seats_per_client: 3,
    queue_per_client: 100,
    long_running: 3,
    long_running_per_client: 2,
};

fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_client_has_its_seats_and_no_more() {
    let flow = Flow::new(LIMITS);
    let mut seats = Vec::new();
    for _ in 0..3 {
        seats.push(flow.enter("a").await.unwrap());
    }
    let mut fourth = pin!(flow.enter("a"));
    assert!(poll(fourth.as_mut()).is_pending());
    // The last seat is for others.
    let _other = flow.enter("b").await.unwrap();
    assert_eq!(flow.counts(), FlowCounts { in_flight: 4, waiting: 1, long_running: 0 });
    seats.pop();
    assert!(matches!(poll(fourth.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn a_request_of_another_is_served_next_however_many_one_client_sends() {
    let flow = Flow::new(FlowLimits { seats: 2, seats_per_client: 2, ..LIMITS });
    let first = flow.enter("flood").await.unwrap();
    let second = flow.enter("flood").await.unwrap();
    let mut flood: Vec<_> = (0..100).map(|_| Box::pin(flow.enter("flood"))).collect();
    for waiting in &mut flood {
        assert!(poll(waiting.as_mut()).is_pending());
    }
    assert!(matches!(poll(pin!(flow.enter("flood"))), Poll::Ready(Err(Busy::Queue))));
    let mut quiet = pin!(flow.enter("quiet"));
    assert!(poll(quiet.as_mut()).is_pending());
    // At most one request of the other client goes before.
    drop(first);
    drop(second);
    assert!(matches!(poll(quiet.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn seats_of_requests_that_gave_up_are_not_lost() {
    let flow = Flow::new(LIMITS);
    let mut seats = Vec::new();
    for _ in 0..3 {
        seats.push(flow.enter("a").await.unwrap());
    }
    {
        let mut gone = Box::pin(flow.enter("a"));
        assert!(poll(gone.as_mut()).is_pending());
        // Granted, yet never looked at.
        seats.pop();
    }
    {
        let mut gone = Box::pin(flow.enter("a"));
        let _ = poll(gone.as_mut());
    }
    drop(seats);
    assert_eq!(flow.counts(), FlowCounts::default());
    assert!(flow.lock().clients.is_empty());
}

#[test]
fn streams_are_counted_apart() {
    let flow = Flow::new(LIMITS);
    let _one = flow.enter_long("a").unwrap();
    let two = flow.enter_long("a").unwrap();
    assert_eq!(flow.enter_long("a").unwrap_err(), Busy::LongRunning);
    let _three = flow.enter_long("b").unwrap();
    assert_eq!(flow.enter_long("c").unwrap_err(), Busy::LongRunning);
    drop(two);
    assert!(flow.enter_long("c").is_ok());
}
