//! A forwarder by hand: takes what the client sends to a VIP off the wire, and sends it to a node in a tunnel.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pnet::datalink::{self, Channel, Config, DataLinkReceiver, DataLinkSender};

use crate::frame::{Wrap, encapsulated, ethernet};
use crate::netns::Netns;

/// Where packets for VIPs go, and how.
#[derive(Clone, Debug)]
pub struct Steer {
    /// The leg of the router, by its index.
    pub leg: usize,
    /// Outer source and destination.
    pub outer: (IpAddr, IpAddr),
    /// The tunnel.
    pub wrap: Wrap,
}

/// A leg of the router that a node is on.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The router's interface.
    pub interface: String,
    /// MAC addresses of the node and of the router.
    pub macs: ([u8; 6], [u8; 6]),
}

/// The running forwarder; ends when dropped.
#[derive(Debug)]
pub struct Forwarder {
    steer: Arc<Mutex<Steer>>,
    stop: Arc<AtomicBool>,
    resets: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts in the router's namespace, for the packets that come in by `client` to one of `vips`.
    ///
    /// # Errors
    /// When an interface cannot be opened.
    pub fn start(router: &Netns, client: &str, legs: &[Leg], vips: &[IpAddr], steer: Steer) -> Result<Self> {
        let mut forwarder = Self {
            steer: Arc::new(Mutex::new(steer)),
            stop: Arc::default(),
            resets: Arc::default(),
            sent: Arc::default(),
            thread: None,
        };
        let work = Work {
            steer: Arc::clone(&forwarder.steer),
            stop: Arc::clone(&forwarder.stop),
            resets: Arc::clone(&forwarder.resets),
            sent: Arc::clone(&forwarder.sent),
            legs: legs.to_vec(),
            vips: vips.to_vec(),
        };
        let thread = router.within(|| {
            let (_, from_client) = open(client)?;
            let senders: Vec<Box<dyn DataLinkSender>> = legs
                .iter()
                .map(|leg| open(&leg.interface).map(|(sender, _)| sender))
                .collect::<Result<_>>()?;
            Ok(std::thread::spawn(move || work.run(from_client, senders)))
        })?;
        forwarder.thread = Some(thread);
        Ok(forwarder)
    }

    /// Steers to somewhere else from now on.
    pub fn steer(&self, steer: Steer) {
        if let Ok(mut now) = self.steer.lock() {
            *now = steer;
        }
    }

    /// Segments with RST that a VIP has sent to the client.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }

    /// Packets that went through tunnels.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

struct Work {
    steer: Arc<Mutex<Steer>>,
    stop: Arc<AtomicBool>,
    resets: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    legs: Vec<Leg>,
    vips: Vec<IpAddr>,
}

impl Work {
    fn run(self, mut from_client: Box<dyn DataLinkReceiver>, mut senders: Vec<Box<dyn DataLinkSender>>) {
        while !self.stop.load(Ordering::Relaxed) {
            // Ends in time by the timeout.
            let Ok(frame) = from_client.next() else { continue };
            let Some((source, destination)) = addresses(frame) else { continue };
            if self.vips.contains(&source) && is_reset(frame) {
                self.resets.fetch_add(1, Ordering::Relaxed);
            }
            if !self.vips.contains(&destination) {
                continue;
            }
            let Ok(steer) = self.steer.lock().map(|steer| steer.clone()) else { return };
            let inner = ip_packet(frame);
            let packet = encapsulated(steer.outer.0, steer.outer.1, &steer.wrap, 0, 64, inner);
            let frame = ethernet(self.legs[steer.leg].macs, &[], &packet);
            let _result = senders[steer.leg].send_to(&frame, None);
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Opens an interface of this thread's namespace for whole frames.
///
/// # Errors
/// When there is none of this name, or the kernel's.
pub fn open(name: &str) -> Result<(Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>)> {
    let interface = datalink::interfaces()
        .into_iter()
        .find(|interface| interface.name == name)
        .with_context(|| format!("no interface {name}"))?;
    let config = Config {
        read_timeout: Some(Duration::from_millis(100)),
        read_buffer_size: 1 << 16,
        write_buffer_size: 1 << 16,
        ..Config::default()
    };
    match datalink::channel(&interface, config)? {
        Channel::Ethernet(sender, receiver) => Ok((sender, receiver)),
        _ => bail!("{name} is no Ethernet interface"),
    }
}

fn addresses(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    match frame.get(12..14)? {
        [0x08, 0x00] => {
            let source: [u8; 4] = frame.get(26..30)?.try_into().ok()?;
            let destination: [u8; 4] = frame.get(30..34)?.try_into().ok()?;
            Some((source.into(), destination.into()))
        }
        [0x86, 0xdd] => {
            let source: [u8; 16] = frame.get(22..38)?.try_into().ok()?;
            let destination: [u8; 16] = frame.get(38..54)?.try_into().ok()?;
            Some((source.into(), destination.into()))
        }
        _ => None,
    }
}

fn is_reset(frame: &[u8]) -> bool {
    let (protocol, flags) = if frame[12] == 0x08 { (23, 34 + 13) } else { (20, 54 + 13) };
    frame.get(protocol) == Some(&6) && frame.get(flags).is_some_and(|flags| flags & 4 != 0)
}

/// Without the padding that Ethernet may add.
fn ip_packet(frame: &[u8]) -> &[u8] {
    let packet = &frame[14..];
    let length = if packet[0] >> 4 == 4 {
        usize::from(u16::from_be_bytes([packet[2], packet[3]]))
    } else {
        40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]))
    };
    packet.get(..length).unwrap_or(packet)
}
