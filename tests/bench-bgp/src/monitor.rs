//! When the kernel of the router has a route.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guideway_lab::netns::Netns;

/// What happened to a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Deleted,
}

struct Event {
    at: Instant,
    change: Change,
    address: String,
}

/// Follows the routes of a namespace. Ended when it is dropped.
pub(crate) struct Monitor {
    child: Child,
    events: Receiver<Event>,
}

impl Monitor {
    /// Starts to follow.
    pub(crate) fn start(netns: &Netns) -> Result<Self> {
        let mut command = netns.command("ip");
        command.args(["-o", "-rcvbuf", "67108864", "monitor", "route"]);
        let mut child = command.stdout(Stdio::piped()).spawn().context("ip monitor cannot be started")?;
        let output = child.stdout.take().context("ip monitor has no output")?;
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                let at = Instant::now();
                if let Some((change, address)) = event(&line)
                    && sender.send(Event { at, change, address: address.to_owned() }).is_err()
                {
                    return;
                }
            }
        });
        let monitor = Self { child, events };
        monitor.is_awake(netns)?;
        Ok(monitor)
    }

    /// Waits until a route that is made by hand is seen.
    fn is_awake(&self, netns: &Netns) -> Result<()> {
        const PROBE: &str = "192.0.2.1";
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            netns.ip(&format!("route add blackhole {PROBE}"))?;
            netns.ip(&format!("route del blackhole {PROBE}"))?;
            match self.events.recv_timeout(Duration::from_millis(100)) {
                Ok(_) => break,
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(_) => bail!("ip monitor shows nothing"),
            }
        }
        self.forget()
    }

    /// Forgets what has been seen, once nothing more comes.
    pub(crate) fn forget(&self) -> Result<()> {
        loop {
            match self.events.recv_timeout(Duration::from_millis(300)) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => bail!("ip monitor ended"),
            }
        }
    }

    /// When the last of these addresses changed like this.
    pub(crate) fn wait(&self, addresses: &[String], change: Change, limit: Duration) -> Result<Instant> {
        let mut missing: HashSet<&str> = addresses.iter().map(String::as_str).collect();
        let (end, mut last) = (Instant::now() + limit, Instant::now());
        while !missing.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                bail!("{} of {} routes were not {change:?} within {limit:?}", missing.len(), addresses.len());
            };
            if event.change == change && missing.remove(event.address.as_str()) {
                last = event.at;
            }
        }
        Ok(last)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `ADDRESS via ...` or `Deleted ADDRESS via ...`; the kind of a route may stand before the address.
fn event(line: &str) -> Option<(Change, &str)> {
    let (change, rest) = match line.strip_prefix("Deleted ") {
        Some(rest) => (Change::Deleted, rest),
        None => (Change::Added, line),
    };
    let address = rest.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some((change, address.strip_suffix("/32").unwrap_or(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, expected) in [
            ("198.18.0.1 via 10.1.1.2 dev fw1 proto bird metric 32 ", Some((Change::Added, "198.18.0.1"))),
            ("Deleted 198.18.0.1 via 10.1.1.2 dev fw1 ", Some((Change::Deleted, "198.18.0.1"))),
            ("blackhole 192.0.2.1 ", Some((Change::Added, "192.0.2.1"))),
            ("", None),
        ] {
            assert_eq!(event(line), expected, "{line}");
        }
    }
}
