//! Where the monitoring of sessions hangs: BMP (RFC 7854) and MRT (RFC 6396).

use guideway_bgp_fsm::Cause;

use crate::router::SessionView;

/// Sees what sessions do. Called from the tasks of the peers; must be quick, and drop what it cannot take at once.
pub trait Tap: Send + Sync + 'static {
    /// A session is established.
    fn peer_up(&self, session: &SessionView);
    /// It is over.
    fn peer_down(&self, session: &SessionView, cause: &Cause);
    /// An UPDATE, a ROUTE-REFRESH or a KEEPALIVE of the peer: one whole message, as it came.
    fn received(&self, session: &SessionView, message: &[u8]);
    /// One whole message that is about to be sent to the peer.
    fn sent(&self, session: &SessionView, message: &[u8]);
}
