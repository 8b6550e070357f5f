//! 64 speakers with 1000 VIPs each behind one aggregator. Long: run with `--ignored`.

mod aggregator_support;

use aggregator_support::scenarios;
use aggregator_support::{Kind, Style};
use anyhow::Result;

#[test]
#[ignore = "long: 64 speakers with 1000 VIPs each"]
fn bird_loses_one_of_64() -> Result<()> {
    scenarios::one_of_many_dies(Kind::Bird, Style::RouteServer, 64, 1000)
}

#[test]
#[ignore = "long: 64 speakers with 1000 VIPs each"]
fn frr_loses_one_of_64() -> Result<()> {
    scenarios::one_of_many_dies(Kind::Frr, Style::RouteServer, 64, 1000)
}
