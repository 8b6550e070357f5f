//! The other end of a connection.

use std::sync::Arc;

use guideway_access::Identity;

/// Who is at the other end, as far as the connection tells. A token in a request may say more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// By the client certificate.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Peer {
    pub(crate) fn in_process(identity: Arc<Identity>) -> Self {
        Self { identity: Some(identity) }
    }
}
