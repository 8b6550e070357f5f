//! Counting flows: while it is asked for, the program marks each flow hash that it sends to a backend.

use super::Dataplane;
use super::routes::MARK_FLOWS;

impl Dataplane {
    /// Begins to mark flows, with no mark left of an earlier time.
    pub fn start_marking(&self) {
        self.stop_marking();
        self.routes.marks.clear();
        let stored = self.routes.node.store(MARK_FLOWS, 1);
        debug_assert!(stored, "the record has two words");
    }

    /// Makes no more marks.
    pub fn stop_marking(&self) {
        let stored = self.routes.node.store(MARK_FLOWS, 0);
        debug_assert!(stored, "the record has two words");
    }

    /// Marks that were made, of [`FLOW_MARKS`](guideway_abi::FLOW_MARKS). Several flows may share one.
    #[must_use]
    pub fn flow_marks(&self) -> u32 {
        self.routes.marks.ones()
    }
}
