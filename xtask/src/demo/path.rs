//! The path of one request, as captured on every leg of the ToR.

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::capture::{Capture, Direction, Frame, Sighting, VIP_PACKETS};
use guideway_lab::lab::http;
use serde::Serialize;

use super::screen::Screen;

const SOURCE_PORT: u16 = 45_000;
/// The port of GUE.
const GUE: u16 = 6080;

/// The packets of one request.
#[derive(Debug, Serialize)]
pub(super) struct Path {
    source_port: u16,
    backend: String,
    hops: Vec<Hop>,
    /// Packets of the request, each counted on every leg that it crossed.
    sightings: usize,
    /// Packets from the VIP on a forwarder's leg: none with direct server return.
    replies_at_forwarders: usize,
}

/// One crossing of a leg.
#[derive(Debug, Serialize)]
struct Hop {
    microseconds: u64,
    packet: String,
    from: String,
    to: String,
    headers: String,
}

pub(super) fn show(screen: &mut Screen, lab: &Lab) -> Result<Path> {
    screen.chapter(
        "The path of one request, from a capture of all legs of the ToR (source > destination [inner header])",
    );
    let filter = format!("{VIP_PACKETS} or udp port {GUE}");
    let folder = lab.folder().node("tor")?;
    let capture = Capture::start(lab.tor.netns(), &folder, "path", &filter)?;
    let backend = lab.client.request(http(vip::V4), SOURCE_PORT)?;
    let seen: Vec<Sighting> = capture
        .stop()?
        .into_iter()
        .filter(|s| {
            let ports = s.frame.flow().ports;
            is_gue(&s.frame) || ports.is_some_and(|(a, b)| a == SOURCE_PORT || b == SOURCE_PORT)
        })
        .collect();
    let replies_at_forwarders =
        seen.iter().filter(|s| s.leg.starts_with("fw") && s.frame.flow().source == vip::V4).count();
    let path = Path {
        source_port: SOURCE_PORT,
        backend,
        hops: hops(&seen),
        sightings: seen.len(),
        replies_at_forwarders,
    };
    for hop in &path.hops {
        let Hop { microseconds, packet, from, to, headers } = hop;
        screen.say(format!("+{microseconds:>4} us  {packet:<8}{from:>6} -> {to:<6}  {headers}"));
    }
    screen.say(format!(
        "answered by {}; of {} sightings of this request's packets, replies on a forwarder's leg: {}",
        path.backend, path.sightings, path.replies_at_forwarders
    ));
    Ok(path)
}

/// Whether a packet travels by GUE and the capture does not tell what is in it. This request's is the only one in the lab.
fn is_gue(frame: &Frame) -> bool {
    frame.inner.is_none() && frame.outer.ports.is_some_and(|(_, destination)| destination == GUE)
}

/// The first packet and the answer to it, leg by leg.
fn hops(seen: &[Sighting]) -> Vec<Hop> {
    let answer = seen.iter().find(|sighting| sighting.frame.flow().is_syn_ack()).map(|sighting| sighting.at);
    let start = seen.first().map(|sighting| sighting.at).unwrap_or_default();
    seen.iter()
        .filter_map(|sighting| {
            let flow = sighting.frame.flow();
            let packet = match (flow.is_syn(), flow.is_syn_ack()) {
                (true, _) => "SYN",
                (_, true) => "SYN-ACK",
                // What was under way before the answer was the SYN.
                _ if is_gue(&sighting.frame) && answer.is_none_or(|answer| sighting.at < answer) => "SYN",
                _ => return None,
            };
            let node = if sighting.leg == "cl0" { "client" } else { &sighting.leg };
            let (from, to) = match sighting.direction {
                Direction::In => (node, "ToR"),
                Direction::Out => ("ToR", node),
            };
            Some(Hop {
                microseconds: u64::try_from(sighting.at.saturating_sub(start).as_micros())
                    .unwrap_or(u64::MAX),
                packet: packet.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                headers: if is_gue(&sighting.frame) {
                    format!("{} [GUE]", sighting.frame)
                } else {
                    sighting.frame.to_string()
                },
            })
        })
        .collect()
}

impl Path {
    /// What did not come out as it should.
    pub(super) fn unexpected(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.replies_at_forwarders > 0 {
            found.push(format!("path: {} replies crossed a forwarder", self.replies_at_forwarders));
        }
        if self.hops.len() != 6 {
            found.push(format!("path: {} crossings of legs instead of 6", self.hops.len()));
        }
        found
    }
}
