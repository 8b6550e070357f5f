//! Two connections at once (RFC 4271 section 6.8).
//!
//! Both sides dial, and a packet filter lets only handshakes through until both connections stand. Then both OPENs come
//! through on both connections.

use std::fs;

use anyhow::{Context, Result, ensure};
use guideway_lab::addresses::UPLINK;
use guideway_lab::wait;

use super::Case;
use crate::matrix::Feature;
use crate::{PATIENCE, Site};

/// A segment of a handshake has at most 60 octets, one with an OPEN at least 69.
const FILTER: &str = "table inet collision {
  chain in { type filter hook input priority 0; policy accept; iifname \"up0\" meta l4proto tcp meta length > 60 drop; }
  chain out { type filter hook output priority 0; policy accept; oifname \"up0\" meta l4proto tcp meta length > 60 drop; }
}
";

pub(super) fn hold_opens_back(site: &Site) -> Result<()> {
    debug_assert_eq!(UPLINK, "up0");
    let file = site.folder("filter")?.join("collision.nft");
    fs::write(&file, FILTER)?;
    site.speakers[0].run("nft", &["-f", &file.to_string_lossy()]).map(drop)
}

pub(super) fn let_them_collide(case: &Case) -> Result<()> {
    let waited = wait::until_true("a connection in each direction", PATIENCE, || {
        let connections = connections(case)?;
        let incoming = connections.iter().any(|(local, _)| local.ends_with(":179"));
        let outgoing = connections.iter().any(|(_, remote)| remote.ends_with(":179"));
        Ok(incoming && outgoing)
    });
    waited.with_context(|| format!("there are {:?}", connections(case)))?;
    case.speaker.netns().run("nft", &["delete", "table", "inet", "collision"]).map(drop)
}

/// The connection of the side with the higher identifier is the one that stays, alone.
pub(super) fn check(case: &Case) -> Result<()> {
    let wanted = if case.feature == Feature::CollisionOurs { "outgoing" } else { "incoming" };
    let peer = case.peer()?;
    ensure!(peer.direction == wanted, "the {} connection stayed: {peer:#?}", peer.direction);
    ensure!(peer.sessions == 1, "there was more than one session: {peer:#?}");
    let waited = wait::until_true("a single connection", PATIENCE, || Ok(connections(case)?.len() == 1));
    waited.with_context(|| format!("there are {:?}", connections(case)))?;
    Ok(())
}

/// Own and remote address of each BGP connection of the speaker.
fn connections(case: &Case) -> Result<Vec<(String, String)>> {
    let text = case.speaker.netns().run("ss", &["-Htn", "state", "established"])?;
    let ends = |line: &str| {
        let mut words = line.split_whitespace().skip(2);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let of_bgp = |(local, remote): &(String, String)| local.ends_with(":179") || remote.ends_with(":179");
    Ok(text.lines().filter_map(ends).filter(of_bgp).collect())
}
