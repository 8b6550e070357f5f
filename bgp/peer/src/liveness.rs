//! BFD for a peer (RFC 5882): which session is wanted, and what its changes mean.

use std::net::IpAddr;

use guideway_bfd_client::{self as bfd, BfdState, Client, Spec, auth};
use guideway_bgp_config::{BfdAuthentication, BfdAuthenticationKind, PeerConfig, Ttl};
use tokio::sync::watch;

use crate::interface;

/// The BFD session of a peer, if it is to have one.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    bound: Option<Bound>,
}

#[derive(Debug)]
struct Bound {
    spec: Spec,
    session: bfd::Session,
    status: watch::Receiver<bfd::Status>,
    /// The last state that said something.
    up: bool,
    downs: u64,
}

/// What a change of BFD means for BGP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The path died; it may stand again already.
    Down,
    /// The path works.
    Up,
    /// Nothing.
    Nothing,
}

impl Liveness {
    /// Wants a session as `config` says with `remote`, as soon as that is known.
    pub(crate) fn bind(
        &mut self,
        client: Option<&Client>,
        config: &PeerConfig,
        remote: Option<IpAddr>,
        link: Option<&str>,
    ) {
        let spec = remote.and_then(|remote| spec(config, remote, link));
        let (Some(client), Some(spec)) = (client, spec) else {
            self.bound = None;
            return;
        };
        match &mut self.bound {
            Some(bound) if bound.spec == spec => {}
            // Times and keys change without the session going down.
            Some(bound) if same_session(&bound.spec, &spec) => {
                bound.session.change(spec.clone());
                bound.spec = spec;
            }
            _ => {
                let session = client.session(spec.clone());
                let status = session.state();
                self.bound = Some(Bound { spec, session, status, up: false, downs: 0 });
            }
        }
    }

    /// BFD's word now; `None` without a session.
    pub(crate) fn status(&self) -> Option<bfd::Status> {
        self.bound.as_ref().map(|bound| bound.status.borrow().clone())
    }

    /// True when the path is known to work.
    pub(crate) fn is_up(&self) -> bool {
        self.bound.as_ref().is_some_and(|bound| bound.status.borrow().state == BfdState::Up)
    }

    /// Waits for a change.
    pub(crate) async fn changed(&mut self) -> Word {
        let Some(bound) = &mut self.bound else { return std::future::pending().await };
        if bound.status.changed().await.is_err() {
            // The client is gone with the whole daemon.
            return std::future::pending().await;
        }
        bound.word()
    }
}

impl Bound {
    fn word(&mut self) -> Word {
        let status = self.status.borrow_and_update().clone();
        let died = status.downs != self.downs || (self.up && status.state == BfdState::Down);
        self.downs = status.downs;
        let (word, up) = judge(self.up, died, status.state);
        self.up = up;
        word
    }
}

/// What a state means for a path that was `up` or not, and which `died` meanwhile or not; and whether it is up now.
///
/// AdminDown and Unknown say nothing of the path (RFC 5882 section 3.2). Nor does the Down that follows them when BFD begins
/// anew, because an operator allows it again or lb-bfd was restarted.
fn judge(up: bool, died: bool, state: BfdState) -> (Word, bool) {
    let is_up = state == BfdState::Up;
    let word = match (died, up, is_up) {
        (true, ..) => Word::Down,
        (false, false, true) => Word::Up,
        _ => Word::Nothing,
    };
    (word, is_up)
}

fn same_session(one: &Spec, other: &Spec) -> bool {
    (one.local, one.remote, &one.interface, one.multihop)
        == (other.local, other.remote, &other.interface, other.multihop)
}

fn spec(config: &PeerConfig, remote: IpAddr, link: Option<&str>) -> Option<Spec> {
    let wanted = config.bfd.as_ref()?;
    let multihop = match config.ttl {
        Ttl::Multihop(hops) => hops > 1,
        Ttl::Security { hops } => hops > 1,
        Ttl::Default if config.session.is_external() => false,
        // An internal peer may be anywhere: on a link of ours it is asked directly (RFC 5881), else over routers (RFC 5883).
        Ttl::Default => link.is_none() && !interface::is_on_link(remote),
    };
    let min_ttl = wanted.min_ttl.unwrap_or(match config.ttl {
        Ttl::Security { hops } => 255 - (hops.max(1) - 1),
        Ttl::Default | Ttl::Multihop(_) => 0,
    });
    Some(Spec {
        local: config.local_address,
        remote,
        interface: link.map(str::to_owned),
        multihop,
        desired_min_tx: wanted.interval,
        required_min_rx: wanted.receive,
        detect_mult: wanted.multiplier,
        authentication: wanted.authentication.as_ref().and_then(authentication),
        echo_rx: wanted.echo,
        echo_tx: wanted.echo,
        min_ttl,
        passive: wanted.passive,
    })
}

/// `None` for a key that is too long, which the configuration does not let through.
fn authentication(wanted: &BfdAuthentication) -> Option<bfd::Authentication> {
    let kind = match wanted.kind {
        BfdAuthenticationKind::Password => auth::Kind::Simple,
        BfdAuthenticationKind::Md5 => auth::Kind::KeyedMd5,
        BfdAuthenticationKind::MeticulousMd5 => auth::Kind::MeticulousMd5,
        BfdAuthenticationKind::Sha1 => auth::Kind::KeyedSha1,
        BfdAuthenticationKind::MeticulousSha1 => auth::Kind::MeticulousSha1,
    };
    bfd::Authentication::new(kind, [(wanted.key_id, wanted.key.as_bytes())]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_state_means() {
        use BfdState::{AdminDown, Down, Init, Unknown, Up};
        let table = [
            // Was up, died, state: word, is up.
            ((false, false, Up), (Word::Up, true)),
            ((true, false, Up), (Word::Nothing, true)),
            // It was down and is up again before anybody looked.
            ((true, true, Up), (Word::Down, true)),
            ((true, true, Down), (Word::Down, false)),
            ((false, false, Down), (Word::Nothing, false)),
            ((true, true, Init), (Word::Down, false)),
            ((false, false, Init), (Word::Nothing, false)),
            ((true, false, Unknown), (Word::Nothing, false)),
            ((true, false, AdminDown), (Word::Nothing, false)),
            ((true, true, Unknown), (Word::Down, false)),
            ((false, false, AdminDown), (Word::Nothing, false)),
        ];
        for ((up, died, state), wanted) in table {
            assert_eq!(judge(up, died, state), wanted, "{up} {died} {state}");
        }
    }
}
