//! The programs of a workload node and their maps.

mod egress;
mod maps;
mod object;
mod services;
mod settings;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use guideway_abi as abi;
use guideway_abi::DecapCounter;
use nix::fcntl::Flock;

use crate::install::{self, Installed, OpenError, Origin};
use crate::map::MapError;
use crate::object::Object;
use crate::pins::Layout;
use crate::test_run::{self, TestRun, TestRunOptions};
use crate::xdp::{self, AttachError, Attachment, XdpMode};
use egress::Egress;
use maps::Maps;
use settings::{SETTINGS, Settings};

pub use services::{Service, ServiceKey, ServicePort, Services, Transport, VipAddress};

/// The pinned programs.
#[derive(Debug)]
pub struct Decap {
    installed: Installed,
    egress_program: OwnedFd,
    egress: Egress,
    maps: Maps,
    settings: Settings,
}

/// What holds for all services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global {
    /// UDP port of GUE.
    pub gue_port: u16,
    /// Outer source of packets that came in over IPv6 and are handed over over IPv4; without, they are dropped.
    pub source_v4: Option<Ipv4Addr>,
    /// The other way round.
    pub source_v6: Option<Ipv6Addr>,
}

impl Global {
    /// The IANA port of GUE.
    pub const GUE_PORT: u16 = 6080;
}

impl Default for Global {
    fn default() -> Self {
        Self { gue_port: Self::GUE_PORT, source_v4: None, source_v6: None }
    }
}

/// Entries of the tables of translated flows. Those of flows that ended leave as new ones come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Of flows of which more than the first packet came in.
    pub established: u64,
    /// Of flows of which only the first packet did.
    pub half_open: u64,
}

/// What is pinned, as [`Decap::status`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecapStatus {
    /// The interfaces with the program for packets that come in.
    pub attachments: Vec<Attachment>,
    /// The interfaces with the program for replies.
    pub egress: Vec<String>,
    /// What holds for all services.
    pub global: Global,
    /// The services.
    pub services: Services,
    /// Packets by verdict.
    pub counters: Vec<(DecapCounter, u64)>,
    /// What [`Decap::remember_setting`] was told.
    pub settings: BTreeMap<String, String>,
}

/// The status could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// A pin could not be opened.
    #[error("cannot open what is pinned there")]
    Open(#[source] io::Error),
    /// What is pinned is of another release.
    #[error(
        "what is pinned there is of another release: run `lb-decap up` or `lb-decap run` of this one, or `lb-decap detach`"
    )]
    AnotherRelease,
    /// A link could not be examined.
    #[error("cannot examine a link")]
    Attachments(#[source] AttachError),
    /// A map could not be read.
    #[error("cannot read a map")]
    Map(#[source] MapError),
}

impl Decap {
    /// Sets the programs up under `pin_root`, or comes back to what is pinned there, as
    /// [`Dataplane::open`](crate::Dataplane::open).
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(pin_root: &Path) -> Result<Self, OpenError> {
        let object = Object::decap();
        let mut installed = install::install(pin_root, &object)?;
        let settings_path = pin_root.join(SETTINGS);
        let settings =
            Settings::open_or_create(&settings_path).map_err(OpenError::system("set up", &settings_path))?;
        let maps = Maps::take(&mut installed)?;
        let egress_program = installed.take_program(abi::DECAP_EGRESS_PROGRAM)?;
        let egress = Egress::install(pin_root, &egress_program)?;
        if installed.origin == Origin::Fresh {
            maps.write_global(&Global::default()).map_err(OpenError::Map)?;
        }
        Ok(Self { installed, egress_program, egress, maps, settings })
    }

    /// What is pinned under `pin_root`, without touching it; `None` when nothing is.
    ///
    /// # Errors
    ///
    /// See [`StatusError`].
    pub fn status(pin_root: &Path) -> Result<Option<DecapStatus>, StatusError> {
        let layout = Layout::new(pin_root, abi::DECAP_PROGRAM);
        let Some(maps) = Maps::open(&layout)? else { return Ok(None) };
        let settings = Settings::open(&pin_root.join(SETTINGS)).map_err(StatusError::Open)?;
        Ok(Some(DecapStatus {
            attachments: xdp::attachments(&layout).map_err(StatusError::Attachments)?,
            egress: Egress::at(pin_root).attached().map_err(StatusError::Open)?,
            global: maps.global().map_err(StatusError::Map)?,
            services: maps.services().map_err(StatusError::Map)?,
            counters: maps.counters().map_err(StatusError::Map)?,
            settings: settings
                .map_or(Ok(BTreeMap::new()), |settings| settings.read())
                .map_err(StatusError::Map)?,
        }))
    }

    /// Detaches the programs under `pin_root` and removes their pins; false when there were none.
    ///
    /// # Errors
    ///
    /// Another process holds the pins, or a system call failed.
    pub fn remove(pin_root: &Path) -> Result<bool, OpenError> {
        let Some(held) = Self::hold(pin_root)? else { return Ok(false) };
        held.remove().map(|()| true)
    }

    /// Keeps other processes from what is pinned under `pin_root`; `None` when there is no such directory.
    ///
    /// # Errors
    ///
    /// Another process holds the pins, or a system call failed.
    pub fn hold(pin_root: &Path) -> Result<Option<HeldDecap>, OpenError> {
        let lock = install::hold(pin_root)?;
        Ok(lock.map(|lock| HeldDecap { root: pin_root.to_owned(), lock }))
    }

    /// What [`open`](Self::open) found.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.installed.origin
    }

    /// Attaches both programs: that for packets that come in as [`Dataplane::attach`](crate::Dataplane::attach), that for
    /// replies by a tcx link or, on kernels before 6.6, as a filter of the clsact qdisc.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(&self, interface: &str, mode: XdpMode) -> Result<Attachment, AttachError> {
        // Replies first: without them, no flow should be translated.
        self.egress.attach(interface)?;
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
        let detached = xdp::detach_others(&self.installed.layout, keep)?;
        self.egress.detach_others(keep)?;
        Ok(detached)
    }

    /// The interfaces that packets are taken from.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        xdp::attachments(&self.installed.layout)
    }

    /// The interfaces that replies are translated on.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn egress_attachments(&self) -> io::Result<Vec<String>> {
        self.egress.attached()
    }

    /// What holds for all services.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn global(&self) -> Result<Global, MapError> {
        self.maps.global()
    }

    /// Changes what holds for all services.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_global(&self, global: &Global) -> Result<(), MapError> {
        self.maps.write_global(global)
    }

    /// The services. A VIP that has services for some ports alone shows one more, that refuses the rest.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn services(&self) -> Result<Services, MapError> {
        self.maps.services()
    }

    /// Makes the services exactly these, in an order in which no packet of one that stays is disturbed.
    ///
    /// # Errors
    ///
    /// The kernel's: `E2BIG` when there are more than [`guideway_abi::DECAP_SERVICES_MAX`].
    pub fn set_services(&self, wanted: &Services) -> Result<(), MapError> {
        self.maps.set_services(wanted)
    }

    /// Packets by verdict, summed over the CPUs.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn counters(&self) -> Result<Vec<(DecapCounter, u64)>, MapError> {
        self.maps.counters()
    }

    /// Counts the translated flows, one by one: for a person who asks.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn flow_counts(&self) -> Result<FlowCounts, MapError> {
        self.maps.flow_counts()
    }

    /// Runs the program for packets that come in on a packet, as
    /// [`Dataplane::test_run`](crate::Dataplane::test_run).
    ///
    /// # Errors
    ///
    /// See [`TestProgram::run`](crate::TestProgram::run).
    pub fn test_run(&self, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
        test_run::run(&self.installed.program, packet, options)
    }

    /// Runs the program for replies on a packet.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn test_run_egress(&self, packet: &[u8]) -> io::Result<TestRun> {
        let input = crate::sys::TestRunInput { packet, repeat: 1, room: packet.len(), ..Default::default() };
        let output = crate::sys::test_run(&self.egress_program, &input)?;
        Ok(TestRun { retval: output.retval, packet: output.packet, duration: output.duration })
    }

    /// Remembers, beside the pins, the value that a setting of the machine had before it was changed. The first value
    /// stays.
    ///
    /// # Errors
    ///
    /// `name` is longer than 95 bytes or `value` than 31, or the kernel's error.
    pub fn remember_setting(&self, name: &str, value: &str) -> Result<(), MapError> {
        if self.settings()?.contains_key(name) {
            return Ok(());
        }
        self.settings.write(name, value)
    }

    /// What [`remember_setting`](Self::remember_setting) was told.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn settings(&self) -> Result<BTreeMap<String, String>, MapError> {
        self.settings.read()
    }

    /// Forgets a setting.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn forget_setting(&self, name: &str) -> Result<(), MapError> {
        self.settings.delete(name)
    }
}

/// Pins that no other process may use until the drop, whatever state they are in.
#[derive(Debug)]
pub struct HeldDecap {
    root: PathBuf,
    lock: Flock<File>,
}

impl HeldDecap {
    /// As [`Decap::remove`].
    ///
    /// # Errors
    ///
    /// A system call failed.
    pub fn remove(self) -> Result<(), OpenError> {
        install::refuse_foreign(&self.root, abi::DECAP_PROGRAM)?;
        Egress::at(&self.root).remove()?;
        install::remove_held(&self.root, &Object::decap(), &[SETTINGS], self.lock)
    }
}
