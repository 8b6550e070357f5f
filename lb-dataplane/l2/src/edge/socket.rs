//! A packet socket of an interface, which lets through ARP and neighbour discovery alone.

use std::io;
use std::os::fd::IntoRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, PACKET_OUTGOING, SKF_AD_OFF,
    SKF_AD_PKTTYPE, SKF_AD_VLAN_TAG_PRESENT,
};
use pnet::datalink::{
    self, Channel, ChannelType, Config, DataLinkReceiver, DataLinkSender, NetworkInterface,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::sync::mpsc;

use super::Frame;

/// Bytes of a frame that are read. Neither ARP nor what is looked at of neighbour discovery is longer.
const LONGEST: usize = 2048;

/// Bytes in the kernel for frames that wait to be read.
const RECEIVE_BUFFER: usize = 1 << 20;

/// After this time without a frame the reader looks whether it is still wanted.
const IDLE: Duration = Duration::from_millis(250);

/// The sending side of a socket; when it is dropped, the reader ends.
pub(super) struct Sender {
    sender: Box<dyn DataLinkSender>,
    reader: JoinHandle<()>,
    is_wanted: Arc<AtomicBool>,
}

/// Opens a socket and reads it into `frames`, by a thread since pnet waits. A frame that finds no room there is lost:
/// whoever asks asks again.
pub(super) fn open(interface: &NetworkInterface, frames: mpsc::Sender<Frame>) -> io::Result<Sender> {
    // Nothing comes in before pnet binds it, and so nothing before the filter is there.
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
    socket.attach_filter(&filter())?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let config = Config {
        read_buffer_size: LONGEST,
        read_timeout: Some(IDLE),
        // A frame that cannot be sent at once is lost.
        write_timeout: Some(Duration::ZERO),
        channel_type: ChannelType::Layer2,
        promiscuous: false,
        socket_fd: Some(socket.into_raw_fd()),
        ..Config::default()
    };
    let (sender, receiver) = match datalink::channel(interface, config)? {
        Channel::Ethernet(sender, receiver) => (sender, receiver),
        _ => return Err(io::Error::other("the channel is not one of Ethernet")),
    };
    let is_wanted = Arc::new(AtomicBool::new(true));
    let (link, wanted) = (interface.index, Arc::clone(&is_wanted));
    let thread = Builder::new().name(format!("l2 {}", interface.name));
    let reader = thread.spawn(move || read(receiver, link, &frames, &wanted))?;
    Ok(Sender { sender, reader, is_wanted })
}

impl Sender {
    /// Whether frames are still read.
    pub(super) fn is_alive(&self) -> bool {
        !self.reader.is_finished()
    }

    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.sender.send_to(frame, None).unwrap_or_else(|| Err(io::Error::other("the frame is too long")))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }
}

/// Until nobody wants it, or the socket fails, as it does when its interface goes down.
fn read(
    mut receiver: Box<dyn DataLinkReceiver>,
    link: u32,
    frames: &mpsc::Sender<Frame>,
    wanted: &AtomicBool,
) {
    while wanted.load(Ordering::Relaxed) {
        match receiver.next() {
            Ok(frame) => {
                if let Err(mpsc::error::TrySendError::Closed(_)) = frames.try_send((link, frame.to_vec())) {
                    return;
                }
            }
            Err(error) if is_nothing(&error) => {}
            Err(_) => return,
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

const ETHERTYPE: u32 = 12;
const ARP: u32 = 0x0806;
const IPV6: u32 = 0x86dd;
const NEXT_HEADER: u32 = 14 + 6;
const ICMPV6: u32 = 58;
const ICMPV6_TYPE: u32 = 14 + 40;
const SOLICITATION: u32 = 135;
const ADVERTISEMENT: u32 = 136;

/// Frames that come in without a VLAN tag (those of a VLAN come again by its own interface) and are ARP or, without
/// extension headers, neighbour solicitations and advertisements.
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)] // classic BPF has numbers for what is beside a packet
fn filter() -> [SockFilter; 14] {
    let load = |width: u32, at: u32| SockFilter::new((BPF_LD | BPF_ABS | width) as u16, 0, 0, at);
    let beside = |at: i32| load(BPF_B, (SKF_AD_OFF + at) as u32);
    // Both counts are of instructions that are left out.
    let if_equal =
        |value: u32, so: u8, not: u8| SockFilter::new((BPF_JMP | BPF_JEQ | BPF_K) as u16, so, not, value);
    let if_set =
        |bits: u32, so: u8, not: u8| SockFilter::new((BPF_JMP | BPF_JSET | BPF_K) as u16, so, not, bits);
    let end = |bytes: u32| SockFilter::new((BPF_RET | BPF_K) as u16, 0, 0, bytes);
    [
        beside(SKF_AD_PKTTYPE),
        if_equal(u32::from(PACKET_OUTGOING), 11, 0),
        beside(SKF_AD_VLAN_TAG_PRESENT),
        if_set(1, 9, 0),
        load(BPF_H, ETHERTYPE),
        if_equal(ARP, 6, 0),
        if_equal(IPV6, 0, 6),
        load(BPF_B, NEXT_HEADER),
        if_equal(ICMPV6, 0, 4),
        load(BPF_B, ICMPV6_TYPE),
        if_equal(SOLICITATION, 1, 0),
        if_equal(ADVERTISEMENT, 0, 1),
        end(LONGEST as u32),
        end(0),
    ]
}
