//! What is known of each session.

use std::net::IpAddr;
use std::sync::Arc;

use guideway_bgp_peer::SessionView;
use guideway_bgp_rib::loc;

use super::export::ClassKey;
use crate::config::SpeakerConfig;

/// A peer that has, or had, a session.
#[derive(Debug, Clone)]
pub enum Seat {
    /// It announces.
    Speaker(SpeakerSeat),
    /// It is told.
    Router(RouterSeat),
}

/// A speaker.
#[derive(Debug, Clone)]
pub struct SpeakerSeat {
    /// Its BGP identifier in its last session.
    pub id: loc::SpeakerId,
    /// Its name in the configuration.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Why it is not let in, if so.
    pub refused: Option<String>,
    /// The session stands.
    pub connected: bool,
    /// It is in another AS.
    pub external: bool,
    /// How many prefixes of a family it may announce.
    pub limit: usize,
    /// From so many percent of them on the status says so.
    pub warn_percent: u8,
}

/// A router.
#[derive(Debug, Clone)]
pub struct RouterSeat {
    /// Its name in the configuration.
    pub name: String,
    /// Its last session.
    pub session: Arc<SessionView>,
    /// What it is told by.
    pub keys: Vec<ClassKey>,
    /// The session stands.
    pub connected: bool,
}

impl Seat {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Speaker(speaker) => &speaker.name,
            Self::Router(router) => &router.name,
        }
    }

    pub(super) fn address(&self) -> IpAddr {
        match self {
            Self::Speaker(speaker) => speaker.address,
            Self::Router(router) => router.session.remote.ip(),
        }
    }
}

/// The session with a speaker in the words of the Loc-RIB.
pub(super) fn loc_session(view: &SessionView, speaker: &SpeakerConfig, client: bool) -> loc::Session {
    let agreed = &view.negotiated;
    let kind = source_kind(agreed.external, client);
    let graceful = agreed.graceful_restart.as_ref().map(|restart| loc::GracefulSession {
        restart_time: restart.restart_time,
        families: restart.families,
        forwarding: restart.forwarding,
    });
    let long_lived = agreed.long_lived.iter().map(|family| loc::LongLivedFamily {
        family: family.family,
        forwarding: family.forwarding,
        stale_time: family.stale_time,
    });
    loc::Session {
        address: view.remote.ip(),
        local: view.local.ip(),
        kind,
        peer_as: agreed.peer_as,
        peer_role: agreed.peer_role,
        families: agreed.families,
        graceful,
        long_lived: long_lived.collect(),
        allowed: speaker.allowed.clone(),
        limit: speaker.limit,
    }
}

pub(super) fn source_kind(external: bool, client: bool) -> loc::SourceKind {
    match (external, client) {
        (true, _) => loc::SourceKind::External,
        (false, true) => loc::SourceKind::Client,
        (false, false) => loc::SourceKind::NonClient,
    }
}
