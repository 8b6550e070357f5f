//! Which timer fired, and what it does.

use guideway_bgp_wire::iana::error_code;
use guideway_bgp_wire::{Message, Notification};

use super::dial::Pace;
use super::{Mode, Phase, Step};
use crate::event::Action;

/// A timer that is due.
enum Due {
    Held,
    Dial,
    Decide(usize),
    Confirm(usize),
    Hold(usize),
    Keepalive(usize),
}

impl Step<'_> {
    pub(super) fn timeouts(&mut self) {
        while let Some(due) = self.due() {
            match due {
                Due::Held => {
                    self.session.mode = Mode::Running;
                    self.connect();
                }
                Due::Dial => self.dial_due(),
                Due::Decide(index) => self.decide(index),
                Due::Confirm(index) => self.commit(index),
                Due::Hold(index) => self.hold_expired(index),
                Due::Keepalive(index) => self.keepalive_due(index),
            }
            self.settle();
        }
    }

    fn due(&self) -> Option<Due> {
        let is_due = |at: &std::time::Instant| *at <= self.now;
        if let Mode::Held(until) = self.session.mode
            && is_due(&until)
        {
            return Some(Due::Held);
        }
        // A peer that is silent for too long gets no KEEPALIVE any more.
        for (index, link) in self.session.links.iter().enumerate() {
            if link.decide.as_ref().is_some_and(is_due) {
                return Some(Due::Decide(index));
            }
            if link.hold.as_ref().is_some_and(is_due) {
                return Some(Due::Hold(index));
            }
            if link.confirm.as_ref().is_some_and(is_due) {
                return Some(Due::Confirm(index));
            }
            if link.keepalive.as_ref().is_some_and(is_due) {
                return Some(Due::Keepalive(index));
            }
        }
        self.session.dial.deadline().as_ref().is_some_and(is_due).then_some(Due::Dial)
    }

    fn hold_expired(&mut self, index: usize) {
        let link = &self.session.links[index];
        let open_time = link.config.open_time.as_secs();
        let why = match &link.phase {
            Phase::Listening | Phase::OpenSent(_) => format!("the peer sent no OPEN for {open_time} s"),
            Phase::Parked(_) | Phase::OpenConfirm(..) => {
                "the peer did not confirm the OPEN in time".to_owned()
            }
            Phase::Established(agreed, _) => {
                let hold_time = agreed.negotiated.hold_time.as_secs();
                format!("the peer was silent for the hold time of {hold_time} s")
            }
        };
        self.fail(index, why, Notification::new(error_code::HOLD_TIMER, 0), Pace::Plain);
    }

    fn keepalive_due(&mut self, index: usize) {
        let (now, jitter) = (self.now, self.jitter);
        let link = &mut self.session.links[index];
        link.start_keepalive(now, jitter);
        let connection = link.id;
        self.act(Action::Send { connection, message: Message::Keepalive });
    }
}
