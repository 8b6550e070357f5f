//! From configuration to settings.

use std::time::SystemTime;

use guideway_controller_core::Budget;
use guideway_controller_crds::guideway::{OverBudget, Rollout};
use guideway_controller_rollout::{self as rollout, Settings};

use crate::config::{Config, Liveness};

/// The name of the machine.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// Who this process is: no other one ever has the same.
pub(super) fn identity() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}_{}_{:x}", host(), std::process::id(), since.as_nanos())
}

/// What a Rollout and the configuration say, for the coordinator.
pub(super) fn settings(identity: &str, liveness: Liveness, rollout: &Rollout) -> Settings {
    let budget = Budget {
        moved_permille: rollout.slots_permille.map_or(Budget::UNLIMITED.moved_permille, Into::into),
        disturbed: rollout
            .sets
            .map_or(Budget::UNLIMITED.disturbed, |sets| usize::try_from(sets).unwrap_or(usize::MAX)),
    };
    let mut settings = Settings::new(identity.to_owned(), budget);
    settings.keepalive = liveness.keepalive;
    // A forwarder is not sooner sure of the end than the connection's own test.
    settings.own_silence = liveness.silence.saturating_mul(2);
    settings.prepare_timeout = rollout.prepare_timeout;
    settings.history = rollout.history.get().into();
    settings.over_budget = match rollout.over_budget {
        OverBudget::Hold => rollout::OverBudget::Hold,
        OverBudget::Spread { interval } => rollout::OverBudget::Spread(interval),
    };
    settings
}

/// Tells what of a new configuration holds only after a restart.
pub(super) fn log_fixed(old: &Config, new: &Config) {
    for (field, changed) in [
        ("seed", old.seed != new.seed),
        ("home", old.home != new.home),
        ("listen", old.listen != new.listen),
        ("forwarders", old.liveness != new.liveness),
        ("enrolment", old.enrolment_listen != new.enrolment_listen),
        ("ca", old.ca != new.ca),
        ("state_dir", old.state_dir != new.state_dir),
        ("admin", old.socket != new.socket),
        ("metrics", old.metrics_listen != new.metrics_listen),
        ("rollout", old.rollout != new.rollout),
    ] {
        if changed {
            tracing::warn!(field, "has changed: it holds after a restart");
        }
    }
}
