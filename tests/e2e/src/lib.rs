//! What the end-to-end tests share: expectations about loads, spreads and captures.
//!
//! The tests need root. Each builds a lab of its own in network namespaces and removes it. They measure time and loss,
//! so they run one after the other.
#![forbid(unsafe_code)]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use guideway_lab::capture::{Direction, Sighting};
use guideway_lab::client::Running;
use guideway_lab::forwarder::Forwarder;
use guideway_lab::load::{FlowReport, HoldReport};
use guideway_lab::{Lab, wait};

/// The longest that a round of requests may take.
const ROUND: Duration = Duration::from_secs(60);

/// No request failed and no flow changed its backend.
///
/// # Errors
/// When one did; the text has the counts and the first failures and moves.
pub fn expect_undisturbed(what: &str, report: &FlowReport) -> Result<()> {
    expect_no_failure(what, report)?;
    ensure!(
        report.moved_flows == 0,
        "{what}: {} of {} flows moved: {:?} {:#?}",
        report.moved_flows,
        report.flows,
        report.moves_from,
        report.moves.iter().take(5).collect::<Vec<_>>()
    );
    Ok(())
}

/// No request failed.
///
/// # Errors
/// When one did.
pub fn expect_no_failure(what: &str, report: &FlowReport) -> Result<()> {
    ensure!(report.requests > 0, "{what}: there was no request");
    ensure!(
        report.failed == 0,
        "{what}: {} of {} requests failed: {:?} {:#?}",
        report.failed,
        report.requests,
        report.failed_of,
        report.failures.iter().take(5).collect::<Vec<_>>()
    );
    Ok(())
}

/// No established connection broke.
///
/// # Errors
/// When one did.
pub fn expect_unbroken(what: &str, report: &HoldReport) -> Result<()> {
    ensure!(
        report.broken == 0 && report.failed == 0 && report.requests > report.connections,
        "{what}: of {} connections {} broke in {} requests: {:#?}",
        report.connections,
        report.broken,
        report.requests,
        report.failures.iter().take(5).collect::<Vec<_>>()
    );
    Ok(())
}

/// Every connection has an answer to a request that it sent after this moment.
///
/// # Errors
/// When one has none.
pub fn all_answer(what: &str, hold: &mut Running<HoldReport>) -> Result<()> {
    let goal = hold.round_after(1);
    hold.wait_round(goal, ROUND)?;
    let round = hold.last_round()?;
    println!("{what}: {} of {} connections alive", round.alive, round.connections);
    ensure!(round.alive == round.connections, "{what}: {} of {}", round.alive, round.connections);
    Ok(())
}

/// The flows are spread over `backends` within five standard deviations of what a fair draw gives (the table itself is
/// fair to one slot; the rest is the chance of the hash).
///
/// # Errors
/// When a backend has too many or too few.
pub fn expect_fair_spread(report: &FlowReport, backends: u32) -> Result<()> {
    let share = 1.0 / f64::from(backends);
    let flows = f64::from(u32::try_from(report.assignments.len())?);
    let tolerance = 5.0 * (flows * share * (1.0 - share)).sqrt();
    ensure!(report.flows_by_backend.len() == backends as usize, "{:?}", report.flows_by_backend);
    for (backend, count) in &report.flows_by_backend {
        let off = (f64::from(u32::try_from(*count)?) - flows * share).abs();
        ensure!(
            off <= tolerance,
            "{backend} has {count} of {flows} flows: {off:.0} off the fair share, more than {tolerance:.0}"
        );
    }
    Ok(())
}

/// `lbctl explain` on every forwarder names the backend that answered, for the first `count` flows.
///
/// # Errors
/// When one names another.
pub fn expect_explained(lab: &Lab, target: SocketAddr, report: &FlowReport, count: usize) -> Result<()> {
    let source = lab.client.address(target.ip());
    for (port, backend) in report.assignments.iter().take(count) {
        for forwarder in &lab.forwarders {
            let said = forwarder.explain(SocketAddr::new(source, *port), target)?;
            ensure!(
                said == *backend,
                "{}: explain says {said} for port {port}, but {backend} answered",
                forwarder.name()
            );
        }
    }
    Ok(())
}

/// Waits until all forwarders hold equal tables: after a change each gets there at its own pace.
///
/// # Errors
/// When they do not in ten seconds.
pub fn wait_for_equal_tables(lab: &Lab) -> Result<()> {
    wait::until_true("equal tables on all forwarders", Duration::from_secs(10), || {
        let digests: Vec<String> = lab.forwarders.iter().map(Forwarder::digest).collect::<Result<_>>()?;
        Ok(digests.windows(2).all(|pair| pair[0] == pair[1]))
    })
    .map(drop)
}

/// What a capture shows about direct server return.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ReturnPath {
    /// Packets of clients on the way to a forwarder.
    pub to_forwarders: usize,
    /// Encapsulated packets that left a forwarder.
    pub encapsulated: usize,
    /// Encapsulated packets that left the ToR for a backend.
    pub to_backends: usize,
    /// Replies that came from a backend.
    pub replies: usize,
    /// Replies that left the ToR for the client.
    pub replies_to_client: usize,
    /// Packets with the VIP as source on any leg of a forwarder: must be none.
    pub replies_at_forwarders: usize,
    /// Packets to the VIP that reached a backend without encapsulation: must be none.
    pub bare_to_backends: usize,
}

impl ReturnPath {
    /// Counts what a capture saw of this VIP.
    #[must_use]
    pub fn of(seen: &[Sighting], vip: IpAddr) -> Self {
        let mut path = Self::default();
        for Sighting { leg, direction, frame, .. } in seen {
            let flow = frame.flow();
            let (request, reply) = (flow.destination == vip, flow.source == vip);
            let node = leg.trim_end_matches(|c: char| c.is_ascii_digit());
            match (node, direction) {
                ("fw", _) if reply => path.replies_at_forwarders += 1,
                ("fw", Direction::Out) if request && !frame.is_encapsulated() => path.to_forwarders += 1,
                ("fw", Direction::In) if request && frame.is_encapsulated() => path.encapsulated += 1,
                ("be", Direction::Out) if request && frame.is_encapsulated() => path.to_backends += 1,
                ("be", Direction::Out) if request => path.bare_to_backends += 1,
                ("be", Direction::In) if reply => path.replies += 1,
                ("cl", Direction::Out) if reply => path.replies_to_client += 1,
                _ => {}
            }
        }
        path
    }

    /// Requests went through a forwarder and encapsulated to a backend, replies from the backend straight to the client.
    ///
    /// # Errors
    /// When anything else was seen.
    pub fn expect_direct_server_return(&self) -> Result<()> {
        ensure!(self.replies_at_forwarders == 0, "replies crossed a forwarder: {self:?}");
        ensure!(self.bare_to_backends == 0, "packets reached a backend without encapsulation: {self:?}");
        ensure!(self.to_forwarders > 0 && self.replies > 0, "there was no traffic: {self:?}");
        ensure!(self.to_forwarders == self.encapsulated, "a forwarder lost or added packets: {self:?}");
        ensure!(self.encapsulated == self.to_backends, "the ToR lost or added packets: {self:?}");
        ensure!(self.replies == self.replies_to_client, "the ToR lost or added replies: {self:?}");
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use guideway_lab::capture::{Frame, Header};

    use super::*;

    fn header(source: &str, destination: &str) -> Header {
        Header {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: 6,
            ports: Some((1, 80)),
            tcp_flags: Some(0),
        }
    }

    fn seen(leg: &str, direction: Direction, outer: Header, inner: Option<Header>) -> Sighting {
        Sighting { at: Duration::ZERO, leg: leg.to_owned(), direction, frame: Frame { outer, inner } }
    }

    #[test]
    fn direct_server_return_is_told_from_a_detour() {
        let (client, vip) = ("10.1.9.2", "203.0.113.10");
        let (request, reply) = (header(client, vip), header(vip, client));
        let outer = header("172.16.0.1", "10.1.11.2");
        let mut packets = vec![
            seen("cl0", Direction::In, request, None),
            seen("fw1", Direction::Out, request, None),
            seen("fw1", Direction::In, outer, Some(request)),
            seen("be1", Direction::Out, outer, Some(request)),
            seen("be1", Direction::In, reply, None),
            seen("cl0", Direction::Out, reply, None),
        ];
        let vip: IpAddr = vip.parse().unwrap();
        ReturnPath::of(&packets, vip).expect_direct_server_return().unwrap();
        ReturnPath::of(&[], vip).expect_direct_server_return().unwrap_err();

        packets.push(seen("fw2", Direction::Out, reply, None));
        let error = ReturnPath::of(&packets, vip).expect_direct_server_return().unwrap_err();
        assert!(error.to_string().contains("crossed a forwarder"));
    }

    #[test]
    fn a_fair_spread_is_told_from_an_unfair_one() {
        let report = |counts: [u64; 3]| FlowReport {
            assignments: (0..1000).map(|port| (port, String::new())).collect(),
            flows_by_backend: ["be1", "be2", "be3"].map(str::to_owned).into_iter().zip(counts).collect(),
            ..FlowReport::default()
        };
        expect_fair_spread(&report([340, 330, 330]), 3).unwrap();
        expect_fair_spread(&report([500, 250, 250]), 3).unwrap_err();
        expect_fair_spread(&report([340, 330, 330]), 4).unwrap_err();
    }
}
