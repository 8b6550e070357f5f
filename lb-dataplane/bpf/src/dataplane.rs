//! The forwarder program and its maps.

mod capacities;
mod elements;
mod marks;
mod routes;

use std::io;
use std::path::Path;

use guideway_abi as abi;
use guideway_abi::{ActiveWord, Capacities};

use crate::clock::Clock;
use crate::grace::Grace;
use crate::install::{self, Installed, OpenError, Origin};
use crate::object::Object;
use crate::test_run::{self, TestRun, TestRunOptions};
use crate::words::Words;
use crate::xdp::{self, AttachError, Attachment, XdpMode};
use elements::Elements;
use routes::Routes;

pub use elements::TableKind;

/// The pinned forwarder: everything that an agent reads and writes. Calls may come from any thread.
///
/// Nothing here knows which element is in use; the order of writes that keeps a packet within one generation is the
/// caller's (see [`guideway_abi`]).
#[derive(Debug)]
pub struct Dataplane {
    installed: Installed,
    capacities: Capacities,
    active: Words,
    grace: Grace,
    clock: Clock,
    routes: Routes,
    elements: Elements,
}

impl Dataplane {
    /// Sets the forwarder up under `pin_root`, or comes back to what an earlier process set up there. A newer program
    /// replaces the pinned one in place, on every interface, and no packet is lost. Another process is kept out until
    /// the drop. The pins stay after the drop, and packets are forwarded on.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; in particular pins that do not fit `capacities` or this version.
    pub fn open(pin_root: &Path, capacities: Capacities) -> Result<Self, OpenError> {
        capacities::check(capacities)?;
        let mut installed = install::install(pin_root, &Object::forwarder(capacities))?;
        let active = Words::new(&installed.take(abi::ACTIVE)?)
            .map_err(OpenError::system("map ACTIVE of", pin_root))?;
        let grace = Grace::new().map_err(OpenError::system("make a map of maps for", pin_root))?;
        let clock = Clock::new(installed.take_program(abi::CLOCK_PROGRAM)?)
            .map_err(OpenError::system("set up the clock of", pin_root))?;
        let routes = Routes::take(&mut installed)?;
        let elements = Elements::take(&mut installed, capacities)?;
        let dataplane = Self { installed, capacities, active, grace, clock, routes, elements };
        // Nobody ends the marking of a process that was killed.
        dataplane.stop_marking();
        Ok(dataplane)
    }

    /// Detaches the forwarder under `pin_root` from all interfaces and removes its pins; false when there were none.
    ///
    /// # Errors
    ///
    /// Another process holds the pins, or a system call failed.
    pub fn remove(pin_root: &Path) -> Result<bool, OpenError> {
        install::remove(pin_root, &Object::forwarder(Capacities::default()), &[])
    }

    /// What [`open`](Self::open) found.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.installed.origin
    }

    /// The kernel's id of the program.
    #[must_use]
    pub fn program_id(&self) -> u32 {
        self.installed.program_id
    }

    /// Elements of the maps.
    #[must_use]
    pub fn capacities(&self) -> Capacities {
        self.capacities
    }

    /// Runs the program on `interface` from now on, until [`detach_others`](Self::detach_others) leaves it out. An
    /// interface that runs it in this mode already is not touched.
    ///
    /// # Errors
    ///
    /// See [`AttachError`]. Native mode never becomes generic mode by itself.
    pub fn attach(&self, interface: &str, mode: XdpMode) -> Result<Attachment, AttachError> {
        xdp::attach(
            &self.installed.layout,
            &self.installed.program,
            self.installed.program_id,
            interface,
            mode,
        )
    }

    /// Detaches from all interfaces but `keep`; gives those that it detached from.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, AttachError> {
        xdp::detach_others(&self.installed.layout, keep)
    }

    /// The interfaces that [`attach`](Self::attach) was called for, whether or not they still exist.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        xdp::attachments(&self.installed.layout)
    }

    /// The word that packets follow now.
    #[must_use]
    pub fn active(&self) -> ActiveWord {
        ActiveWord(self.active.load(0).unwrap_or_default())
    }

    /// Makes packets follow `word`: one atomic store after everything that was written before.
    pub fn activate(&self, word: ActiveWord) {
        #[cfg(feature = "fault-points")]
        let _ = crate::fault::call();
        let stored = self.active.store(0, word.0);
        debug_assert!(stored, "a mapping has a word at least");
    }

    /// Waits until no packet can still follow a word that was replaced before the call. Blocks for some 10 ms.
    ///
    /// # Errors
    ///
    /// The kernel's; nothing may be overwritten then.
    pub fn grace_period(&self) -> io::Result<()> {
        self.grace.wait()
    }

    /// Runs the program on a packet, without an interface; it counts as any other.
    ///
    /// # Errors
    ///
    /// See [`TestProgram::run`](crate::TestProgram::run).
    pub fn test_run(&self, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
        test_run::run(&self.installed.program, packet, options)
    }
}
