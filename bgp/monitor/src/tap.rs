//! How sessions reach the monitor.

use guideway_bgp_fsm::{Cause, Stop};
use guideway_bgp_peer::{SessionView, Tap};
use guideway_bgp_wire::iana::cease;
use guideway_bgp_wire::{Context, Message, Notification};

use crate::bmp::DownReason;
use crate::monitor::Monitor;
use crate::view::{Direction, PeerNumber, View};

/// ManualStop (RFC 4271 section 8.1.2).
const MANUAL_STOP: u16 = 2;

impl Tap for Monitor {
    fn peer_up(&self, session: &SessionView) {
        self.up(View::from(session));
    }

    fn peer_down(&self, session: &SessionView, cause: &Cause) {
        self.down(number(session), &reason(cause));
    }

    fn received(&self, session: &SessionView, message: &[u8]) {
        self.message(number(session), Direction::Received, message);
    }

    fn sent(&self, session: &SessionView, message: &[u8]) {
        self.message(number(session), Direction::Sent, message);
    }
}

impl From<&SessionView> for View {
    fn from(session: &SessionView) -> Self {
        let negotiated = &session.negotiated;
        Self {
            peer: number(session),
            local: session.local,
            remote: session.remote,
            interface_index: session.interface.as_ref().map_or(0, |(_, index)| *index),
            local_as: session.config.session.local_as,
            peer_as: negotiated.peer_as,
            peer_router_id: negotiated.peer_router_id,
            context: negotiated.context,
            families: negotiated.families,
            open_sent: negotiated.open_sent.clone(),
            open_received: negotiated.open_received.clone(),
        }
    }
}

fn number(session: &SessionView) -> PeerNumber {
    PeerNumber(session.peer.0)
}

fn reason(cause: &Cause) -> DownReason {
    let bytes = |notification: &Notification| {
        Message::Notification(notification.clone()).encode(&Context::default()).ok()
    };
    let local = |notification: &Notification| {
        bytes(notification).map_or(DownReason::Local(0), DownReason::LocalNotification)
    };
    match cause {
        Cause::Received(notification) => {
            bytes(notification).map_or(DownReason::Remote, DownReason::RemoteNotification)
        }
        Cause::Sent { notification, .. } => local(notification),
        Cause::BfdDown => local(&Notification::cease(cease::BFD_DOWN)),
        Cause::Stopped(Stop::Deconfigured) => DownReason::Deconfigured,
        Cause::Stopped(stop) => match stop.notification() {
            Some(notification) => local(&notification),
            None => DownReason::Local(MANUAL_STOP),
        },
        // A new connection took its place.
        Cause::Replaced => DownReason::Local(0),
        Cause::ConnectFailed(_) | Cause::ConnectTimedOut | Cause::Closed(_) | Cause::ClosedBeforeOpen(_) => {
            DownReason::Remote
        }
    }
}
