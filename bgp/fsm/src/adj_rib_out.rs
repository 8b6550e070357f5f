//! What a peer was told, and what it still has to be told.

use std::collections::BTreeSet;

use guideway_bgp_wire::{Attributes, Context, EncodeError, Families, Family, Update, announce, withdraw};
use ipnet::IpNet;

/// The most prefixes that are looked at for one UPDATE: more /0 prefixes than fit into a message.
const CHUNK: usize = 4096;

/// Adj-RIB-Out of one peer (RFC 4271 section 3.2): a desired set of prefixes, an advertised set, and the difference as
/// UPDATE messages that are made one at a time, so that changes behind a slow peer collapse instead of queueing up.
#[derive(Debug, Default)]
pub struct AdjRibOut {
    desired: BTreeSet<IpNet>,
    advertised: BTreeSet<IpNet>,
    to_announce: BTreeSet<IpNet>,
    to_withdraw: BTreeSet<IpNet>,
    end_of_rib: Families,
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    context: Context,
    ipv4: Option<Attributes>,
    ipv6: Option<Attributes>,
}

impl Session {
    fn attributes(&self, family: Family) -> Option<&Attributes> {
        match family {
            Family::Ipv4 => self.ipv4.as_ref(),
            Family::Ipv6 => self.ipv6.as_ref(),
        }
    }
}

impl AdjRibOut {
    /// Nothing desired, no session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the set of prefixes that the peer shall have.
    pub fn set_desired(&mut self, prefixes: BTreeSet<IpNet>) {
        self.desired = prefixes;
        // What is on the way again because of a route refresh stays so.
        let again: Vec<_> = self.to_announce.intersection(&self.advertised).copied().collect();
        self.diff();
        self.to_announce.extend(again.into_iter().filter(|prefix| self.desired.contains(prefix)));
    }

    /// A session begins: the peer has nothing, everything desired is due, and after it the End-of-RIB markers. A family
    /// without attributes is not advertised.
    pub fn start(&mut self, context: Context, ipv4: Option<Attributes>, ipv6: Option<Attributes>) {
        let session = Session { context, ipv4, ipv6 };
        self.end_of_rib =
            Family::ALL.into_iter().filter(|family| session.attributes(*family).is_some()).collect();
        self.session = Some(session);
        self.advertised.clear();
        self.diff();
    }

    /// The session is over: the peer has forgotten everything.
    pub fn stop(&mut self) {
        self.session = None;
        self.end_of_rib = Families::NONE;
        self.advertised.clear();
        self.diff();
    }

    /// The peer wants the routes of `family` again (RFC 2918).
    pub fn refresh(&mut self, family: Family) {
        let again =
            self.advertised.intersection(&self.desired).filter(|prefix| Family::of_prefix(prefix) == family);
        self.to_announce.extend(again);
    }

    /// The prefixes that the peer was told.
    #[must_use]
    pub fn advertised(&self) -> &BTreeSet<IpNet> {
        &self.advertised
    }

    /// True when there is nothing to send.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.to_announce.is_empty() && self.to_withdraw.is_empty() && self.end_of_rib.is_empty()
    }

    /// The next UPDATE, which then counts as sent. Withdrawals come first: they name what does not work any more.
    ///
    /// # Errors
    ///
    /// When the path attributes fill the message, which those of a [`crate::Config`] never do.
    pub fn next_update(&mut self) -> Result<Option<Update>, EncodeError> {
        let Some(session) = &self.session else { return Ok(None) };
        if !self.to_withdraw.is_empty() {
            let chunk: Vec<IpNet> = self.to_withdraw.iter().take(CHUNK).copied().collect();
            let (update, count) = withdraw(&chunk, &session.context)?;
            for prefix in &chunk[..count] {
                self.to_withdraw.remove(prefix);
                self.advertised.remove(prefix);
            }
            return Ok(Some(update));
        }
        if let Some(first) = self.to_announce.first() {
            let family = Family::of_prefix(first);
            let chunk: Vec<IpNet> = self.to_announce.iter().take(CHUNK).copied().collect();
            let attributes = session.attributes(family).ok_or(EncodeError::NoNextHop(family))?;
            let (update, count) = announce(attributes, &chunk, &session.context)?;
            for prefix in &chunk[..count] {
                self.to_announce.remove(prefix);
                self.advertised.insert(*prefix);
            }
            return Ok(Some(update));
        }
        let family = self.end_of_rib.iter().next();
        self.end_of_rib = self.end_of_rib.iter().skip(1).collect();
        Ok(family.map(Update::end_of_rib))
    }

    fn diff(&mut self) {
        let Some(session) = &self.session else {
            self.to_announce.clear();
            self.to_withdraw.clear();
            return;
        };
        let wanted = |prefix: &&IpNet| session.attributes(Family::of_prefix(prefix)).is_some();
        self.to_announce = self.desired.difference(&self.advertised).filter(wanted).copied().collect();
        self.to_withdraw = self.advertised.difference(&self.desired).copied().collect();
    }
}

#[cfg(test)]
mod tests;
