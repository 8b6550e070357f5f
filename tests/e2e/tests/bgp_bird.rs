//! bgp-speaker with real BIRD 2.

mod bgp_support;

use anyhow::Result;
use bgp_support::router::{Kind, Over};
use bgp_support::scenarios;

const KIND: Kind = Kind::Bird;

#[test]
fn announces_and_withdraws_over_ipv4() -> Result<()> {
    scenarios::announces_and_withdraws(KIND, Over::V4)
}

#[test]
fn announces_and_withdraws_over_ipv6() -> Result<()> {
    scenarios::announces_and_withdraws(KIND, Over::V6)
}

#[test]
fn tcp_md5_over_ipv4() -> Result<()> {
    scenarios::md5(KIND, Over::V4)
}

#[test]
fn tcp_md5_over_ipv6() -> Result<()> {
    scenarios::md5(KIND, Over::V6)
}

#[test]
fn a_thousand_vips() -> Result<()> {
    scenarios::many_vips(KIND, 1000)
}

#[test]
fn ten_thousand_vips() -> Result<()> {
    scenarios::many_vips(KIND, 10_000)
}

#[test]
fn a_shutdown_tells_the_router() -> Result<()> {
    scenarios::shutdown(KIND)
}

#[test]
fn silence_expires_the_hold_timer() -> Result<()> {
    scenarios::hold_timer(KIND)
}

#[test]
fn a_wrong_as_is_refused() -> Result<()> {
    scenarios::wrong_as(KIND)
}

#[test]
fn an_agent_that_stays_away() -> Result<()> {
    scenarios::agent_lost(KIND)
}

#[test]
fn a_reload_touches_only_what_changed() -> Result<()> {
    scenarios::reload(KIND)
}

#[test]
fn a_refresh_and_a_restart() -> Result<()> {
    scenarios::refresh_and_restart(KIND)
}

#[test]
fn an_internal_session() -> Result<()> {
    scenarios::internal(KIND)
}

#[test]
fn an_agent_that_hangs() -> Result<()> {
    scenarios::agent_hangs(KIND)
}
