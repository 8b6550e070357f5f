//! A forwarder in a network namespace of its own, and the model of it beside.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_abi::Capacities;
use guideway_bpf::{Dataplane, TestRun, TestRunOptions, XdpMode};
use guideway_dataplane::apply::{Kernel, MapStore as _, apply};
use guideway_dataplane_plan::{BootTime, Desired, Installed, Op, Outcome, TableCache, plan};
use guideway_packet_model::{FlowTable, Outcome as Expected, World, forward};

mod compare;
mod counts;
mod lookup;
mod network;
mod read_back;
mod ways;
mod write;

pub use counts::Counts;
pub use network::{MTU, Network, OTHER_MAC, OTHER_ROUTER_MAC};
pub use ways::Ways;

/// Room before a frame, and none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headroom {
    /// What a test run has: 216 bytes.
    Usual,
    /// Nothing, where the kernel [can do so](can_take_headroom).
    None,
}

/// Whether a test run of this kernel can take all of the room before a frame away: that of Linux 6.1 takes 32 bytes of metadata
/// at most. What needs more is left out there, and on no later kernel.
#[must_use]
pub fn can_take_headroom() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        !release.starts_with("6.1.")
    })
}

/// A loaded forwarder. Dropping it removes its pins; the namespace goes with the thread.
pub struct Fixture {
    pins: PathBuf,
    kernel: Kernel,
    /// Interfaces, routes and neighbours.
    pub network: Network,
    /// The planner's clock.
    now: BootTime,
    cache: TableCache,
    ways: Ways,
    /// What the packets meet; `None` while nothing is installed.
    world: Option<World>,
    /// The model's flow table.
    flows: FlowTable,
    counts: Counts,
}

/// Maps that are small enough to be read after each packet.
pub const CAPACITIES: Capacities =
    Capacities { vips: 64, backends: 64, tables_large: 40, tables_small: 40, flow_buckets: 256 };

impl Fixture {
    /// Moves this thread into a network namespace of its own, and loads the program there.
    ///
    /// # Errors
    ///
    /// Without root or a bpffs at /sys/fs/bpf, or when the kernel refuses the program.
    pub fn new() -> Result<Self> {
        let network = Network::new()?;
        let pins = pin_root()?;
        let dataplane = Dataplane::open(&pins, CAPACITIES)?;
        // The kernel takes a test packet only from an interface whose queues are set up for XDP.
        dataplane.attach("up0", XdpMode::Native)?;
        let mut fixture = Self {
            pins,
            kernel: Kernel::new(dataplane)?,
            network,
            now: BootTime(1_000_000),
            cache: TableCache::default(),
            ways: Ways::default(),
            world: None,
            flows: FlowTable::default(),
            counts: Counts::default(),
        };
        fixture.write_links()?;
        fixture.resume()?;
        Ok(fixture)
    }

    /// The maps and programs.
    #[must_use]
    pub fn dataplane(&self) -> &Dataplane {
        self.kernel.dataplane()
    }

    /// What the planner finds in the maps.
    ///
    /// # Errors
    ///
    /// When they cannot be read or contradict each other.
    pub fn installed(&self) -> Result<Installed> {
        Ok(self.kernel.read()?)
    }

    /// What the packets meet.
    #[must_use]
    pub fn world(&self) -> Option<&World> {
        self.world.as_ref()
    }

    /// Plans from what the maps hold to `desired` and writes it, as the agent does; reads back what is installed.
    ///
    /// # Errors
    ///
    /// When the plan is refused, the maps cannot be written, or what is installed is not what was asked for.
    pub fn install(&mut self, desired: &Desired) -> Result<()> {
        let installed = self.installed()?;
        match plan(desired, &installed, self.now, &mut self.cache)? {
            Outcome::Plan(plan) => self.apply(&plan.ops)?,
            Outcome::Unchanged(_) => {}
        }
        let before = self.world.take();
        let world = read_back::world(self.dataplane(), desired, &self.network).context("read back")?;
        self.check_regions(before.as_ref(), &world)?;
        self.world = Some(world);
        self.write_ways()?;
        self.resume()
    }

    fn apply(&self, ops: &[Op]) -> Result<()> {
        apply(&self.kernel, ops).context("apply the plan")?;
        self.kernel.grace_period().context("wait for a grace period")
    }

    /// Writes a world into the maps, without a planner: also one that no planner would make.
    ///
    /// # Errors
    ///
    /// When the maps cannot be written.
    pub fn put(&mut self, world: World, flows: FlowTable) -> Result<()> {
        write::world(self.dataplane(), &world)?;
        self.flows = flows;
        self.write_flows()?;
        self.world = Some(world);
        self.write_ways()?;
        self.resume()
    }

    /// The model's flow table, to be changed behind the program's back.
    ///
    /// # Errors
    ///
    /// When the flow table cannot be written.
    pub fn change_flows(&mut self, change: impl FnOnce(&mut FlowTable)) -> Result<()> {
        change(&mut self.flows);
        self.write_flows()
    }

    /// Lets time pass: for the planner, and for the entries of the flow table.
    ///
    /// # Errors
    ///
    /// When the flow table cannot be written.
    pub fn advance(&mut self, time: Duration) -> Result<()> {
        self.now = self.now.after(time);
        self.flows.age(u32::try_from(time.as_secs())?);
        self.write_flows()
    }

    /// Empties the flow table.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn forget_flows(&mut self) -> Result<()> {
        self.flows.buckets.fill(Default::default());
        self.write_flows()
    }

    /// Sends a frame through the program as if it came in by `up0`.
    ///
    /// # Errors
    ///
    /// The kernel's, for a frame below 14 bytes.
    pub fn send(&self, frame: &[u8], headroom: Headroom) -> Result<TestRun> {
        let options = TestRunOptions {
            metadata: if headroom == Headroom::None { TestRunOptions::NO_HEADROOM } else { 0 },
            ingress_ifindex: self.network.ingress,
            ..TestRunOptions::default()
        };
        self.dataplane().test_run(frame, &options).context("test run")
    }

    /// Sends a frame through program and model. Verdict, bytes, all counters and the whole flow table have to agree.
    ///
    /// # Errors
    ///
    /// When they do not; the model goes on from what the maps hold then.
    pub fn check(&mut self, frame: &[u8], headroom: Headroom) -> Result<Expected> {
        let free = if headroom == Headroom::None { 0 } else { TestRunOptions::NO_HEADROOM as usize };
        let from = self.dataplane().jiffies()?;
        let run = self.send(frame, headroom)?;
        let to = self.dataplane().jiffies()?;
        let counts = Counts::read(self.dataplane())?;
        let flows = self.read_flows()?;
        let added = counts.since(&self.counts);
        let mut failure = None;
        // A tick may have come while the packet was on its way.
        for jiffies in [from, to] {
            let mut modelled = self.flows.clone();
            let expected = match &self.world {
                Some(world) => forward(world, &mut modelled, jiffies, frame, free),
                None => Expected::passed(frame),
            };
            match compare::compare(&expected, &run, &added, &modelled, &flows) {
                Ok(()) => {
                    self.flows = modelled;
                    self.counts = counts;
                    return Ok(expected);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        self.flows = flows;
        self.counts = counts;
        Err(failure.context("two comparisons")?)
    }

    /// The model goes on from what the maps hold.
    fn resume(&mut self) -> Result<()> {
        self.flows = self.read_flows()?;
        self.counts = Counts::read(self.dataplane())?;
        Ok(())
    }

    fn read_flows(&self) -> Result<FlowTable> {
        Ok(FlowTable::read(&self.dataplane().flows(0, CAPACITIES.flow_buckets)?))
    }

    fn write_flows(&self) -> Result<()> {
        Ok(self.dataplane().write_flows(0, &self.flows.written())?)
    }

    /// A VIP that kept its region kept its entries, and one that got another found nothing there.
    fn check_regions(&self, before: Option<&World>, after: &World) -> Result<()> {
        let now = self.read_flows()?;
        for vip in &after.vips {
            let Some(region) = vip.region else { continue };
            let buckets = region.first as usize..(region.first + region.buckets) as usize;
            ensure!(buckets.end <= now.buckets.len(), "{vip:?} has a region beyond the flow table");
            let same = |other: &&guideway_packet_model::Vip| {
                other.address == vip.address && other.protocol == vip.protocol && other.ports == vip.ports
            };
            let old = before.and_then(|world| world.vips.iter().find(same)).and_then(|old| old.region);
            for bucket in buckets {
                let owned = old.is_some_and(|r| {
                    (r.first..r.first + r.buckets).contains(&u32::try_from(bucket).unwrap_or(u32::MAX))
                });
                let empty = now.buckets[bucket].iter().all(|place| place.backend == 0);
                ensure!(empty || owned, "{vip:?} found entries of others in its new region");
                let kept = now.buckets[bucket] == self.flows.buckets[bucket];
                ensure!(kept || old != vip.region, "{vip:?} lost entries");
            }
            let overlaps = after.vips.iter().filter(|other| other.index != vip.index).any(|other| {
                other.region.is_some_and(|r| {
                    r.first < region.first + region.buckets && region.first < r.first + r.buckets
                })
            });
            ensure!(!overlaps, "the region of {vip:?} is another VIP's too");
        }
        Ok(())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.pins);
    }
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
