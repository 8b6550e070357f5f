//! What the tasks tell about themselves; the admin API and the metrics read it.

/// The state of the agent's stream.
#[derive(Debug, Clone)]
pub(crate) struct AgentStatus {
    /// `connected`, or why it is not.
    pub(crate) text: String,
    pub(crate) connected: bool,
    /// There is a last word of the agent, and it counts.
    pub(crate) heard: bool,
    /// Messages of the agent.
    pub(crate) updates: u64,
    /// Texts in these messages that were nothing to announce.
    pub(crate) refused: u64,
}

impl Default for AgentStatus {
    fn default() -> Self {
        Self { text: "not connected yet".to_owned(), connected: false, heard: false, updates: 0, refused: 0 }
    }
}

/// Configurations that were read at a reload.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reloads {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}
