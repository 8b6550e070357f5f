//! A program under test behind the driver (ebpf/driver).

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use aya::maps::{Array, MapData, ProgramArray};
use aya::programs::{ProgramFd, Xdp, XdpMode};
use aya::{Ebpf, EbpfLoader};
use guideway_bpf::{TestProgram, TestRunOptions};
use nix::time::{ClockId, clock_gettime};

use crate::frame::Template;
use crate::world::INTERFACE;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/obj/driver.o");

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
    settings: Array<MapData, [u32; 4]>,
    template: Array<MapData, [u64; 8]>,
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
        let flows = match traffic.flows {
            Flows::Of(flows) => flows,
            Flows::EverNew => 0,
        };
        let len = u32::try_from(traffic.template.bytes.len()).context("length of a packet")?;
        self.settings.set(0, [len, traffic.template.family, flows, traffic.vips], 0)?;
        self.template.set(0, traffic.template.words(), 0)?;
        let before = self.packets.get(&0, 0)?;
        let options = TestRunOptions { ingress_ifindex: self.ifindex, repeat: packets, metadata: 0 };
        let start = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        let run = self.run.run(&traffic.template.bytes, &options).context("test run")?;
        let took = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - start;
        let made = self.packets.get(&0, 0)? - before;
        if made != u64::from(packets) {
            bail!("the driver made {made} packets instead of {packets}");
        }
        let ns = std::time::Duration::from(took).as_secs_f64() * 1e9 / f64::from(packets);
        Ok(Run { ns, verdict: run.retval, packet: run.packet })
    }
}

/// The programs that forwarders are compared with.
pub(crate) struct Baselines {
    /// Does nothing.
    pub(crate) empty: Driver,
    /// Puts a constant header in front.
    pub(crate) encap_floor: Driver,
    /// Holds the link of [`INTERFACE`].
    _loaded: Ebpf,
}

impl Baselines {
    /// Loads them, and attaches one: the kernel takes test packets only from an interface that is set up for XDP.
    pub(crate) fn new(pin: &Path, ifindex: u32) -> Result<Self> {
        let mut loaded = EbpfLoader::new().load(OBJECT).context("load the baselines")?;
        let program = xdp(&mut loaded, "empty")?;
        program.attach(INTERFACE, XdpMode::Driver).context("attach to up0")?;
        let empty = Driver::new(program.fd()?, pin, ifindex)?;
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
