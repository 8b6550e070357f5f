//! A forwarder whose Forwarder object is gone: it withdraws, and comes back with the object.

mod controller_support;

use anyhow::ensure;
use controller_support::objects::forwarder;
use controller_support::plane::{Requests, in_plane, web_on};
use controller_support::witness::Witness;
use controller_support::{NAMESPACE, PATIENCE};
use guideway_lab::lab::CONVERGENCE;
use guideway_lab::wait;

#[test]
fn a_forwarder_without_an_object_withdraws_until_it_has_one() {
    in_plane(|lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let before = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        plane.east.kubectl(&["delete", "forwarder.guideway.dev", "fw1", "-n", NAMESPACE])?;
        lab.tor.wait_for_legs(address.parse()?, &["fw2"], PATIENCE.max(CONVERGENCE))?;
        let fence = witness.look_at(lab, 0)?.fence.unwrap_or_default();
        ensure!(fence.contains("there is no Forwarder fw1"), "the reason is `{fence}`");
        // It dials again and again, and people see who it is and why it is refused.
        wait::until_true("lbctl to show who is refused", PATIENCE, || {
            let (_, shown) = plane.controller.lbctl(&["forwarders"])?;
            let mut refused = shown["refused"].as_array().into_iter().flatten();
            Ok(refused.any(|row| {
                row["forwarder"] == "fw1"
                    && row["times"].as_u64() > Some(1)
                    && row["reason"].as_str().is_some_and(|why| why.contains("there is no Forwarder fw1"))
            }))
        })?;
        requests.wait_round()?;

        // The others go on without it.
        plane.east.apply(&[web_on(&[1, 2])])?;
        wait::until_true("the other forwarder to go on", PATIENCE, || {
            Ok(witness.look_at(lab, 1)?.generation > before)
        })?;
        requests.wait_round()?;

        plane.east.apply(&[forwarder(NAMESPACE, "fw1")])?;
        lab.wait_for_all_legs(address.parse()?)?;
        witness.settle(lab, before)?;
        requests.wait_round()?;
        requests.expect_answered("a forwarder was revoked", &["be1", "be2", "be3"])
    });
}
