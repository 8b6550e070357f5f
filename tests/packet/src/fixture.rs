//! The forwarder's world of `cases/README.md`, in a network namespace of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use guideway_abi::{Capacities, Counter, DecapCounter, TrafficStats};
use guideway_bpf::{Dataplane, Decap, TestRun, TestRunOptions, XdpMode};
use guideway_dataplane::apply::{MapStore, apply};
use guideway_dataplane_plan::{
    BackendSet, Desired, Member, NextHop, Outcome, OuterSources, Protocol, Seed, TableCache, TableSize, Vip,
    VipKey, Weight, plan,
};

use crate::command::{ip, mac_text};
use crate::frame::{FORWARDER_MAC, TOR_MAC};
use crate::scenario;

/// Prefix of the outer IPv4 sources.
pub const OUTER_V4_PREFIX: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 0);
/// Host bits of the outer IPv4 sources.
pub const OUTER_V4_HOST_BITS: u32 = 0xffff;
/// Prefix of the outer IPv6 sources.
pub const OUTER_V6_PREFIX: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0);
/// Host bits of the outer IPv6 sources that carry entropy.
pub const OUTER_V6_HOST_BITS: u32 = 0xffff_ffff;
/// MTU of both interfaces.
const MTU: u32 = 1500;
/// MAC address of the router behind `other0`.
pub const OTHER_ROUTER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xaa, 2];
/// MAC address of `other0`.
pub const OTHER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0xbb, 2];

/// Name, address and table size of each backend; every set has one backend, so that its address is known beforehand.
const BACKENDS: [(&str, &str, TableSize, bool); 7] = [
    ("be4", "10.1.11.2", TableSize::Large, true),
    ("be6", "fd00:11::2", TableSize::Small, true),
    ("down", "10.1.14.2", TableSize::Large, false),
    ("unrouted", "10.99.0.1", TableSize::Large, true),
    ("silent", "10.1.1.99", TableSize::Large, true),
    ("other4", "10.1.12.2", TableSize::Large, true),
    ("other6", "fd00:12::2", TableSize::Large, true),
];

const VIPS: [(&str, Protocol, u16, &str); 9] = [
    ("203.0.113.10", Protocol::Tcp, 80, "be4"),
    ("203.0.113.10", Protocol::Udp, 53, "be6"),
    ("2001:db8::10", Protocol::Tcp, 80, "be6"),
    ("2001:db8::10", Protocol::Udp, 53, "be4"),
    ("203.0.113.20", Protocol::Tcp, 80, "down"),
    ("203.0.113.10", Protocol::Tcp, 81, "unrouted"),
    ("203.0.113.10", Protocol::Tcp, 82, "silent"),
    ("203.0.113.10", Protocol::Tcp, 83, "other4"),
    ("203.0.113.10", Protocol::Tcp, 84, "other6"),
];

/// Address of a backend of the fixture.
///
/// # Panics
///
/// When there is no such backend.
#[must_use]
pub fn backend_address(name: &str) -> IpAddr {
    let (_, address, ..) =
        BACKENDS.iter().find(|(n, ..)| *n == name).unwrap_or_else(|| panic!("no backend {name}"));
    address.parse().expect("an address")
}

/// The fixture's desired state with this next hop.
#[must_use]
pub fn desired(next_hop: NextHop) -> Desired {
    Desired {
        seed: Seed(*b"packet test seed"),
        outer_sources: OuterSources {
            v4: ipnet::Ipv4Net::new(OUTER_V4_PREFIX, 16).expect("a prefix"),
            v6: ipnet::Ipv6Net::new(OUTER_V6_PREFIX, 64).expect("a prefix"),
        },
        next_hop,
        sets: BACKENDS
            .iter()
            .map(|&(name, address, table_size, healthy)| BackendSet {
                name: name.to_owned(),
                table_size,
                members: vec![Member {
                    name: name.to_owned(),
                    address: address.parse().expect("an address"),
                    weight: Weight(1),
                    healthy,
                }],
            })
            .collect(),
        vips: VIPS
            .iter()
            .map(|&(address, protocol, port, set)| Vip {
                name: format!("{address}:{port}"),
                key: VipKey { address: address.parse().expect("an address"), protocol, port },
                set: set.to_owned(),
            })
            .collect(),
    }
}

/// What the program counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By name of the verdict or drop reason, without zeros.
    pub counters: BTreeMap<&'static str, u64>,
    /// Sum over all VIPs.
    pub vips: (u64, u64),
    /// Sum over all backends.
    pub backends: (u64, u64),
}

impl Counts {
    /// What came to these counts since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let less = |a: (u64, u64), b: (u64, u64)| (a.0 - b.0, a.1 - b.1);
        let counters = self.counters.iter();
        Self {
            counters: counters
                .map(|(&name, n)| (name, n - before.counters.get(name).unwrap_or(&0)))
                .filter(|&(_, n)| n != 0)
                .collect(),
            vips: less(self.vips, before.vips),
            backends: less(self.backends, before.backends),
        }
    }
}

/// A loaded program with its maps filled. Dropping it removes its pins; the namespace goes with the thread.
pub struct Fixture {
    pins: PathBuf,
    program: Program,
    ingress_ifindex: u32,
    /// Key of the flow hash.
    pub flow_key: [u64; 2],
}

enum Program {
    Forwarder(Box<Dataplane>),
    Decap(Box<Decap>),
}

impl Fixture {
    /// Moves this thread into a network namespace of its own, and loads and fills the program there.
    ///
    /// # Errors
    ///
    /// Without root or a bpffs at /sys/fs/bpf, or when the kernel refuses the program.
    pub fn new(program: scenario::Program, next_hop: scenario::NextHop) -> Result<Self> {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
            .context("a network namespace of its own: run as root")?;
        let ingress_ifindex = interfaces()?;
        let pins = pin_root()?;
        let (program, flow_key) = match program {
            scenario::Program::Decap => (Program::Decap(Box::new(decap(&pins)?)), [0; 2]),
            scenario::Program::Forwarder => {
                let (dataplane, flow_key) = forwarder(&pins, next_hop)?;
                (Program::Forwarder(Box::new(dataplane)), flow_key)
            }
        };
        Ok(Self { pins, program, ingress_ifindex, flow_key })
    }

    /// The next hop that sends packets back by `up0`.
    #[must_use]
    pub fn back_by_up0(&self) -> NextHop {
        NextHop::Fixed {
            ifindex: self.ingress_ifindex,
            source_mac: FORWARDER_MAC,
            destination_mac: TOR_MAC,
            mtu: MTU,
        }
    }

    /// Installs another generation.
    ///
    /// # Errors
    ///
    /// When this is not the forwarder, the plan is refused or the maps cannot be written.
    pub fn install(&self, desired: &Desired) -> Result<()> {
        match &self.program {
            Program::Forwarder(dataplane) => install(dataplane, desired),
            Program::Decap(_) => bail!("the decap program has no generations"),
        }
    }

    /// Sends a frame through the program as if it came in by `up0`.
    ///
    /// # Errors
    ///
    /// The kernel's, for a frame below 14 bytes.
    pub fn send(&self, frame: &[u8], no_headroom: bool) -> Result<TestRun> {
        let options = TestRunOptions {
            metadata: if no_headroom { TestRunOptions::NO_HEADROOM } else { 0 },
            ingress_ifindex: self.ingress_ifindex,
            repeat: 1,
        };
        Ok(match &self.program {
            Program::Forwarder(dataplane) => dataplane.test_run(frame, &options)?,
            Program::Decap(decap) => decap.test_run(frame, &options)?,
        })
    }

    /// All counters.
    ///
    /// # Errors
    ///
    /// When the maps cannot be read.
    pub fn counts(&self) -> Result<Counts> {
        Ok(match &self.program {
            Program::Forwarder(dataplane) => Counts {
                counters: dataplane
                    .counters()?
                    .into_iter()
                    .map(|(c, n): (Counter, u64)| (c.name(), n))
                    .collect(),
                vips: sum(&dataplane.vip_stats()?),
                backends: sum(&dataplane.backend_stats()?),
            },
            Program::Decap(decap) => Counts {
                counters: decap
                    .counters()?
                    .into_iter()
                    .map(|(c, n): (DecapCounter, u64)| (c.name(), n))
                    .collect(),
                ..Counts::default()
            },
        })
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.pins);
    }
}

fn sum(stats: &[TrafficStats]) -> (u64, u64) {
    stats.iter().fold((0, 0), |(packets, bytes), s| (packets + s.packets, bytes + s.bytes))
}

fn forwarder(pins: &Path, next_hop: scenario::NextHop) -> Result<(Dataplane, [u64; 2])> {
    let capacities = Capacities { vips: 16, backends: 16, tables_large: 16, tables_small: 4 };
    let dataplane = Dataplane::open(pins, capacities)?;
    // The kernel takes a test packet only from an interface whose queues are set up for XDP.
    dataplane.attach("up0", XdpMode::Native)?;
    let ifindex = |name| nix::net::if_::if_nametoindex(name).with_context(|| format!("index of {name}"));
    let next_hop = match next_hop {
        scenario::NextHop::NothingInstalled => return Ok((dataplane, [0; 2])),
        scenario::NextHop::Fib => NextHop::Fib,
        scenario::NextHop::Fixed => NextHop::Fixed {
            ifindex: ifindex("up0")?,
            source_mac: FORWARDER_MAC,
            destination_mac: TOR_MAC,
            mtu: MTU,
        },
        scenario::NextHop::FixedOther => NextHop::Fixed {
            ifindex: ifindex("other0")?,
            source_mac: OTHER_MAC,
            destination_mac: OTHER_ROUTER_MAC,
            mtu: MTU,
        },
    };
    install(&dataplane, &desired(next_hop))?;
    let flow_key = dataplane.header(dataplane.active().bank())?.flow_key;
    Ok((dataplane, flow_key))
}

fn decap(pins: &Path) -> Result<Decap> {
    let decap = Decap::open(pins)?;
    decap.attach("up0", XdpMode::Native)?;
    decap.allow_exactly(&["203.0.113.10", "2001:db8::10"].map(|a| a.parse().expect("an address")).into())?;
    Ok(decap)
}

/// Plans from what the maps hold to `desired` and writes it, as the agent does.
fn install(dataplane: &Dataplane, desired: &Desired) -> Result<()> {
    let installed = MapStore::read(dataplane)?;
    let Outcome::Plan(plan) = plan(desired, &installed, &mut TableCache::default())? else {
        bail!("there is nothing to plan");
    };
    apply(dataplane, &plan.ops).context("apply the plan")
}

/// Makes `up0` and `other0` with their routes and neighbours; gives the index of `up0`.
fn interfaces() -> Result<u32> {
    for (name, peer, mac, v4, v6) in [
        ("up0", "up1", FORWARDER_MAC, "10.1.1.2/24", "fd00:1::2/64"),
        ("other0", "other1", OTHER_MAC, "10.1.2.2/24", "fd00:2::2/64"),
    ] {
        let mac = mac_text(mac);
        ip(&format!("link add {name} mtu {MTU} address {mac} type veth peer name {peer}"))?;
        // Otherwise it sends router solicitations, which the program under test would count.
        let path = format!("/proc/sys/net/ipv6/conf/{peer}/disable_ipv6");
        std::fs::write(&path, "1").with_context(|| format!("write {path}"))?;
        ip(&format!("link set {peer} up"))?;
        ip(&format!("link set {name} up"))?;
        ip(&format!("addr add {v4} dev {name}"))?;
        ip(&format!("-6 addr add {v6} dev {name} nodad"))?;
        for family in ["ipv4", "ipv6"] {
            let path = format!("/proc/sys/net/{family}/conf/{name}/forwarding");
            // /proc/sys/net shows the namespace of the process that opens it, so that a child is not needed.
            std::fs::write(
                format!("/proc/thread-self/net/../../../sys/net/{family}/conf/{name}/forwarding"),
                "1",
            )
            .or_else(|_| std::fs::write(&path, "1"))
            .with_context(|| format!("write {path}"))?;
        }
    }
    for (v4, v6, mac, name) in
        [("10.1.1.1", "fd00:1::1", TOR_MAC, "up0"), ("10.1.2.1", "fd00:2::1", OTHER_ROUTER_MAC, "other0")]
    {
        let mac = mac_text(mac);
        ip(&format!("neigh add {v4} lladdr {mac} nud permanent dev {name}"))?;
        ip(&format!("-6 neigh add {v6} lladdr {mac} nud permanent dev {name}"))?;
    }
    ip("route add 10.1.0.0/16 via 10.1.1.1")?;
    ip("route add 10.1.12.0/24 via 10.1.2.1")?;
    ip("-6 route add fd00:11::/64 via fd00:1::1")?;
    ip("-6 route add fd00:12::/64 via fd00:2::1")?;
    nix::net::if_::if_nametoindex("up0").context("index of up0")
}

/// A pin directory that no other test has; those that dead runs left behind are removed.
fn pin_root() -> Result<PathBuf> {
    const BPFFS: &str = "/sys/fs/bpf";
    const PREFIX: &str = "gw-packet-";
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for entry in std::fs::read_dir(BPFFS).context("list /sys/fs/bpf; is a bpffs mounted there?")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Ok(Path::new(BPFFS).join(format!("{PREFIX}{}-{n}", std::process::id())))
}
