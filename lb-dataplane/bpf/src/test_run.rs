//! Single packets through a loaded program, by `BPF_PROG_TEST_RUN`.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use crate::sys::{self, ObjectKind, TestRunInput};

/// The kernel's `enum xdp_action`: [`TestRun::retval`].
pub mod xdp_action {
    /// The program failed.
    pub const ABORTED: u32 = 0;
    /// Thrown away.
    pub const DROP: u32 = 1;
    /// Left to the network stack.
    pub const PASS: u32 = 2;
    /// Sent out of the interface that it came in by.
    pub const TX: u32 = 3;
    /// Sent out of another interface.
    pub const REDIRECT: u32 = 4;
}

/// Room that a packet may grow by.
const GROWTH: usize = 512;

/// How the packet reaches the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRunOptions {
    /// Bytes of metadata before the packet, a multiple of 4. They take room from the head-room, of which 216 bytes are
    /// free without metadata: with 216, the most that kernel 6.18 takes, no header can be put before the packet.
    pub metadata: u32,
    /// Interface that it comes in by. The kernel takes 0 (for the loopback interface), and interfaces whose receive
    /// queues know XDP: on a veth, attach a program first.
    pub ingress_ifindex: u32,
    /// Runs, one after the other. The kernel does not restore the packet in between: 1 unless the program leaves it.
    pub repeat: u32,
    /// The packets are real ones of which the program has one each, and they go where it sends them: out of an
    /// interface, or into the network stack. In batches of this many, up to 256; 0 leaves it to the kernel. Nothing comes
    /// back but the time: [`TestRun::retval`] and [`TestRun::packet`] say nothing.
    pub live_frames: Option<u32>,
}

impl TestRunOptions {
    /// Metadata that leaves no room before the packet.
    pub const NO_HEADROOM: u32 = 216;
}

impl Default for TestRunOptions {
    fn default() -> Self {
        Self { metadata: 0, ingress_ifindex: 0, repeat: 1, live_frames: None }
    }
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// One of [`xdp_action`].
    pub retval: u32,
    /// The packet as the program left it, without metadata.
    pub packet: Vec<u8>,
    /// Of one run, on average.
    pub duration: Duration,
}

/// A program that test runs go through.
#[derive(Debug)]
pub struct TestProgram {
    program: OwnedFd,
}

impl TestProgram {
    /// Opens a pinned XDP program.
    ///
    /// # Errors
    ///
    /// Nothing is pinned there, or no program.
    pub fn open(pin: &Path) -> io::Result<Self> {
        match sys::open_pin(pin)? {
            (program, ObjectKind::Program) => Ok(Self { program }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a program")),
        }
    }

    /// Runs the program on a packet of at least 14 bytes, an Ethernet header.
    ///
    /// # Errors
    ///
    /// The kernel's: `EINVAL` for a packet or metadata that it does not take.
    pub fn run(&self, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
        run(&self.program, packet, options)
    }
}

pub(crate) fn run(program: &OwnedFd, packet: &[u8], options: &TestRunOptions) -> io::Result<TestRun> {
    let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "packet above 4 GiB");
    let mut input = vec![0; options.metadata as usize];
    input.extend_from_slice(packet);
    // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. The kernel counts
    // from the start of the metadata.
    let context: Vec<u8> =
        [options.metadata, u32::try_from(input.len()).map_err(too_long)?, 0, options.ingress_ifindex, 0, 0]
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
    let room = input.len() + GROWTH;
    let output = sys::test_run(
        program,
        &TestRunInput {
            packet: &input,
            context: &context,
            repeat: options.repeat,
            room,
            live_frames: options.live_frames,
        },
    )?;
    let metadata = output.context.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes)) as usize;
    let packet = output.packet.get(metadata..).unwrap_or_default().to_vec();
    Ok(TestRun { retval: output.retval, packet, duration: output.duration })
}
