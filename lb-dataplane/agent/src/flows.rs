//! How many flows pass through this forwarder: counted by marks that the program makes for a while, since it keeps no record
//! of most flows.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use guideway_abi::{Counter, FLOW_MARKS};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::view::Counts;

const DEFAULT_WINDOW: Duration = Duration::from_secs(1);
const MAX_WINDOW: Duration = Duration::from_secs(10);

/// The window that is asked for.
///
/// # Errors
///
/// When it is longer than ten seconds.
pub(crate) fn window(milliseconds: u32) -> Result<Duration, Status> {
    match Duration::from_millis(milliseconds.into()) {
        Duration::ZERO => Ok(DEFAULT_WINDOW),
        window if window <= MAX_WINDOW => Ok(window),
        window => Err(Status::invalid_argument(format!(
            "window_ms: {window:?} is more than {MAX_WINDOW:?}, which is the most"
        ))),
    }
}

/// Counts one window at a time; who comes meanwhile waits.
#[derive(Clone, Debug)]
pub struct FlowCounter {
    counts: Arc<Mutex<Arc<dyn Counts>>>,
}

/// What passed in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Different flows that sent a packet, estimated.
    pub flows: u64,
    /// Packets for VIPs that were sent to a backend.
    pub packets_per_second: u64,
}

impl FlowCounter {
    /// Counts with the marks of this forwarder.
    #[must_use]
    pub fn new(counts: Arc<dyn Counts>) -> Self {
        Self { counts: Arc::new(Mutex::new(counts)) }
    }

    /// Counts for `window`. May be dropped: the marking ends then.
    ///
    /// # Errors
    ///
    /// When the counters cannot be read.
    pub async fn count(&self, window: Duration) -> io::Result<Counted> {
        let counts = self.counts.lock().await;
        let (start, before) = (Instant::now(), sent(counts.as_ref())?);
        let marking = Marking::start(counts.as_ref());
        sleep(window).await;
        let marks = marking.0.flow_marks();
        drop(marking);
        let packets = sent(counts.as_ref())?.saturating_sub(before);
        let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        let packets_per_second = packets.saturating_mul(1_000_000) / micros;
        Ok(Counted { flows: estimate(marks).min(packets), packets_per_second })
    }
}

struct Marking<'a>(&'a dyn Counts);

impl<'a> Marking<'a> {
    fn start(counts: &'a dyn Counts) -> Self {
        counts.mark_flows(true);
        Self(counts)
    }
}

impl Drop for Marking<'_> {
    fn drop(&mut self) {
        self.0.mark_flows(false);
    }
}

fn sent(counts: &dyn Counts) -> io::Result<u64> {
    let sent = |(counter, _): &(Counter, u64)| matches!(counter, Counter::Tx | Counter::Redirect);
    Ok(counts.packets()?.into_iter().filter(sent).map(|(_, packets)| packets).sum())
}

/// Linear counting (Whang, Vander-Zanden and Taylor, 1990): of `m` marks `u` are not made by `n` flows, so n = -m ln(u/m).
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // less than 2^24, and not negative
fn estimate(marks: u32) -> u64 {
    let all = f64::from(FLOW_MARKS);
    // The last mark says as much as one that is missing.
    let missing = f64::from(FLOW_MARKS - marks.min(FLOW_MARKS - 1));
    (all * (all / missing).ln()).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates() {
        assert_eq!([0, 1, 1000].map(estimate), [0, 1, 1000]);
        // 500,000 flows leave e^(-500000/2^20) of the marks unmade.
        let marks = f64::from(FLOW_MARKS) * (1.0 - (-500_000.0 / f64::from(FLOW_MARKS)).exp());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let found = estimate(marks as u32);
        assert!(found.abs_diff(500_000) < 10, "{found}");
        assert!(estimate(u32::MAX) > 10_000_000);
    }

    #[test]
    fn windows() {
        assert_eq!(window(0).unwrap(), DEFAULT_WINDOW);
        assert_eq!(window(10_000).unwrap(), MAX_WINDOW);
        assert!(window(10_001).unwrap_err().message().contains("10s"));
    }

    #[tokio::test]
    async fn marking_ends_with_the_window_and_with_the_caller() {
        let counts = Arc::new(crate::view::tests::Numbered::default());
        let counter = FlowCounter::new(counts.clone());
        let counted = counter.count(Duration::from_millis(1)).await.unwrap();
        // No packet comes in meanwhile, so that there is no flow whatever the marks say.
        assert_eq!(counted, Counted { flows: 0, packets_per_second: 0 });
        assert!(!counts.marks());
        {
            let counting = counter.count(Duration::from_secs(2));
            tokio::pin!(counting);
            assert!(futures_util::poll!(&mut counting).is_pending());
            assert!(counts.marks());
        }
        assert!(!counts.marks(), "the caller went away");
    }
}
