//! From a history to what each forwarder learns, and when.

mod build;
#[cfg(test)]
mod tests;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub use build::timeline;

use crate::history::Connections;

/// A backend; one that comes anew has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend(pub u16);

/// What all forwarders are to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Counts from zero.
    pub number: u32,
    /// Which seed.
    pub seed: u32,
    /// Backends and their weights, by number.
    pub members: Vec<(Backend, u16)>,
    /// The one that it takes the place of. Who learns of a generation knows by it what others may be acting on.
    pub before: Option<Rc<Generation>>,
}

/// What one forwarder knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// What it is to do.
    pub generation: Rc<Generation>,
    /// What it is to do next.
    pub upcoming: Option<Rc<Generation>>,
    /// Backends that its health checks cannot reach, by number.
    pub unhealthy: Vec<Backend>,
    /// Those of them that have answered a health check again, and will be healthy when they answer another one.
    pub rising: Vec<Backend>,
    /// What was before, oldest first: for one that joins, or whose agent was away.
    pub earlier: Vec<Earlier>,
    /// Its agent is a new one, which remembers nothing but what the program has.
    pub is_restarted: bool,
}

/// What forwarders acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What they were to do.
    pub generation: Rc<Generation>,
    /// Backends that at least one of them could not reach, by number.
    pub unhealthy: Vec<Backend>,
    /// When the next one took its place.
    pub replaced: Duration,
}

/// Something that happens at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A forwarder's agent acts on what it knows.
    Configure {
        /// Which.
        forwarder: usize,
        /// All that it knows.
        view: Rc<View>,
    },
    /// A forwarder starts, and then the router sends packets to it.
    Join {
        /// Which; the numbers of others are not used again.
        forwarder: usize,
        /// All that it knows.
        view: Rc<View>,
    },
    /// The router sends it no more packets; it is gone.
    Leave {
        /// Which.
        forwarder: usize,
    },
    /// A backend can no longer be reached.
    Down {
        /// Which.
        backend: Backend,
        /// What becomes of its connections.
        connections: Connections,
    },
    /// It can be reached again.
    Up {
        /// Which.
        backend: Backend,
    },
}

impl View {
    /// Backends that will be unhealthy if health checks go on as the last ones ended.
    #[must_use]
    pub fn unhealthy_then(&self) -> Vec<Backend> {
        self.unhealthy.iter().copied().filter(|backend| !self.rising.contains(backend)).collect()
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = |generation: &Generation| -> Vec<String> {
            let member = |&(backend, weight): &(Backend, u16)| format!("{}*{weight}", backend.0);
            generation.members.iter().map(member).collect()
        };
        write!(f, "generation {} [{}]", self.generation.number, members(&self.generation).join(" "))?;
        if let Some(upcoming) = &self.upcoming {
            write!(f, ", upcoming {} [{}]", upcoming.number, members(upcoming).join(" "))?;
        }
        write_backends(f, "unhealthy", &self.unhealthy)?;
        write_backends(f, "rising", &self.rising)?;
        for Earlier { generation, unhealthy, replaced } in &self.earlier {
            write!(f, ", until {replaced:?} {} [{}]", generation.number, members(generation).join(" "))?;
            write_backends(f, "unhealthy", unhealthy)?;
        }
        Ok(())
    }
}

fn write_backends(f: &mut fmt::Formatter<'_>, what: &str, backends: &[Backend]) -> fmt::Result {
    if backends.is_empty() {
        return Ok(());
    }
    let backends: Vec<u16> = backends.iter().map(|backend| backend.0).collect();
    write!(f, ", {what} {backends:?}")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configure { forwarder, view } => write!(f, "forwarder {forwarder}: {view}"),
            Self::Join { forwarder, view } => write!(f, "forwarder {forwarder} joins: {view}"),
            Self::Leave { forwarder } => write!(f, "forwarder {forwarder} leaves"),
            Self::Down { backend, connections } => {
                write!(f, "backend {} is down, connections {connections:?}", backend.0)
            }
            Self::Up { backend } => write!(f, "backend {} is up", backend.0),
        }
    }
}

/// All steps of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The steps, by time. The first ones, at zero, bring up the cluster.
    pub steps: Vec<(Duration, Step)>,
    /// Forwarders that there ever are.
    pub forwarders: usize,
    /// Backends that there ever are.
    pub backends: usize,
    /// Seeds that there ever are.
    pub seeds: u32,
}
