//! What each state does with each event (RFC 4271 section 8.2.2).

use std::net::IpAddr;

use guideway_bgp_wire::iana::{error_code, fsm_error};
use guideway_bgp_wire::{Approach, DecodeError, Message, Notification, Open};

use super::{OPEN_HOLD_TIME, State, Step};
use crate::event::{Action, Cause, Event};
use crate::negotiate::{Refusal, negotiate};
use crate::timer::Timer;

impl Step<'_> {
    pub(super) fn timeouts(&mut self) {
        while let Some(timer) = self.session.timers.expire(self.now) {
            self.timer(timer);
        }
    }

    fn timer(&mut self, timer: Timer) {
        match (self.session.state, timer) {
            (State::Idle, Timer::IdleHold) | (State::Active, Timer::ConnectRetry) => self.connect(),
            (State::Connect, Timer::ConnectRetry) => {
                self.act(Action::Disconnect);
                self.act(Action::Down(Cause::ConnectTimedOut));
                self.connect();
            }
            (State::OpenSent | State::OpenConfirm | State::Established, Timer::Hold) => {
                let notification = Notification::new(error_code::HOLD_TIMER, 0);
                self.fail_with("the peer was silent for the hold time".to_owned(), notification);
            }
            (State::OpenConfirm | State::Established, Timer::Keepalive) => {
                self.act(Action::Send(Message::Keepalive));
                self.set(Timer::Keepalive, self.session.keepalive);
            }
            // Timers are cleared when the state that needs them is left.
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        match (self.session.state, event) {
            (_, Event::Stop(stop)) => self.stop(stop),
            (_, Event::Timeout) => self.timeouts(),
            (State::Idle, Event::Start) => self.connect(),
            // A connection that nobody waits for.
            (State::Idle, Event::Connected { .. }) => self.act(Action::Disconnect),
            (State::Idle, _) | (_, Event::Start) => {}

            (State::Connect | State::Active, Event::Connected { local }) => self.connected(local),
            (State::Connect, Event::ConnectFailed(why)) => self.retry_later(Cause::ConnectFailed(why)),
            (State::Connect, Event::Closed(why)) => self.retry_later(Cause::Closed(why)),
            (State::Connect, Event::Received(_) | Event::Malformed(_)) => {
                self.act(Action::Disconnect);
                self.fail(Cause::Unexpected);
            }
            (State::Active, _) => {}

            // A second connection or a late failure of an earlier one changes nothing.
            (_, Event::Connected { .. } | Event::ConnectFailed(_)) => {}
            (State::OpenSent, Event::Closed(why)) => self.retry_later(Cause::ClosedBeforeOpen(why)),
            (_, Event::Closed(why)) => self.fail(Cause::Closed(why)),
            (_, Event::Received(Message::Notification(notification))) => {
                self.act(Action::Disconnect);
                self.fail(Cause::Received(notification));
            }
            (state, Event::Malformed(error)) => self.malformed(state, &error),
            (State::OpenSent, Event::Received(Message::Open(open))) => self.opened(&open),
            (State::OpenConfirm, Event::Received(Message::Keepalive)) => self.establish(),
            (State::Established, Event::Received(message)) => self.received(&message),
            (state, Event::Received(message)) => self.unexpected(state, &message),
        }
    }

    fn connected(&mut self, local: IpAddr) {
        self.session.timers.clear();
        self.session.local = Some(local);
        self.session.state = State::OpenSent;
        self.set(Timer::Hold, OPEN_HOLD_TIME);
        self.act(Action::Send(Message::Open(self.session.config.open(local))));
    }

    fn opened(&mut self, open: &Open) {
        let Some(local) = self.session.local else { return };
        match negotiate(&self.session.config, local, open) {
            Err(Refusal { why, notification }) => self.fail_with(why, notification),
            Ok(negotiated) => {
                self.session.state = State::OpenConfirm;
                let hold_time = negotiated.hold_time;
                self.session.keepalive = self.jitter.apply(negotiated.keepalive_interval);
                self.session.negotiated = Some(negotiated);
                self.act(Action::Send(Message::Keepalive));
                self.set(Timer::Keepalive, self.session.keepalive);
                // Without a hold time the timer of OpenSent goes on: a peer that never says KEEPALIVE is not waited for
                // for ever.
                if !hold_time.is_zero() {
                    self.restart_hold();
                }
            }
        }
    }

    fn received(&mut self, message: &Message) {
        match message {
            // Routes of the peer are not imported (RFC 8212); that they were well-formed is all that matters.
            Message::Keepalive | Message::Update(_) => self.restart_hold(),
            Message::RouteRefresh(refresh) => {
                // RFC 7313: other subtypes belong to a capability that was not offered; they are ignored.
                if let (0, Some(family)) = (refresh.subtype, refresh.family()) {
                    self.session.rib.refresh(family);
                }
            }
            Message::Open(_) | Message::Notification(_) => self.unexpected(State::Established, message),
        }
    }

    fn malformed(&mut self, state: State, error: &DecodeError) {
        if state == State::Established && error.approach() == Approach::TreatAsWithdraw {
            self.session.malformed_updates = self.session.malformed_updates.saturating_add(1);
            self.restart_hold();
        } else {
            self.fail_with(error.to_string(), error.notification());
        }
    }

    fn unexpected(&mut self, state: State, message: &Message) {
        let subcode = match state {
            State::OpenSent => fsm_error::OPEN_SENT,
            State::OpenConfirm => fsm_error::OPEN_CONFIRM,
            _ => fsm_error::ESTABLISHED,
        };
        let why = format!("{} came in state {state}", message.name());
        self.fail_with(why, Notification::new(error_code::FSM, subcode));
    }
}
