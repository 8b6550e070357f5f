//! File descriptors, of which every connection takes one.

use guideway_apiserver::ConnectionLimits;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// For the store, the log, and connections that the server makes itself.
const KEPT: u64 = 512;

/// The bounds of connections with the descriptors that the process may have. It takes all that it is allowed.
pub(crate) fn limits() -> ConnectionLimits {
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(error) => {
                tracing::warn!(%error, soft, hard, "the process cannot have more file descriptors");
                soft
            }
        },
        Ok((soft, _)) => soft,
        // The defaults are for what systems allow.
        Err(_) => u64::MAX,
    };
    within(allowed)
}

/// Of the descriptors that are left, one address leaves a quarter to others.
fn within(allowed: u64) -> ConnectionLimits {
    let limits = ConnectionLimits::default();
    let left = usize::try_from(allowed.saturating_sub(KEPT).max(allowed / 2)).unwrap_or(usize::MAX);
    let total = limits.total.min(left);
    ConnectionLimits { total, per_address: total - total / 4, ..limits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (allowed, total, per_address) in [
            (u64::MAX, 16_384, 12_288),
            (20_000, 16_384, 12_288),
            (4096, 3584, 2688),
            (1024, 512, 384),
            (100, 50, 38),
        ] {
            let limits = within(allowed);
            assert_eq!((limits.total, limits.per_address), (total, per_address), "{allowed}");
        }
    }
}
