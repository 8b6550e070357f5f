//! Notices that the configuration file is another one: see [`guideway_file_change`].

use std::path::PathBuf;
use std::time::Duration;

use guideway_file_change::{Debounce, Stamp};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Between two looks.
pub const PERIOD: Duration = Duration::from_millis(300);

/// Sends to `changes` for each new version of `path` until the receiver is gone.
pub async fn watch(path: PathBuf, mut debounce: Debounce, changes: mpsc::Sender<()>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut present = true;
    loop {
        ticks.tick().await;
        let look = path.clone();
        let Ok(stamp) = tokio::task::spawn_blocking(move || Stamp::of(&look)).await else { return };
        if stamp.is_some() != present {
            present = stamp.is_some();
            if !present {
                tracing::warn!(path = %path.display(), "the configuration file is gone, the last one stays in force");
            }
        }
        if debounce.look(stamp) && changes.send(()).await.is_err() {
            return;
        }
    }
}
