//! bgp-aggregator between light speakers and real BIRD and FRR: what ends up in the router's kernel.

mod aggregator_support;

use aggregator_support::scenarios;
use aggregator_support::{Kind, Style};
use anyhow::Result;

#[test]
fn bird_reflector_has_legs_to_all() -> Result<()> {
    scenarios::legs_to_all(Kind::Bird, Style::Reflector)
}

#[test]
fn bird_route_server_has_legs_to_all() -> Result<()> {
    scenarios::legs_to_all(Kind::Bird, Style::RouteServer)
}

#[test]
fn frr_reflector_has_legs_to_all() -> Result<()> {
    scenarios::legs_to_all(Kind::Frr, Style::Reflector)
}

#[test]
fn frr_route_server_has_legs_to_all() -> Result<()> {
    scenarios::legs_to_all(Kind::Frr, Style::RouteServer)
}

/// FRR has RFC 8950 only in sessions over IPv6.
#[test]
fn bird_has_ipv4_routes_over_ipv6() -> Result<()> {
    scenarios::v4_over_v6(Kind::Bird)
}

#[test]
fn bird_without_add_path_has_one_leg_and_the_status_says_so() -> Result<()> {
    scenarios::without_add_path(Kind::Bird)
}

#[test]
fn frr_without_add_path_has_one_leg_and_the_status_says_so() -> Result<()> {
    scenarios::without_add_path(Kind::Frr)
}

#[test]
fn bird_sees_nothing_of_a_killed_aggregator() -> Result<()> {
    scenarios::killed_and_restarted(Kind::Bird, Style::RouteServer)
}

#[test]
fn frr_sees_nothing_of_a_killed_aggregator() -> Result<()> {
    scenarios::killed_and_restarted(Kind::Frr, Style::Reflector)
}

#[test]
fn bird_with_two_aggregators_does_not_miss_one() -> Result<()> {
    scenarios::one_of_two_killed(Kind::Bird)
}

#[test]
fn frr_with_two_aggregators_does_not_miss_one() -> Result<()> {
    scenarios::one_of_two_killed(Kind::Frr)
}

#[test]
fn bird_and_the_restart_of_a_speaker() -> Result<()> {
    scenarios::speaker_restarts(Kind::Bird)
}

#[test]
fn frr_and_the_restart_of_a_speaker() -> Result<()> {
    scenarios::speaker_restarts(Kind::Frr)
}

#[test]
fn bird_and_aggregates() -> Result<()> {
    scenarios::aggregates(Kind::Bird)
}

#[test]
fn two_speakers_with_one_identifier() -> Result<()> {
    scenarios::same_identifier(Kind::Bird)
}

#[test]
fn a_reload_touches_no_other_session() -> Result<()> {
    scenarios::reload(Kind::Bird)
}
