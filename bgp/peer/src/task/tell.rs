//! Brings the status up to date.

use std::time::SystemTime;

use guideway_bgp_fsm::Side;

use super::Task;

impl Task {
    pub(super) fn tell(&mut self) {
        let target = self.target();
        let mut problems: Vec<String> =
            self.held().or_else(|| target.as_ref().err().cloned()).into_iter().collect();
        if self.connections.is_empty() && !self.suspicion.is_empty() {
            problems.push(self.suspicion.to_owned());
        }
        let address = self.connections.first().map(|link| link.connection.remote().ip());
        let address = address.or(target.ok().map(|target| target.remote.ip()));
        let state = self.session.state();
        let (outgoing, incoming) =
            (self.session.side_state(Side::Outgoing), self.session.side_state(Side::Incoming));
        let bfd = self.liveness.status();
        let mut record = self.contact.status.lock();
        let status = &mut record.status;
        if status.state != state {
            status.since = SystemTime::now();
        }
        (status.state, status.outgoing, status.incoming) = (state, outgoing, incoming);
        (status.bfd, status.problems, status.address) = (bfd, problems, address);
        drop(record);
        self.note_connections();
    }

    /// For the limit of a range.
    pub(super) fn note_connections(&self) {
        self.contact.mailbox.set_connected(!self.connections.is_empty());
    }
}
