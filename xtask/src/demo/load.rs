//! The load that runs while something happens to the lab.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::client::Running;
use guideway_lab::lab::http;
use guideway_lab::load::{FlowReport, FlowSpec, HoldReport, HoldSpec};

/// Source ports of new connections.
const PORTS: u16 = 200;
/// New connections a second, well below what the machine can do: a full machine would measure itself.
const RATE: u32 = 400;
/// Long-lived connections.
const CONNECTIONS: u16 = 300;
/// Milliseconds between an answer and the next request of a long-lived connection.
const INTERVAL_MS: u64 = 300;
/// The longest time for some rounds.
const ROUNDS: Duration = Duration::from_secs(30);

/// Long-lived connections and, beside them, new ones from the same source ports again and again, all to one VIP.
#[derive(Debug)]
pub(super) struct Load {
    fresh: Running<FlowReport>,
    held: Option<Running<HoldReport>>,
}

impl Load {
    /// Starts it and waits until all long-lived connections are established. Loads that run at the same time need
    /// source ports of their own.
    pub(super) fn start(lab: &Lab, name: &str, vip: IpAddr, first_port: u16) -> Result<Self> {
        let held = HoldSpec { connections: CONNECTIONS, interval_ms: INTERVAL_MS, ..HoldSpec::default() };
        let held = lab.client.start_hold(&format!("held-{name}"), http(vip), &held)?;
        Ok(Self { held: Some(held), ..Self::fresh(lab, name, vip, first_port)? })
    }

    /// [`Load::start`] with new connections only.
    pub(super) fn fresh(lab: &Lab, name: &str, vip: IpAddr, first_port: u16) -> Result<Self> {
        let fresh = FlowSpec { first_port, ..FlowSpec::until_stopped(PORTS, RATE) };
        let fresh = lab.client.start_flows(&format!("fresh-{name}"), http(vip), &fresh)?;
        Ok(Self { fresh, held: None })
    }

    /// Waits until every long-lived connection and every source port has had an answer to a request of after this
    /// moment.
    pub(super) fn one_more_round(&mut self) -> Result<()> {
        self.fresh.wait_rounds(1, ROUNDS)?;
        self.held.as_mut().map_or(Ok(()), |held| held.wait_rounds(1, ROUNDS))
    }

    pub(super) fn finish(self) -> Result<(FlowReport, HoldReport)> {
        let held = self.held.map(Running::finish).transpose()?.unwrap_or_default();
        Ok((self.fresh.finish()?, held))
    }
}
