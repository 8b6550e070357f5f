//! Which of two connections is kept (RFC 4271 section 6.8, RFC 6286 section 2.3, RFC 4724 section 4.2).
//!
//! Both speakers come to the same answer when each keeps to two rules: our KEEPALIVE goes out on one connection only, and
//! once it has, no other connection has our OPEN. So whatever the peer prefers, it prefers before it has our KEEPALIVE, and
//! by the identifiers. It is what makes these differences from the letter of section 6.8:
//!
//! * The KEEPALIVE of a connection that would lose waits for the OPEN of the other one, for a second at most.
//! * A connection that comes in beside one that is ahead gets our OPEN only when the one ahead has failed. When it would
//!   win, the one ahead has a quarter of a second to be established.
//! * The KEEPALIVE of a connection that we dialled and that would win waits for that of the peer, for a second at most, and then
//!   for a moment (`CONFIRM_WAIT`, which says why). It does so alone, too, and where nobody may connect to us: the peer's
//!   connection may stand before we take it or refuse it. For the two rules our KEEPALIVE counts as sent meanwhile.

use guideway_bgp_wire::iana::cease;
use guideway_bgp_wire::{Message, Notification, Open};

use super::link::{Agreed, Keepalive};
use super::{COLLISION_WAIT, Mode, Phase, Step, TAKE_OVER_WAIT};
use crate::config::Config;
use crate::event::{Action, Cause, Side};
use crate::negotiate::{Negotiated, negotiate};
use crate::offer::offer;

/// The side whose connection is kept: that of the higher identifier, and of the higher AS when they are equal.
pub(super) fn prevailing(config: &Config, peer_as: u32, peer: std::net::Ipv4Addr) -> Side {
    if (config.router_id, config.local_as) > (peer, peer_as) { Side::Outgoing } else { Side::Incoming }
}

fn prevails(side: Side, config: &Config, negotiated: &Negotiated) -> bool {
    side == prevailing(config, negotiated.peer_as, negotiated.peer_router_id)
}

impl Step<'_> {
    /// A second connection of the same side: the peer gave the former one up.
    pub(super) fn drop_former_incoming(&mut self) {
        let former = |link: &super::Link| link.side == Side::Incoming && !link.is_committed();
        while let Some(index) = self.session.links.iter().position(former) {
            self.lose(index);
        }
    }

    /// An OPEN was accepted on a connection that has ours.
    pub(super) fn collide(&mut self, index: usize) {
        let link = &mut self.session.links[index];
        let Some(negotiated) = link.negotiated() else { return };
        let prevails = prevails(link.side, &link.config, negotiated);
        if prevails && link.side == Side::Outgoing {
            link.confirm = self.now.checked_add(COLLISION_WAIT);
        }
        let links = &self.session.links;
        let Some(other) = (0..links.len()).find(|other| *other != index) else { return };
        if prevails {
            self.lose(other);
        } else if matches!(links[other].phase, Phase::OpenSent(_)) {
            self.session.links[index].decide = self.now.checked_add(COLLISION_WAIT);
        } else {
            self.lose(index);
        }
    }

    /// An OPEN came on a connection that does not have ours, because another one is ahead.
    pub(super) fn challenge(&mut self, index: usize, open: Open, negotiated: &Negotiated) {
        let Some(leader) = self.session.leader() else { return self.accept(index, open) };
        let (link, ahead) = (&self.session.links[index], &self.session.links[leader]);
        match &ahead.phase {
            Phase::Established(agreed, since) => {
                // A peer that restarts does not do it within a second; a connection that it dialled before it accepted
                // ours can come in that late.
                let fresh = link.since.saturating_duration_since(*since) >= COLLISION_WAIT;
                if fresh && agreed.negotiated.graceful_restart.is_some() {
                    let connection = ahead.id;
                    self.act(Action::Disconnect { connection });
                    self.replaced(leader);
                    let index = if index > leader { index - 1 } else { index };
                    self.accept(index, open);
                } else {
                    self.lose(index);
                }
            }
            _ if ahead.side == link.side => {
                self.lose(leader);
                let index = if index > leader { index - 1 } else { index };
                self.accept(index, open);
            }
            _ if prevails(link.side, &link.config, negotiated) => {
                let link = &mut self.session.links[index];
                link.phase = Phase::Parked(open);
                link.decide = self.now.checked_add(TAKE_OVER_WAIT);
            }
            _ => self.lose(index),
        }
    }

    /// The time to wait for the other connection is over.
    pub(super) fn decide(&mut self, index: usize) {
        self.session.links[index].decide = None;
        let parked = matches!(self.session.links[index].phase, Phase::Parked(_));
        // The other one: it said no OPEN, or got no KEEPALIVE.
        let other = (0..self.session.links.len()).find(|other| *other != index);
        if let Some(other) = other
            && (!parked || !self.session.links[other].is_established())
        {
            self.lose(other);
        }
    }

    /// Sends our OPEN on a connection whose peer has sent its own.
    fn accept(&mut self, index: usize, received: Open) {
        let flags = self.flags();
        let link = &mut self.session.links[index];
        link.flags = flags;
        link.opened = Some(self.now);
        let sent = offer(&link.config, flags);
        match negotiate(&link.config, &sent, &received) {
            Err(refusal) => self.refuse(index, &refusal),
            Ok(negotiated) => {
                let connection = link.id;
                self.act(Action::Send { connection, message: Message::Open(sent) });
                self.agree(index, Agreed { received, negotiated });
            }
        }
    }

    /// After each event: what waited for another connection goes on when that one is gone.
    pub(super) fn settle(&mut self) {
        if self.session.mode == Mode::Running && self.session.leader().is_none() {
            self.go_on();
        }
        self.settle_dial();
    }

    fn go_on(&mut self) {
        let heard = |link: &super::Link| matches!(link.phase, Phase::OpenConfirm(..));
        let rival = |link: &super::Link| matches!(link.phase, Phase::OpenSent(_));
        if let Some(index) = self.session.links.iter().position(heard) {
            if !self.session.links.iter().any(rival) {
                self.commit(index);
            }
            return;
        }
        let waits = |link: &super::Link| matches!(link.phase, Phase::Listening | Phase::Parked(_));
        if let Some(index) = self.session.links.iter().position(waits) {
            match std::mem::replace(&mut self.session.links[index].phase, Phase::Listening) {
                Phase::Parked(open) => {
                    self.session.links[index].decide = None;
                    self.accept(index, open);
                    self.go_on();
                }
                _ => self.send_open(index),
            }
        }
    }

    /// Our KEEPALIVE goes out: from now on this is the connection.
    pub(super) fn commit(&mut self, index: usize) {
        let (now, jitter) = (self.now, self.jitter);
        let link = &mut self.session.links[index];
        (link.decide, link.confirm) = (None, None);
        let Phase::OpenConfirm(_, keepalive) = &mut link.phase else { return };
        let before = std::mem::replace(keepalive, Keepalive::Sent);
        link.start_keepalive(now, jitter);
        let connection = link.id;
        self.act(Action::Send { connection, message: Message::Keepalive });
        if before == Keepalive::Awaited {
            self.establish(index);
        }
    }

    /// The peer's KEEPALIVE accepts our OPEN.
    pub(super) fn establish(&mut self, index: usize) {
        let id = self.session.links[index].id;
        while let Some(other) = self.session.links.iter().position(|link| link.id != id) {
            self.lose(other);
        }
        let Some(link) = self.session.links.pop() else { return };
        let now = self.now;
        match link.phase {
            Phase::OpenConfirm(agreed, _) => {
                let negotiated = Box::new(agreed.negotiated.clone());
                let mut link = super::Link { phase: Phase::Established(agreed, now), ..link };
                link.restart_hold(now);
                if let Some(opened) = link.opened {
                    self.session.missed.met(now.saturating_duration_since(opened));
                }
                self.session.links.push(link);
                // RFC 4724 section 4.1: the R bit is for the sessions after the restart, and this was one.
                self.session.restart.restarting = false;
                self.act(Action::Up { connection: id, negotiated });
            }
            phase => self.session.links.push(super::Link { phase, ..link }),
        }
    }

    /// Closes the connection that is not kept.
    fn lose(&mut self, index: usize) {
        let connection = self.session.links.remove(index).id;
        let message = Message::Notification(Notification::cease(cease::COLLISION));
        self.act(Action::Send { connection, message });
        self.act(Action::Disconnect { connection });
    }

    fn replaced(&mut self, index: usize) {
        let loss = self.session.links[index].loss_of_silence();
        self.finish(index, Cause::Replaced, loss, super::dial::Pace::Plain);
    }
}
