//! How connections and sessions end, and what becomes of the peer's routes.

use guideway_bgp_wire::iana::cease;
use guideway_bgp_wire::{Message, Notification};

use super::dial::{Dial, Pace};
use super::{Answer, Link, Mode, Phase, Step};
use crate::backoff::CEILING;
use crate::event::{Action, Cause, Loss, Stop};
use crate::negotiate::PeerRestart;

impl Link {
    fn loss_if(&self, keeps: impl FnOnce(&PeerRestart) -> bool) -> Loss {
        let restart = self.negotiated().and_then(|negotiated| negotiated.graceful_restart.as_ref());
        match restart {
            Some(restart) if !restart.families.is_empty() && keeps(restart) => Loss::Graceful,
            _ => Loss::Hard,
        }
    }

    /// The connection ended without a NOTIFICATION (RFC 4724 section 4.2).
    pub(super) fn loss_of_silence(&self) -> Loss {
        self.loss_if(|_| true)
    }

    /// One side sent this NOTIFICATION (RFC 8538 section 4).
    fn loss_of(&self, notification: &Notification) -> Loss {
        self.loss_if(|restart| restart.notification && !notification.is_hard())
    }

    /// A NOTIFICATION that the peer shall not keep routes over: a Hard Reset when it would (RFC 8538 section 3).
    fn hard(&self, notification: Notification) -> Notification {
        let restart = self.negotiated().and_then(|negotiated| negotiated.graceful_restart.as_ref());
        match restart {
            Some(restart) if restart.notification && self.is_established() => {
                Notification::hard_reset(&notification)
            }
            _ => notification,
        }
    }
}

impl Step<'_> {
    /// The connection broke.
    pub(super) fn closed(&mut self, index: usize, why: String) {
        let link = &self.session.links[index];
        let loss = link.loss_of_silence();
        let cause = if link.is_unheard() { Cause::ClosedBeforeOpen(why) } else { Cause::Closed(why) };
        self.finish(index, cause, loss, Pace::BackOff);
    }

    /// The peer ends it with a NOTIFICATION.
    pub(super) fn notified(&mut self, index: usize, notification: Notification) {
        let link = &self.session.links[index];
        let (connection, loss) = (link.id, link.loss_of(&notification));
        self.act(Action::Disconnect { connection });
        self.finish(index, Cause::Received(notification), loss, Pace::BackOff);
    }

    /// This side ends it with a NOTIFICATION.
    pub(super) fn fail(&mut self, index: usize, why: String, notification: Notification, pace: Pace) {
        let loss = self.session.links[index].loss_of(&notification);
        self.tell(index, notification.clone());
        self.finish(index, Cause::Sent { why, notification }, loss, pace);
    }

    fn tell(&mut self, index: usize, notification: Notification) {
        let connection = self.session.links[index].id;
        self.act(Action::Send { connection, message: Message::Notification(notification) });
        self.act(Action::Disconnect { connection });
    }

    /// Takes a connection out that is closed, or told to be, and says what was lost with it.
    pub(super) fn finish(&mut self, index: usize, cause: Cause, loss: Loss, pace: Pace) {
        let link = self.session.links.remove(index);
        if let Phase::Established(_, since) = link.phase {
            // A session that lasted was a success; one that flaps goes on backing off.
            let lasted = self.now.saturating_duration_since(since) >= CEILING;
            if lasted {
                self.session.backoff.reset();
            }
            if lasted || pace == Pace::Plain {
                self.session.missed.lost(self.now);
            }
            self.act(Action::Down { cause, loss });
        } else {
            // The peer's way to resolve a collision is no failure.
            let resolved = match &cause {
                Cause::Closed(_) | Cause::ClosedBeforeOpen(_) => true,
                Cause::Received(notification) => *notification == Notification::cease(cease::COLLISION),
                _ => false,
            };
            if !resolved || self.session.links.is_empty() {
                self.act(Action::Failed(cause));
            }
        }
        self.redial(pace);
    }

    /// RFC 9384: the path is dead, and with it every connection; no routes are kept over a path that is dead (RFC 5882
    /// section 4.3).
    pub(super) fn bfd_down(&mut self) {
        while let Some(link) = self.session.links.first() {
            let notification = link.hard(Notification::cease(cease::BFD_DOWN));
            self.tell(0, notification);
            self.finish(0, Cause::BfdDown, Loss::Hard, Pace::Plain);
        }
    }

    pub(super) fn stop(&mut self, stop: Stop) {
        while let Some(link) = self.session.links.first() {
            let connection = link.id;
            let loss = match (&stop, stop.loss()) {
                (_, Loss::Hard) => Loss::Hard,
                (Stop::Silent, _) => link.loss_of_silence(),
                _ => link.loss_if(|restart| restart.notification),
            };
            match stop.notification() {
                None => self.act(Action::Disconnect { connection }),
                Some(notification) if stop.loss() == Loss::Hard => {
                    let notification = link.hard(notification);
                    self.tell(0, notification);
                }
                Some(notification) => self.tell(0, notification),
            }
            let link = self.session.links.remove(0);
            if link.is_established() {
                self.session.missed.lost(self.now);
                self.act(Action::Down { cause: Cause::Stopped(stop.clone()), loss });
            }
        }
        if let Dial::Attempt(_) = std::mem::replace(&mut self.session.dial, Dial::Rest) {
            self.act(Action::CancelConnect);
        }
        self.session.backoff.reset();
        self.rest(&stop);
    }

    /// What is wanted after a stop. One that comes back does not start a session that was stopped.
    fn rest(&mut self, stop: &Stop) {
        let mode = self.session.mode;
        self.session.mode = match (stop, mode) {
            (Stop::Shutdown(_) | Stop::Deconfigured, _) => Mode::Stopped(Answer::Cease),
            (Stop::Silent, _) => Mode::Stopped(Answer::Nothing),
            (_, Mode::Stopped(answer)) => Mode::Stopped(answer),
            (Stop::MaxPrefixes { restart, .. }, _) => {
                match restart.and_then(|time| self.now.checked_add(time)) {
                    Some(until) => Mode::Held(until),
                    None => Mode::Stopped(Answer::Cease),
                }
            }
            (Stop::OutOfResources, Mode::Running) => self.now.checked_add(CEILING).map_or(mode, Mode::Held),
            (Stop::Reset(_), _) => Mode::Running,
            (Stop::ConfigurationChange | Stop::OutOfResources, _) => mode,
        };
        self.redial(Pace::Plain);
    }
}
