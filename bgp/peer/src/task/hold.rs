//! What a session waits for: BFD, an interface, an operator. And where the peer is.

use std::time::Instant;

use guideway_bgp_config::{Authentication, Remote, Ttl};
use guideway_bgp_fsm::{self as fsm, Event};

use super::{LOOK, Task};
use crate::counters::Counters;
use crate::links::Target;
use crate::liveness::Word;

impl Task {
    /// Starts the session, unless something has to be waited for.
    pub(super) fn start(&mut self) {
        if !self.started && self.held().is_none() {
            self.started = true;
            self.put(Event::Start);
        } else {
            self.tell();
        }
    }

    /// Without a session there must be no attempt either while something has to be waited for. A session that stands is left
    /// alone.
    pub(super) fn rest(&mut self) {
        if self.started && self.live.is_none() && self.held().is_some() {
            self.started = false;
            self.put(Event::Stop(fsm::Stop::Silent));
        }
    }

    /// Why there must be no session now.
    pub(super) fn held(&self) -> Option<String> {
        match self.shut.as_deref() {
            Some("") => return Some("shut down by an operator".to_owned()),
            Some(text) => return Some(format!("shut down by an operator: {text}")),
            None => {}
        }
        if let Remote::LinkLocal { interface, .. } = &self.config.remote
            && self.links.borrow().is_unknown()
        {
            return Some(format!("interface {interface} is being looked for"));
        }
        let strict = self.config.bfd.as_ref().is_some_and(|bfd| bfd.strict);
        if !strict || self.liveness.is_up() {
            return None;
        }
        let detail = match self.liveness.status() {
            None if self.around.bfd.socket.is_none() => ", which this daemon is not connected to".to_owned(),
            None => ": the peer's address is not known yet".to_owned(),
            Some(status) => match status.problem {
                Some(problem) => format!(": {problem}"),
                None => format!(", which is {}", status.state),
            },
        };
        Some(format!("waits for BFD (bfd.strict){detail}"))
    }

    /// A peer that dials in vain leaves no trace but the kernel's counters.
    pub(super) fn waits_for_signed_segments(&self) -> bool {
        let checked = self.config.authentication != Authentication::None
            || matches!(self.config.ttl, Ttl::Security { .. });
        checked && self.session.config().passive && self.connections.is_empty()
    }

    pub(super) fn look(&mut self) {
        let now = Counters::read();
        self.suspicion = now.suspicion(self.counters, &self.config);
        self.counters = now;
        self.looks_at = Instant::now() + LOOK;
        self.tell();
    }

    pub(super) fn bfd(&mut self, word: Word) {
        if word == Word::Down {
            self.put(Event::BfdDown);
            self.rest();
        }
        if self.liveness.is_up() && word != Word::Nothing {
            self.start();
            self.put(Event::ConnectNow);
        }
        self.tell();
    }

    pub(super) fn links_changed(&mut self) {
        let before = self.contact.status.lock().status.address;
        self.bind_bfd();
        self.start();
        let now = self.target().ok().map(|target| target.remote.ip());
        if now.is_some() && now != before {
            self.put(Event::ConnectNow);
        }
    }

    pub(super) fn bind_bfd(&mut self) {
        let target = self.target().ok();
        let device = target.as_ref().and_then(|target| target.device.as_deref());
        let remote = target.as_ref().map(|target| target.remote.ip());
        let client = self.config.bfd.as_ref().and_then(|_| self.around.bfd.client());
        self.liveness.bind(client, &self.config, remote, device);
    }

    /// Where the peer is, or why that is not known.
    pub(super) fn target(&self) -> Result<Target, String> {
        match &self.config.remote {
            Remote::Address(address) => Ok(Target::routed(*address, self.config.port)),
            Remote::LinkLocal { interface, address } => {
                self.links.borrow().target(interface, *address, self.learnt, self.config.port)
            }
            Remote::Range { .. } => Err("a range is nobody to connect to".to_owned()),
        }
    }
}
