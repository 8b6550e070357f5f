//! The load that runs while something happens to the lab.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::client::Running;
use guideway_lab::lab::http;
use guideway_lab::load::{FlowReport, FlowSpec, HoldReport, HoldSpec};

/// Flows with fixed source ports.
const FLOWS: u16 = 300;
/// Requests a second, well below what the machine can do: a full machine would measure itself.
const RATE: u32 = 500;
/// Established connections.
const CONNECTIONS: u16 = 60;
/// The longest time for some rounds.
const ROUNDS: Duration = Duration::from_secs(30);

/// New connections from known source ports, and established connections beside them, all to one VIP.
#[derive(Debug)]
pub(super) struct Load {
    flows: Running<FlowReport>,
    hold: Running<HoldReport>,
}

impl Load {
    pub(super) fn start(lab: &Lab, name: &str, vip: IpAddr, first_port: u16) -> Result<Self> {
        let flows = FlowSpec { first_port, ..FlowSpec::until_stopped(FLOWS, RATE) };
        let hold = HoldSpec { connections: CONNECTIONS, ..HoldSpec::default() };
        Ok(Self {
            flows: lab.client.start_flows(&format!("flows-{name}"), http(vip), &flows)?,
            hold: lab.client.start_hold(&format!("hold-{name}"), http(vip), &hold)?,
        })
    }

    /// Waits until every flow has made at least one more request.
    pub(super) fn one_more_round(&mut self) -> Result<()> {
        self.flows.wait_rounds(1, ROUNDS)
    }

    pub(super) fn finish(self) -> Result<(FlowReport, HoldReport)> {
        Ok((self.flows.finish()?, self.hold.finish()?))
    }
}
