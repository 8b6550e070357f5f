//! Two controllers, one of which leads.

mod controller_support;

use controller_support::follow_either;
use controller_support::plane::{Requests, in_plane_with, web_on};
use controller_support::witness::Witness;

#[test]
fn forwarders_find_the_one_that_leads() {
    in_plane_with(1, follow_either, |lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let generation = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        let second = plane.controller.start_second(lab)?;
        plane.controller.kill()?;
        plane.east.apply(&[web_on(&[1, 2])])?;
        let generation = witness.settle(lab, generation)?;
        requests.wait_round()?;

        // The first one stands by now, and is still the first that is asked.
        plane.controller.spawn()?;
        second.break_connections()?;
        plane.east.apply(&[web_on(&[0, 2])])?;
        witness.settle(lab, generation)?;
        lab.wait_for_all_legs(address.parse()?)?;
        requests.wait_round()?;
        requests.expect_answered("another controller led", &["be1", "be2", "be3"])?;
        witness.expect_nothing_else()
    });
}
