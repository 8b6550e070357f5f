//! What crosses the ToR: one capture of all its legs, with interface, direction and the kernel's time of each packet.
//!
//! The capture is taken at the ToR because native XDP hides from captures on the node itself what the program takes:
//! encapsulated packets leave a forwarder and arrive at a backend without any socket there seeing them.

mod frame;
mod pcap;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::netns::Netns;
use crate::process::Process;
use crate::wait;

pub use frame::{Frame, Header};
pub use pcap::Direction;

/// One packet on one leg of the ToR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Time since the epoch, from the kernel.
    pub at: Duration,
    /// The ToR's interface: `cl0`, `fw1`, `be2`, ...
    pub leg: String,
    /// Seen from the ToR.
    pub direction: Direction,
    /// Its headers.
    pub frame: Frame,
}

/// Packets from and to the lab's VIPs, encapsulated or not, in tcpdump's language.
pub const VIP_PACKETS: &str = "net 203.0.113.0/24 or net 2001:db8:10::/48 or \
                               ip proto 4 or ip proto 41 or ip6 proto 4 or ip6 proto 41";

/// How long nothing must have come in before a capture is over: packets may still be under way when a load has ended.
const QUIET: Duration = Duration::from_millis(300);

/// A capture that runs.
#[derive(Debug)]
pub struct Capture {
    process: Process,
    file: PathBuf,
    names: Vec<(u32, String)>,
}

impl Capture {
    /// Captures every leg of the ToR from now on, what matches `filter` (tcpdump's language).
    ///
    /// # Errors
    /// When tcpdump does not come up.
    pub fn start(tor: &Netns, folder: &std::path::Path, name: &str, filter: &str) -> Result<Self> {
        let file = folder.join(format!("{name}.pcap"));
        let mut tcpdump = tor.command("tcpdump");
        // -Z root: tcpdump would otherwise give its file to a user that cannot write in our folder.
        tcpdump.args([
            "-i",
            "any",
            "-y",
            "LINUX_SLL2",
            "-s",
            "192",
            "-B",
            "32768",
            "--immediate-mode",
            "-U",
            "-n",
            "-Z",
            "root",
            "-w",
        ]);
        tcpdump.arg(&file).args([filter]);
        let _ = std::fs::remove_file(folder.join(format!("{name}.log")));
        let mut process = Process::spawn(name, tcpdump, folder)?;
        process.wait_for_log("listening on", Duration::from_secs(10))?;
        Ok(Self { process, file, names: interfaces(tor)? })
    }

    /// Ends the capture and returns what it saw, in the order of time.
    ///
    /// # Errors
    /// When tcpdump lost packets or its file cannot be read: a proof by capture needs all of them.
    pub fn stop(mut self) -> Result<Vec<Sighting>> {
        let mut last = (None, Instant::now());
        wait::until_true("the end of the captured traffic", Duration::from_secs(20), || {
            self.process.signal(Signal::SIGUSR1)?;
            let captured = captured(&self.process.log_text());
            if captured != last.0 {
                last = (captured, Instant::now());
            }
            Ok(captured.is_some() && last.1.elapsed() >= QUIET)
        })?;
        self.process.signal(Signal::SIGINT)?;
        self.process.wait(Duration::from_secs(10))?;
        let log = self.process.log_text();
        let lost =
            log.lines().rev().find(|line| line.contains("dropped by kernel")).unwrap_or_default().trim();
        anyhow::ensure!(lost.starts_with("0 "), "the capture is not complete: {lost}");
        let bytes = std::fs::read(&self.file).context("cannot read the capture")?;
        let packets = pcap::packets(&bytes)?;
        // tcpdump goes on counting when the disk is full.
        let counted = last.0.unwrap_or_default();
        anyhow::ensure!(
            packets.len() as u64 >= counted,
            "tcpdump captured {counted} packets, and its file has {}: is the disk full?",
            packets.len()
        );
        let mut sightings = Vec::new();
        for packet in packets {
            let Some(frame) = Frame::parse(packet.bytes) else { continue };
            let leg = self.names.iter().find(|(index, _)| *index == packet.interface);
            let leg = leg.map_or_else(|| format!("if{}", packet.interface), |(_, name)| name.clone());
            sightings.push(Sighting { at: packet.at, leg, direction: packet.direction, frame });
        }
        sightings.sort_by_key(|sighting| sighting.at);
        Ok(sightings)
    }
}

/// The packets that tcpdump has written by its last report (`17 packets captured, 19 packets received by filter, 0 packets
/// dropped by kernel`, written at each SIGUSR1). What it has "received" may be more: packets that came in before it was
/// ready are counted there, and left out.
fn captured(log: &str) -> Option<u64> {
    let report = log.lines().rev().find(|line| line.contains("received by filter") && line.contains(','))?;
    report.split(',').next()?.split_whitespace().find_map(|word| word.parse().ok())
}

fn interfaces(netns: &Netns) -> Result<Vec<(u32, String)>> {
    let links: Vec<serde_json::Value> = serde_json::from_str(&netns.ip("-j link show")?)?;
    Ok(links
        .iter()
        .filter_map(|link| {
            let index = u32::try_from(link["ifindex"].as_u64()?).ok()?;
            Some((index, link["ifname"].as_str()?.to_owned()))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::captured;

    #[test]
    fn the_last_report_of_tcpdump_counts() {
        let early =
            "tcpdump: 0 packets captured, 17 packets received by filter, 0 packets dropped by kernel\n";
        let late =
            "tcpdump: 15 packets captured, 17 packets received by filter, 0 packets dropped by kernel\n";
        assert_eq!(captured(""), None);
        assert_eq!(captured(early), Some(0));
        assert_eq!(captured(&[early, late].concat()), Some(15));
    }
}
