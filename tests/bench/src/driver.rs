//! A program under test behind the driver (ebpf/driver).

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use aya::maps::{Array, MapData, ProgramArray};
use aya::programs::{ProgramFd, Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};
use guideway_bpf::{TestProgram, TestRunOptions};
use nix::time::{ClockId, clock_gettime};

use crate::frame::Template;
use crate::world::{FAR_END, INTERFACE};

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/obj/driver.o");

/// Frames of a batch of live ones.
const BATCH: u32 = 64;

/// Which flows the packets belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flows {
    /// So many, in no order.
    Of(u32),
    /// Each packet starts one.
    EverNew,
}

/// The packets of a run.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) template: Template,
    pub(crate) flows: Flows,
    /// Addresses from the template's destination on that the flows spread over.
    pub(crate) vips: u32,
}

/// What a run took and left.
#[derive(Debug)]
pub(crate) struct Run {
    /// CPU time of one packet in nanoseconds, the driver's included.
    pub(crate) ns: f64,
    /// The verdict of the last packet.
    pub(crate) verdict: u32,
    /// The last packet.
    pub(crate) packet: Vec<u8>,
}

/// The driver and the program that it calls.
pub(crate) struct Driver {
    run: TestProgram,
    settings: Array<MapData, [u32; 5]>,
    template: Array<MapData, [u64; 12]>,
    packets: Array<MapData, u64>,
    ifindex: u32,
    /// Holds the jump, which the kernel forgets with the map.
    _program: ProgramArray<MapData>,
    _loaded: Ebpf,
}

impl Driver {
    /// Loads a driver of its own for `program`. `pin` is a path for a moment.
    pub(crate) fn new(program: &ProgramFd, pin: &Path, ifindex: u32) -> Result<Self> {
        let mut loaded = EbpfLoader::new().load(OBJECT).context("load the driver")?;
        let run = open(xdp(&mut loaded, "driver")?, pin)?;
        let mut jump = ProgramArray::try_from(map(&mut loaded, "PROGRAM")?)?;
        jump.set(0, program, 0).context("put the program behind the driver")?;
        Ok(Self {
            run,
            settings: Array::try_from(map(&mut loaded, "SETTINGS")?)?,
            template: Array::try_from(map(&mut loaded, "TEMPLATE")?)?,
            packets: Array::try_from(map(&mut loaded, "PACKETS")?)?,
            ifindex,
            _program: jump,
            _loaded: loaded,
        })
    }

    /// Sends `packets` packets through the program. Every one of them was made and judged, or this fails.
    pub(crate) fn run(&mut self, traffic: &Traffic, packets: u32) -> Result<Run> {
        let before = self.prepare(traffic)?;
        let options =
            TestRunOptions { ingress_ifindex: self.ifindex, repeat: packets, ..TestRunOptions::default() };
        let start = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        let run = self.run.run(&traffic.template.bytes, &options).context("test run")?;
        let took = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - start;
        self.check(before, packets)?;
        let ns = Duration::from(took).as_secs_f64() * 1e9 / f64::from(packets);
        Ok(Run { ns, verdict: run.retval, packet: run.packet })
    }

    /// The same with packets that really leave. Gives the time that passed for each, in nanoseconds.
    pub(crate) fn run_live(&mut self, traffic: &Traffic, packets: u32) -> Result<f64> {
        let before = self.prepare(traffic)?;
        let options = TestRunOptions {
            ingress_ifindex: self.ifindex,
            repeat: packets,
            live_frames: Some(BATCH),
            ..TestRunOptions::default()
        };
        let start = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
        self.run.run(&traffic.template.bytes, &options).context("test run with live frames")?;
        let took = clock_gettime(ClockId::CLOCK_MONOTONIC)? - start;
        self.check(before, packets)?;
        Ok(Duration::from(took).as_secs_f64() * 1e9 / f64::from(packets))
    }

    fn prepare(&mut self, traffic: &Traffic) -> Result<u64> {
        let flows = match traffic.flows {
            Flows::Of(flows) => flows,
            Flows::EverNew => 0,
        };
        let template = &traffic.template;
        let len = u32::try_from(template.bytes.len()).context("length of a packet")?;
        let outer = u32::try_from(template.outer).context("length of the outer headers")?;
        self.settings.set(0, [len, template.family, flows, traffic.vips, outer], 0)?;
        self.template.set(0, template.parts(), 0)?;
        Ok(self.packets.get(&0, 0)?)
    }

    fn check(&self, before: u64, packets: u32) -> Result<()> {
        let made = self.packets.get(&0, 0)? - before;
        if made != u64::from(packets) {
            bail!("the driver made {made} packets instead of {packets}");
        }
        Ok(())
    }
}

/// The programs that others are compared with.
pub(crate) struct Baselines {
    /// Does nothing: what is left is the driver's time and the kernel's.
    pub(crate) empty: Driver,
    /// Puts a constant header in front.
    pub(crate) encap_floor: Driver,
    /// Holds the links of both ends.
    _loaded: Ebpf,
}

impl Baselines {
    /// Loads them, and attaches to both ends of the link: the kernel takes test packets only from an interface that is set
    /// up for XDP, and a far end takes what XDP sends only when it has a program itself.
    pub(crate) fn new(pin: &Path, ifindex: u32) -> Result<Self> {
        let mut loaded = EbpfLoader::new().load(OBJECT).context("load the baselines")?;
        let program = xdp(&mut loaded, "empty")?;
        program.attach(INTERFACE, XdpMode::Driver).with_context(|| format!("attach to {INTERFACE}"))?;
        let empty = Driver::new(program.fd()?, pin, ifindex)?;
        let sink = xdp(&mut loaded, "drop")?;
        sink.attach(FAR_END, XdpMode::Driver).with_context(|| format!("attach to {FAR_END}"))?;
        let encap_floor = Driver::new(xdp(&mut loaded, "encap_floor")?.fd()?, pin, ifindex)?;
        Ok(Self { empty, encap_floor, _loaded: loaded })
    }
}

fn xdp<'a>(loaded: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program: &mut Xdp =
        loaded.program_mut(name).with_context(|| format!("the object has no program {name}"))?.try_into()?;
    program.load().with_context(|| format!("load {name}"))?;
    Ok(program)
}

fn open(program: &mut Xdp, pin: &Path) -> Result<TestProgram> {
    program.pin(pin).with_context(|| format!("pin {}", pin.display()))?;
    let opened = TestProgram::open(pin).context("open the driver")?;
    std::fs::remove_file(pin).with_context(|| format!("remove {}", pin.display()))?;
    Ok(opened)
}

fn map(loaded: &mut Ebpf, name: &str) -> Result<aya::maps::Map> {
    loaded.take_map(name).with_context(|| format!("the object has no map {name}"))
}
