//! bgp-aggregator when speakers, paths or the router itself are away.

mod aggregator_support;

use aggregator_support::{Kind, losses};
use anyhow::Result;

#[test]
fn bird_loses_the_leg_of_a_speaker_that_falls_silent() -> Result<()> {
    losses::silent_cut(Kind::Bird)
}

#[test]
fn frr_loses_the_leg_of_a_speaker_that_falls_silent() -> Result<()> {
    losses::silent_cut(Kind::Frr)
}

#[test]
fn bird_and_a_speaker_that_never_comes_back() -> Result<()> {
    losses::deferral_expires(Kind::Bird)
}

#[test]
fn frr_and_a_speaker_that_never_comes_back() -> Result<()> {
    losses::deferral_expires(Kind::Frr)
}

#[test]
fn bird_keeps_a_last_resort() -> Result<()> {
    losses::last_resort(Kind::Bird)
}

#[test]
fn frr_keeps_a_last_resort() -> Result<()> {
    losses::last_resort(Kind::Frr)
}

#[test]
fn bird_restarts_behind_two_aggregators() -> Result<()> {
    losses::router_restarts(Kind::Bird)
}

#[test]
fn frr_restarts_behind_two_aggregators() -> Result<()> {
    losses::router_restarts(Kind::Frr)
}
