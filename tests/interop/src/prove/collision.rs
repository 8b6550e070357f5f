//! Both sides dial at once.

use std::fs;

use anyhow::{Context, Result, ensure};
use guideway_lab::netns::Netns;
use guideway_lab::wait;

use super::Case;
use crate::matrix::Feature;
use crate::{PATIENCE, Site};

/// How far both get before the packet filter of the speaker's namespace lets anything else through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collision {
    /// Both connections stand, and then both OPENs come through on both of them (RFC 4271 section 6.8).
    OfOpens,
    /// Both have sent a SYN.
    OfHandshakes,
}

impl Collision {
    /// Before anybody dials.
    pub(super) fn prepare(self, site: &Site) -> Result<()> {
        // A segment of a handshake has at most 60 octets, one with an OPEN at least 69.
        let more = match self {
            Self::OfOpens => "meta length > 60 ",
            Self::OfHandshakes => "",
        };
        let chain = |hook: &str, direction: &str| {
            format!(
                "  chain {hook} {{ type filter hook {hook} priority 0; policy accept; {direction} \"up0\" \
                 meta l4proto tcp {more}drop; }}\n"
            )
        };
        let text = format!(
            "table inet collision {{\n{}{}}}\n",
            chain("input", "iifname"),
            chain("output", "oifname")
        );
        let file = site.folder("filter")?.join("collision.nft");
        fs::write(&file, text)?;
        site.speakers[0].run("nft", &["-f", &file.to_string_lossy()]).map(drop)
    }

    /// Waits until both have got so far, and lets everything through.
    pub(super) fn happen(self, case: &Case) -> Result<()> {
        let (here, there) = (case.speaker.netns(), case.router.netns());
        let waited = wait::until_true(&format!("{self:?}"), PATIENCE, || match self {
            Self::OfOpens => {
                let connections = connections(here, "established")?;
                let incoming = connections.iter().any(|one| one.local.ends_with(":179") && one.unacked > 0);
                let outgoing = connections.iter().any(|one| one.remote.ends_with(":179") && one.unacked > 0);
                Ok(incoming && outgoing)
            }
            Self::OfHandshakes => {
                Ok(!connections(here, "syn-sent")?.is_empty() && !connections(there, "syn-sent")?.is_empty())
            }
        });
        waited.with_context(|| format!("there are {:?}", connections(here, "all")))?;
        here.run("nft", &["delete", "table", "inet", "collision"]).map(drop)
    }

    /// One session stands and stays; of colliding OPENs, on the connection of the side with the higher identifier.
    pub(super) fn check(self, case: &Case) -> Result<()> {
        let peer = case.peer()?;
        if self == Self::OfOpens {
            let wanted = if case.feature == Feature::CollisionOurs { "outgoing" } else { "incoming" };
            ensure!(peer.direction == wanted, "the {} connection stayed: {peer:#?}", peer.direction);
        }
        ensure!(peer.sessions == 1, "there was more than one session: {peer:#?}");
        let here = case.speaker.netns();
        let waited = wait::until_true("a single connection", PATIENCE, || {
            Ok(connections(here, "established")?.len() == 1)
        });
        waited.with_context(|| format!("there are {:?}", connections(here, "established")))?;
        wait::while_nothing_fails(Case::WATCH, || {
            ensure!(case.peer()?.sessions == 1, "the session did not stay: {:#?}", case.peer()?);
            Ok(())
        })
    }
}

/// A BGP connection.
#[derive(Debug)]
struct Connection {
    local: String,
    remote: String,
    /// What the other side has not acknowledged, in octets.
    unacked: u64,
}

/// The BGP connections in a state.
fn connections(netns: &Netns, state: &str) -> Result<Vec<Connection>> {
    // With one state the columns are Recv-Q, Send-Q and both addresses; with several the state comes first.
    let text = netns.run("ss", &["-Htn", "state", state])?;
    let connection = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let local = words.iter().position(|word| word.contains(':'))?;
        let unacked = words.get(local.checked_sub(1)?)?.parse().ok()?;
        Some(Connection { local: words[local].into(), remote: (*words.get(local + 1)?).into(), unacked })
    };
    let of_bgp = |one: &Connection| one.local.ends_with(":179") || one.remote.ends_with(":179");
    Ok(text.lines().filter_map(connection).filter(of_bgp).collect())
}
