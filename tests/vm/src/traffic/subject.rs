//! What the packets go through.

use std::path::PathBuf;

use anyhow::Result;
use guideway_vm::plan::Traffic;

use super::forwarder::Forwarder;
use super::{ipvs, world};
use crate::command::{inside, run};

/// Something that packets go through, in a namespace of its own.
pub(super) enum Subject {
    /// An XDP program that sends every packet back as it is.
    BareTx {
        /// The object that has it.
        object: PathBuf,
    },
    /// lb-dataplane with its forwarder program.
    Forwarder(Box<Forwarder>),
    /// The kernel's own load balancer: Maglev hashing, IPIP.
    Ipvs,
}

/// All of them, from the one with the least to do.
pub(super) fn all(plan: &Traffic) -> [Subject; 3] {
    [
        Subject::BareTx { object: plan.driver.clone() },
        Subject::Forwarder(Box::new(Forwarder::new(&plan.programs, world::namespace(1)))),
        Subject::Ipvs,
    ]
}

impl Subject {
    /// Its place in [`all`].
    pub(super) const fn number(&self) -> u8 {
        match self {
            Self::BareTx { .. } => 0,
            Self::Forwarder(_) => 1,
            Self::Ipvs => 2,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::BareTx { .. } => "bare_tx",
            Self::Forwarder(_) => "forwarder",
            Self::Ipvs => "ipvs",
        }
    }

    pub(super) fn start(&mut self) -> Result<()> {
        let namespace = world::namespace(self.number());
        match self {
            Self::BareTx { object } => {
                let line = format!("ip link set dev up0 xdpdrv object {} program empty", object.display());
                run(&mut inside(&namespace, &line)).map(drop)
            }
            Self::Forwarder(forwarder) => forwarder.start(),
            Self::Ipvs => ipvs::start(&namespace),
        }
    }

    /// Ends what does not end with the namespace.
    pub(super) fn stop(&mut self) -> Result<()> {
        match self {
            Self::Forwarder(forwarder) => forwarder.stop(),
            Self::BareTx { .. } | Self::Ipvs => Ok(()),
        }
    }

    /// Packets that it has sent to backends, where it counts them.
    pub(super) fn sent(&self) -> Result<Option<u64>> {
        match self {
            Self::Forwarder(forwarder) => forwarder.sent().map(Some),
            Self::BareTx { .. } | Self::Ipvs => Ok(None),
        }
    }

    /// What it says of itself, for errors.
    pub(super) fn about(&self) -> String {
        match self {
            Self::Forwarder(forwarder) => format!("{:?}", forwarder.counters()),
            Self::BareTx { .. } | Self::Ipvs => String::new(),
        }
    }
}

/// Address of a backend.
pub(super) fn backend4(n: u8) -> String {
    format!("10.1.11.{}", n + 1)
}

/// Address of a backend.
pub(super) fn backend6(n: u8) -> String {
    format!("fd00:11::{}", n + 1)
}
