//! The forwarder: an XDP program that finds the VIP of a packet, the backend of its flow, and sends it there
//! encapsulated. Everything that is not for a VIP goes to the kernel untouched.
//!
//! A packet takes this way, top to bottom: generation → parse → VIP lookup → slot → backend → next hop → encapsulation.
#![no_std]
#![no_main]

mod encap;
mod lookup;
mod maps;
mod next_hop;
mod outer;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use guideway_abi::{Counter, GenerationHeader};
use guideway_packet::{Datagram, Parsed, Problem, flow_hash, parse};

use guideway_xdp::Context;

use crate::{lookup::Match, next_hop::NextHop, outer::Outer};

/// A packet that is not sent on, and the counter that says so.
type Verdict<T> = Result<T, Counter>;

/// Entry point; `frags` because a jumbo frame may come in several buffers, of which only the first is read here.
#[xdp(frags)]
pub fn forwarder(ctx: XdpContext) -> u32 {
    let context = Context::new(&ctx);
    let counter = match forward(&context) {
        Ok(counter) | Err(counter) => counter,
    };
    maps::count(counter);
    match counter {
        Counter::Pass => xdp_action::XDP_PASS,
        Counter::Tx => xdp_action::XDP_TX,
        Counter::Redirect => xdp_action::XDP_REDIRECT,
        _ => xdp_action::XDP_DROP,
    }
}

#[inline(always)]
fn forward(context: &Context) -> Verdict<Counter> {
    let header = maps::active_header().ok_or(Counter::Pass)?;
    let datagram = match parse(context) {
        Parsed::Datagram(datagram) => datagram,
        Parsed::Other => return Err(Counter::Pass),
        Parsed::Broken { destination, problem } => {
            return Err(if lookup::is_vip_address(header, destination) {
                match problem {
                    Problem::Fragment => Counter::DropFragment,
                    Problem::Malformed => Counter::DropMalformed,
                    Problem::ExtensionHeaders => Counter::DropExtensionHeaders,
                }
            } else {
                Counter::Pass
            });
        }
    };
    let vip = match lookup::find(header, &datagram.flow) {
        Match::Vip(vip) => vip,
        Match::UnknownPort => return Err(Counter::DropUnknownPort),
        Match::None => return Err(Counter::Pass),
    };
    if datagram.ttl <= 1 {
        return Err(Counter::DropTtlExpired);
    }
    send(context, header, vip, &datagram)
}

#[inline(always)]
fn send(context: &Context, header: &GenerationHeader, vip: u32, datagram: &Datagram) -> Verdict<Counter> {
    let hash = flow_hash(header.flow_key, &datagram.flow);
    let index = lookup::backend(header, vip, hash)?;
    let backend = maps::BACKENDS.get(index).ok_or(Counter::DropInternal)?;
    let outer = Outer::towards(header, backend, datagram, hash)?;
    let next_hop = NextHop::find(context, header, &outer)?;
    encap::write(context, datagram, &outer, &next_hop)?;
    maps::count_traffic(vip, index, datagram.ip_len);
    Ok(next_hop.transmit(context))
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // The verifier proves that no path comes here.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
