//! The decap program and its maps.

mod object;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use guideway_abi as abi;
use guideway_abi::DecapCounter;
use nix::fcntl::Flock;

use crate::install::{self, Installed, OpenError, Origin};
use crate::map::{MapError, PerCpuArray};
use crate::object::Object;
use crate::pins::Layout;
use crate::sys::{self, MapRef, ObjectKind};
use crate::test_run::{self, TestRun, TestRunOptions};
use crate::xdp::{self, AttachError, Attachment, XdpMode};
use settings::{SETTINGS, Settings};

/// The allow list of the pinned program.
const DECAP_VIPS: &str = "DECAP_VIPS";

/// Where the address of a VIP on the loopback interface comes from: the value in the allow list, which the program does
/// not look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VipAddress {
    /// It was there before, so that it has to stay.
    Foreign,
    /// It was, or is about to be, added for this VIP.
    Added,
}

impl VipAddress {
    const fn to_map(self) -> u8 {
        match self {
            Self::Foreign => 1,
            Self::Added => 2,
        }
    }

    /// Unknown numbers count as foreign: what nobody owns is not removed.
    const fn from_map(value: u8) -> Self {
        if value == 2 { Self::Added } else { Self::Foreign }
    }
}

/// The pinned decap program.
#[derive(Debug)]
pub struct Decap {
    installed: Installed,
    maps: Maps,
    settings: Settings,
}

/// What is pinned, as [`Decap::status`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecapStatus {
    /// The interfaces.
    pub attachments: Vec<Attachment>,
    /// The VIPs that are accepted.
    pub vips: BTreeMap<IpAddr, VipAddress>,
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
    /// A link could not be examined.
    #[error("cannot examine a link")]
    Attachments(#[source] AttachError),
    /// A map could not be read.
    #[error("cannot read a map")]
    Map(#[source] MapError),
}

#[derive(Debug)]
struct Maps {
    vips: MapRef,
    counters: PerCpuArray<u64>,
}

impl Decap {
    /// Sets the decap program up under `pin_root`, or comes back to what is pinned there, as
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
        let maps = Maps {
            vips: installed.take(DECAP_VIPS)?,
            counters: PerCpuArray::new(abi::DECAP_COUNTERS, installed.take(abi::DECAP_COUNTERS)?),
        };
        Ok(Self { installed, maps, settings })
    }

    /// What is pinned under `pin_root`, without touching it; `None` when nothing is.
    ///
    /// # Errors
    ///
    /// See [`StatusError`].
    pub fn status(pin_root: &Path) -> Result<Option<DecapStatus>, StatusError> {
        let layout = Layout::new(pin_root, abi::DECAP_PROGRAM);
        let open = |name| match sys::open_pin(&layout.map(name)) {
            Ok((fd, ObjectKind::Map)) => MapRef::new(fd).map(Some),
            Ok(_) => Err(io::Error::other("not a map")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let (Some(vips), Some(counters)) = (
            open(DECAP_VIPS).map_err(StatusError::Open)?,
            open(abi::DECAP_COUNTERS).map_err(StatusError::Open)?,
        ) else {
            return Ok(None);
        };
        let settings = Settings::open(&pin_root.join(SETTINGS)).map_err(StatusError::Open)?;
        let maps = Maps { vips, counters: PerCpuArray::new(abi::DECAP_COUNTERS, counters) };
        Ok(Some(DecapStatus {
            attachments: xdp::attachments(&layout).map_err(StatusError::Attachments)?,
            vips: maps.vips().map_err(StatusError::Map)?,
            counters: maps.counters().map_err(StatusError::Map)?,
            settings: settings
                .map_or(Ok(BTreeMap::new()), |settings| settings.read())
                .map_err(StatusError::Map)?,
        }))
    }

    /// Detaches the program under `pin_root` and removes its pins; false when there were none.
    ///
    /// # Errors
    ///
    /// Another process holds the pins, or a system call failed.
    pub fn remove(pin_root: &Path) -> Result<bool, OpenError> {
        install::remove(pin_root, &Object::decap(), &[SETTINGS])
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

    /// As [`Dataplane::attach`](crate::Dataplane::attach).
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
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

    /// The interfaces that it is attached to.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attachments(&self) -> Result<Vec<Attachment>, AttachError> {
        xdp::attachments(&self.installed.layout)
    }

    /// The VIPs that are accepted.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn vips(&self) -> Result<BTreeMap<IpAddr, VipAddress>, MapError> {
        self.maps.vips()
    }

    /// Accepts packets for a VIP.
    ///
    /// # Errors
    ///
    /// The kernel's: `E2BIG` when the list is full.
    pub fn allow(&self, vip: IpAddr, address: VipAddress) -> Result<(), MapError> {
        self.maps.vips.update(&key(vip), &[address.to_map()]).map_err(vips_error("write"))
    }

    /// Accepts no packets for a VIP any more.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn refuse(&self, vip: IpAddr) -> Result<(), MapError> {
        self.maps.vips.delete(&key(vip)).map(drop).map_err(vips_error("write"))
    }

    /// Accepts packets for exactly these VIPs; those that stay are not interrupted. New ones count as
    /// [`VipAddress::Foreign`].
    ///
    /// # Errors
    ///
    /// See [`allow`](Self::allow).
    pub fn allow_exactly(&self, vips: &BTreeSet<IpAddr>) -> Result<(), MapError> {
        let present = self.vips()?;
        for vip in vips.iter().filter(|vip| !present.contains_key(vip)) {
            self.allow(*vip, VipAddress::Foreign)?;
        }
        for vip in present.keys().filter(|vip| !vips.contains(vip)) {
            self.refuse(*vip)?;
        }
        Ok(())
    }

    /// Packets by verdict, summed over the CPUs.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn counters(&self) -> Result<Vec<(DecapCounter, u64)>, MapError> {
        self.maps.counters()
    }

    /// Runs the program on a packet, as [`Dataplane::test_run`](crate::Dataplane::test_run).
    ///
    /// # Errors
    ///
    /// See [`TestProgram::run`](crate::TestProgram::run).
    pub fn test_run(&self, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
        test_run::run(&self.installed.program, packet, options)
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
        install::remove_held(&self.root, &Object::decap(), &[SETTINGS], self.lock)
    }
}

impl Maps {
    fn vips(&self) -> Result<BTreeMap<IpAddr, VipAddress>, MapError> {
        let mut vips = BTreeMap::new();
        for key in self.vips.keys().map_err(vips_error("read"))? {
            let mut value = [0];
            let there = self.vips.lookup(&key, &mut value).map_err(vips_error("read"))?;
            if let (true, Ok(bytes)) = (there, <[u8; 16]>::try_from(key.as_slice())) {
                vips.insert(Ipv6Addr::from(bytes).to_canonical(), VipAddress::from_map(value[0]));
            }
        }
        Ok(vips)
    }

    fn counters(&self) -> Result<Vec<(DecapCounter, u64)>, MapError> {
        let values = self.counters.read_all(u64::wrapping_add)?;
        Ok(DecapCounter::ALL.iter().copied().zip(values).collect())
    }
}

fn vips_error(operation: &'static str) -> impl Fn(io::Error) -> MapError {
    move |source| MapError { operation, map: DECAP_VIPS, source }
}

/// IPv6, or IPv4-mapped IPv6, in network byte order.
fn key(vip: IpAddr) -> [u8; 16] {
    match vip {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::{VipAddress, key};
    use std::net::IpAddr;

    #[test]
    fn addresses_of_both_families_share_the_map() {
        let v4: IpAddr = "203.0.113.10".parse().unwrap();
        assert_eq!(key(v4), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, 10]);
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(key(v6)[..4], [0x20, 0x01, 0x0d, 0xb8]);
    }

    #[test]
    fn an_unknown_mark_is_nobodys() {
        for mark in [VipAddress::Foreign, VipAddress::Added] {
            assert_eq!(VipAddress::from_map(mark.to_map()), mark);
        }
        assert_eq!(VipAddress::from_map(77), VipAddress::Foreign);
    }
}
