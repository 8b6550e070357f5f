//! Reception: datagrams to sessions (RFC 5880 section 6.3).

use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::Instant;

use guideway_bfd::packet::{Decoded, Discard, MAX_LEN, Packet};
use guideway_bfd::{Arrival, State};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::Socket;

use super::runner::Runner;

/// Two ports in two families.
pub(super) const MAX_PORTS: usize = 4;
/// How many datagrams of a socket are read at one turn: a flood must not keep the clocks from being looked at.
const MOST_AT_ONCE: usize = 2048;

/// A socket that receives.
pub(super) struct Port {
    pub(super) socket: Socket,
    pub(super) port: u16,
}

/// Room for what the kernel says beside a datagram.
pub(super) fn control_buffer() -> Vec<u8> {
    nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo, libc::c_int)
}

impl Runner {
    /// Takes in everything that has come; says whether a state changed.
    pub(super) fn receive(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for index in 0..self.sources.ports.len() {
            for _ in 0..MOST_AT_ONCE {
                // One octet more than the longest packet needs would be cut off unseen otherwise; longer datagrams are
                // told by their length field.
                let mut datagram = [0; MAX_LEN + 1];
                let Some((length, arrival)) = self.read(index, &mut datagram) else { break };
                let Some(arrival) = arrival else { continue };
                changed |= self.datagram(&datagram[..length], &arrival, now);
            }
        }
        for index in 0..self.slots.len() {
            if self.slots[index].has_wire() {
                self.slots[index].read_echoes(now);
                self.touch(index, now);
            }
        }
        changed
    }

    /// The next datagram; `None` when there is none. Without an arrival it cannot be used.
    fn read(&mut self, index: usize, datagram: &mut [u8]) -> Option<(usize, Option<Arrival>)> {
        let Port { socket, port } = &self.sources.ports[index];
        let mut parts = [IoSliceMut::new(datagram)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut self.control), flags)
                .ok()?;
        let source = message.address.as_ref().and_then(source);
        let (mut target, mut ttl) = (None, None);
        for control in message.cmsgs().into_iter().flatten() {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let address = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                    target = Some((IpAddr::from(address), u32::try_from(info.ipi_ifindex).unwrap_or(0)));
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    target = Some((IpAddr::from(address), info.ipi6_ifindex));
                }
                ControlMessageOwned::Ipv4Ttl(value) | ControlMessageOwned::Ipv6HopLimit(value) => {
                    ttl = u8::try_from(value).ok();
                }
                _ => {}
            }
        }
        let arrival = source.zip(target).zip(ttl).map(|((source, (destination, interface)), ttl)| Arrival {
            source,
            destination,
            interface,
            ttl,
            port: *port,
        });
        Some((message.bytes, arrival))
    }

    fn datagram(&mut self, datagram: &[u8], arrival: &Arrival, now: Instant) -> bool {
        let decoded = Packet::decode(datagram);
        let your = decoded.as_ref().map_or(0, |decoded| decoded.packet.your_discriminator);
        let Some(index) = self.find(your, arrival) else {
            self.totals.stray.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        let slot = &mut self.slots[index];
        let result = decoded.and_then(|decoded| {
            slot.endpoint.admit(arrival)?;
            receive(&mut slot.session, &decoded, now)
        });
        let changed = match result {
            Ok(transition) => {
                slot.counts.received += 1;
                slot.note(transition)
            }
            Err(why) => {
                slot.counts.discarded += 1;
                slot.counts.last_discard = Some(why);
                slot.unpublished = true;
                false
            }
        };
        self.touch(index, now);
        changed
    }

    /// The session that the packet is for: by our number if the peer knows it, otherwise by where it comes from. What
    /// cannot be read is put down to the session that its sender has, so that somebody is told of it.
    fn find(&self, your_discriminator: u32, arrival: &Arrival) -> Option<usize> {
        if your_discriminator != 0 {
            return self.numbers.iter().position(|number| *number == your_discriminator);
        }
        let from = |index: &usize| {
            let slot = &self.slots[*index];
            slot.endpoint.remote == arrival.source && slot.endpoint.hops.port() == arrival.port
        };
        let candidates = || (0..self.slots.len()).filter(from);
        // The one whose addresses and interface fit; a session that is ending comes last.
        let rank = |index: &usize| {
            let slot = &self.slots[*index];
            (slot.endpoint.admit(arrival).is_err(), slot.is_leaving())
        };
        candidates().min_by_key(rank)
    }
}

fn receive(
    session: &mut guideway_bfd::Session,
    decoded: &Decoded<'_>,
    now: Instant,
) -> Result<Option<guideway_bfd::Transition>, Discard> {
    match session.receive(decoded, now) {
        // On the way out; the peer's answers are of no interest.
        Err(Discard::AdminDown) if session.state() == State::AdminDown => Ok(None),
        result => result,
    }
}

fn source(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
}
