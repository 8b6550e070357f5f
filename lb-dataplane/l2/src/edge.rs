//! The links of this node.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pnet::datalink::NetworkInterface;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{Counts, Link, LinkIndex, Owned, Responder};

mod groups;
mod socket;

use groups::Groups;
use socket::{Sender, open};

/// How often is looked for links that came, went, or have another MAC address.
const LOOK: Duration = Duration::from_millis(500);

/// Frames that may wait to be looked at; the kernel's buffers come before that.
const FRAMES: usize = 1024;

/// What [`serve`] is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of the interfaces that are there to answer by; they may come and go.
    pub links: BTreeSet<String>,
    /// What is answered for. While there is nothing, no socket is open.
    pub owned: Owned,
}

/// What [`serve`] does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What was done.
    pub counts: Counts,
    /// Links that are not served, by name, and why.
    pub problems: BTreeMap<String, Arc<LinkProblem>>,
}

/// Why a link is not served as it should be.
#[derive(Debug, thiserror::Error)]
pub enum LinkProblem {
    /// There is no such interface.
    #[error("there is no such interface")]
    Missing,
    /// It is down, or has no carrier.
    #[error("the interface is down or has no carrier")]
    Down,
    /// Without one there is nothing to answer with.
    #[error("the interface has no MAC address")]
    NoMac,
    /// No socket.
    #[error("no packet socket can be opened on the interface")]
    Socket(#[source] io::Error),
    /// Solicitations may not reach this node.
    #[error("a multicast group of neighbour discovery cannot be joined")]
    Group(#[source] io::Error),
    /// Frames cannot be sent.
    #[error("a frame cannot be sent")]
    Send(#[source] io::Error),
}

// Errors of the kernel are equal when they read the same.
impl PartialEq for LinkProblem {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl Eq for LinkProblem {}

/// A frame that came in.
type Frame = (LinkIndex, Vec<u8>);

/// Answers on links of this network namespace until `stop`, or until nobody wants anything any more. Needs `CAP_NET_RAW`;
/// what it cannot do stands in `status`, and is tried again.
pub async fn serve(
    mut wanted: watch::Receiver<Wanted>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
) {
    let (sender, mut frames) = mpsc::channel::<Frame>(FRAMES);
    let mut served = Served {
        names: BTreeSet::new(),
        sender,
        responder: Responder::new(),
        open: BTreeMap::new(),
        groups: Groups::default(),
        status,
        problems: BTreeMap::new(),
    };
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    wanted.mark_changed();
    loop {
        let timeout = served.responder.timeout().map(Instant::from_std);
        let due = async {
            match timeout {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = wanted.borrow_and_update().clone();
                served.want(now);
            }
            _ = look.tick() => served.look(),
            () = due => {}
            frame = frames.recv() => {
                // `served` holds a sender, so that there is always another one.
                if let Some((link, frame)) = frame {
                    served.responder.receive(link, &frame, Instant::now().into_std());
                }
            }
        }
        served.responder.handle_timeout(Instant::now().into_std());
        served.send();
        served.tell();
    }
}

struct Served {
    names: BTreeSet<String>,
    sender: mpsc::Sender<Frame>,
    responder: Responder,
    open: BTreeMap<LinkIndex, Open>,
    groups: Groups,
    status: watch::Sender<Status>,
    problems: BTreeMap<String, Arc<LinkProblem>>,
}

/// A link with its socket. When it is dropped, its reader ends.
struct Open {
    link: Link,
    socket: Sender,
}

impl Served {
    fn want(&mut self, wanted: Wanted) {
        let Wanted { links, owned } = wanted;
        self.names = if owned.is_empty() { BTreeSet::new() } else { links };
        self.responder.set(owned, Instant::now().into_std());
        // Not half a second later: packets wait for whoever takes over.
        self.look();
    }

    /// Opens and closes sockets as interfaces come and go.
    fn look(&mut self) {
        let found = if self.names.is_empty() { Vec::new() } else { pnet::datalink::interfaces() };
        let mut problems = BTreeMap::new();
        let mut present = BTreeMap::new();
        for name in &self.names {
            match found.iter().find(|interface| interface.name == *name).ok_or(LinkProblem::Missing) {
                Ok(interface) => match link(interface) {
                    Ok(link) => drop(present.insert(interface.index, (link, interface))),
                    Err(problem) => drop(problems.insert(name.clone(), Arc::new(problem))),
                },
                Err(problem) => drop(problems.insert(name.clone(), Arc::new(problem))),
            }
        }
        self.open.retain(|index, open| {
            present.get(index).is_some_and(|(link, _)| *link == open.link) && open.socket.is_alive()
        });
        for (index, (link, interface)) in present {
            if self.open.contains_key(&index) {
                continue;
            }
            match open(interface, self.sender.clone()) {
                Ok(socket) => {
                    tracing::info!(link = link.name, mac = %link.mac, "addresses of VIPs are answered for here");
                    self.open.insert(index, Open { link, socket });
                }
                Err(error) => drop(problems.insert(link.name, Arc::new(LinkProblem::Socket(error)))),
            }
        }
        self.problems = problems;
        let links = self.open.iter().map(|(index, open)| (*index, open.link.clone())).collect();
        self.responder.set_links(links, Instant::now().into_std());
        self.join();
    }

    /// Brings the multicast groups up to date.
    fn join(&mut self) {
        for (index, error) in self.groups.set(&self.responder.groups()) {
            if let Some(open) = self.open.get(&index) {
                self.problems.insert(open.link.name.clone(), Arc::new(LinkProblem::Group(error)));
            }
        }
    }

    fn send(&mut self) {
        while let Some(transmit) = self.responder.poll_transmit() {
            let Some(open) = self.open.get_mut(&transmit.link) else { continue };
            if let Err(error) = open.socket.send(&transmit.frame) {
                self.problems.insert(open.link.name.clone(), Arc::new(LinkProblem::Send(error)));
            }
        }
    }

    fn tell(&mut self) {
        while let Some(claimed) = self.responder.poll_claimed() {
            let link = self.open.get(&claimed.link).map(|open| open.link.name.as_str()).unwrap_or_default();
            tracing::warn!(
                link, address = %claimed.claim.address, mac = %claimed.claim.mac,
                "somebody else claims the address of a VIP that this forwarder owns; it is announced again"
            );
        }
        let status = Status { counts: self.responder.counts(), problems: self.problems.clone() };
        self.status.send_if_modified(|known| {
            let differs = *known != status;
            if differs {
                for (link, problem) in &status.problems {
                    if known.problems.get(link) != Some(problem) {
                        tracing::warn!(link, error = %problem, source = ?problem, "a link is not served");
                    }
                }
                *known = status;
            }
            differs
        });
    }
}

fn link(interface: &NetworkInterface) -> Result<Link, LinkProblem> {
    if !interface.is_up() || !interface.is_running() {
        return Err(LinkProblem::Down);
    }
    match interface.mac {
        Some(mac) if !mac.is_zero() => Ok(Link { name: interface.name.clone(), mac }),
        _ => Err(LinkProblem::NoMac),
    }
}
