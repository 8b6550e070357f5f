//! Sessions on a link without any address but the kernel's own ("unnumbered"): neither side is told the other's address.

use anyhow::{Result, ensure};
use guideway_interop::site::{Over, link_local};
use guideway_interop::{PATIENCE, Pair, Plan};
use guideway_lab::addresses::UPLINK;
use guideway_lab::router::{Kind, Remote};
use guideway_lab::wait;

const VIP: &str = "203.0.113.10";
const VIP_V6: &str = "2001:db8::10";

fn unnumbered(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V6, &[VIP, VIP_V6]);
    let (ours, theirs) = (&mut plan.speakers[0].spec.neighbours[0], &mut plan.router.neighbours[0]);
    for neighbour in [ours, theirs] {
        neighbour.remote = Remote::Interface;
        neighbour.extended_next_hop = true;
    }
    let pair = Pair::start(kind, &plan)?;
    let peer = pair.speaker().wait_established()?;
    let there = link_local(&pair.site.router, "fw1")?;
    ensure!(peer.remote_endpoint.contains(&there.to_string()), "another neighbour: {peer:#?}");
    pair.wait_routes(&plan.vips)?;
    let here = link_local(&pair.site.speakers[0], UPLINK)?;
    wait::until_true("the link-local next hop", PATIENCE, || {
        let paths = pair.router()?.learnt("203.0.113.10/32")?;
        Ok(paths.iter().any(|path| path.next_hops.contains(&here.into())))
    })?;
    pair.pass()
}

#[test]
fn bird() -> Result<()> {
    unnumbered(Kind::Bird)
}

#[test]
fn frr() -> Result<()> {
    unnumbered(Kind::Frr)
}
