//! bgp-speaker with real BIRD 2.

mod bgp_support;

use bgp_support::router::Kind;

tests_with!(Kind::Bird);

#[test]
fn an_agent_that_hangs() -> anyhow::Result<()> {
    bgp_support::scenarios::agent_hangs(Kind::Bird)
}
