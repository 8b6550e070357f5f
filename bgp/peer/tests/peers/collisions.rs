use std::net::SocketAddr;

use guideway_bgp_fsm::{State, Stop};

use crate::lab::{Node, pair, until, v4};

/// Both sides dial and listen at the same time, again and again: one connection is left each time, and no session that was
/// established is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_at_once() {
    let (one, two) = pair(30, (1, 1)).await;
    for flaps in 0..25 {
        one.established(two.address).await;
        two.established(one.address).await;
        until("routes of both", || {
            (one.router.learnt().len() == 1 && two.router.learnt().len() == 1).then_some(())
        })
        .await;
        let (here, there) = (one.status(two.address), two.status(one.address));
        assert_eq!((here.flaps, there.flaps), (flaps, flaps), "{:?}", here.last_error);
        let (here, there) = (here.session.unwrap(), there.session.unwrap());
        assert_eq!((here.local, here.remote), (there.remote, there.local), "the same connection");
        assert_ne!(here.side, there.side);
        // Both go back to the start together.
        one.peers.reset(&two.address.to_string(), Stop::Reset(String::new())).unwrap();
        let flaps = flaps + 1;
        until("the end of the session", || {
            (one.status(two.address).flaps == flaps && two.status(one.address).flaps == flaps).then_some(())
        })
        .await;
    }
}

/// The same from a standstill: peers that are configured at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_start_at_once() {
    for round in 0..10 {
        let one = Node::start_on(SocketAddr::new(v4(32), 0), Default::default(), Vec::new()).await;
        let two = Node::start_on(SocketAddr::new(v4(33), 0), Default::default(), Vec::new()).await;
        let (of_one, of_two) = (one.config_of(&two), two.config_of(&one));
        tokio::join!(async { one.apply(&of_one) }, async { two.apply(&of_two) });
        one.established(two.address).await;
        two.established(one.address).await;
        let (here, there) = (one.status(two.address), two.status(one.address));
        assert_eq!((here.flaps, there.flaps), (0, 0), "round {round}: {:?}", here.last_error);
        tokio::join!(one.peers.stop(Stop::Silent), two.peers.stop(Stop::Deconfigured));
    }
}

#[tokio::test]
async fn a_wrong_as_is_told_on_both_sides() {
    let (one, two) = (Node::start(34, 0).await, Node::start(35, 0).await);
    let mut wrong = one.config_of(&two);
    wrong.session.remote_as = guideway_bgp_fsm::RemoteAs::Is(64999);
    one.apply(&wrong);
    two.apply(&two.config_of(&one));
    one.error(two.address, "65035").await;
    two.error(one.address, "(2/2)").await;
    assert_ne!(one.status(two.address).state, State::Established);
}
