//! What each phase of a connection does with each message.

use guideway_bgp_wire::iana::{error_code, fsm_error, message_type};
use guideway_bgp_wire::{Message, Notification, Open, RefreshKind, RouteRefresh};

use super::dial::Pace;
use super::link::{Agreed, Keepalive, Phase};
use super::{CONFIRM_WAIT, State, Step};
use crate::event::Action;
use crate::negotiate::{Negotiated, Refresh, negotiate};
use crate::offer::offer;
use crate::refusal::Refusal;

impl Step<'_> {
    pub(super) fn received(&mut self, index: usize, message: Message) {
        let now = self.now;
        let link = &mut self.session.links[index];
        match (&mut link.phase, message) {
            (_, Message::Notification(notification)) => self.notified(index, notification),
            (Phase::Listening | Phase::OpenSent(_), Message::Open(open)) => self.opened(index, open),
            // RFC 4271 section 8.2.2: in OpenConfirm an OPEN only asks for the detection of collisions, and a connection does
            // not collide with itself. OpenBGPD says its OPEN twice when a connection of its own failed just before.
            (Phase::OpenConfirm(agreed, _), Message::Open(open)) if agreed.received == open => (),
            (Phase::Parked(parked), Message::Open(open)) if *parked == open => (),
            (Phase::OpenConfirm(_, Keepalive::Sent), Message::Keepalive) => self.establish(index),
            (Phase::OpenConfirm(_, keepalive), Message::Keepalive) => {
                *keepalive = Keepalive::Awaited;
                let soon = now.checked_add(CONFIRM_WAIT);
                link.confirm = link.confirm.zip(soon).map(|(late, soon)| late.min(soon));
            }
            (Phase::Established(..), Message::Keepalive) => link.restart_hold(now),
            (Phase::Established(..), message @ Message::Update(_)) => {
                link.restart_hold(now);
                self.act(Action::Deliver(message));
            }
            (Phase::Established(agreed, _), Message::RouteRefresh(refresh)) => {
                if is_for_us(&agreed.negotiated, &refresh) {
                    self.act(Action::Deliver(Message::RouteRefresh(refresh)));
                }
            }
            (_, message) => self.unexpected(index, &message),
        }
    }

    fn opened(&mut self, index: usize, received: Open) {
        let link = &self.session.links[index];
        let Phase::OpenSent(sent) = &link.phase else {
            // Nothing is agreed on before our OPEN is sent; this tells whether the peer has a chance.
            return match negotiate(&link.config, &offer(&link.config, self.flags()), &received) {
                Err(refusal) => self.refuse(index, &refusal),
                Ok(negotiated) => self.challenge(index, received, &negotiated),
            };
        };
        match negotiate(&link.config, sent, &received) {
            Err(refusal) => self.refuse(index, &refusal),
            Ok(negotiated) => {
                self.agree(index, Agreed { received, negotiated });
                self.collide(index);
            }
        }
    }

    pub(super) fn refuse(&mut self, index: usize, refusal: &Refusal) {
        self.fail(index, refusal.to_string(), refusal.notification(), Pace::BackOff);
    }

    fn unexpected(&mut self, index: usize, message: &Message) {
        let (state, subcode) = match self.session.links[index].phase {
            Phase::Listening | Phase::OpenSent(_) => (State::OpenSent, fsm_error::OPEN_SENT),
            Phase::Parked(_) | Phase::OpenConfirm(..) => (State::OpenConfirm, fsm_error::OPEN_CONFIRM),
            Phase::Established(..) => (State::Established, fsm_error::ESTABLISHED),
        };
        let kind = match message {
            Message::Open(_) => message_type::OPEN,
            Message::Update(_) => message_type::UPDATE,
            Message::Notification(_) => message_type::NOTIFICATION,
            Message::Keepalive => message_type::KEEPALIVE,
            Message::RouteRefresh(_) => message_type::ROUTE_REFRESH,
        };
        // RFC 6608 section 4: the data is the type of the message.
        let notification = Notification { data: vec![kind], ..Notification::new(error_code::FSM, subcode) };
        self.fail(index, format!("{} came in state {state}", message.name()), notification, Pace::BackOff);
    }
}

/// RFC 2918 section 4: a family that was not agreed on is ignored; RFC 7313 section 5: so is an unknown kind, and a marker
/// of somebody who did not say that it sends them.
fn is_for_us(negotiated: &Negotiated, refresh: &RouteRefresh) -> bool {
    let agreed = refresh.family().is_some_and(|family| negotiated.families.contains(family));
    agreed
        && match refresh.kind {
            RefreshKind::Request => true,
            RefreshKind::BeginOfRefresh | RefreshKind::EndOfRefresh => {
                negotiated.refresh == Refresh::Enhanced
            }
            RefreshKind::Other(_) => false,
        }
}
