//! The programs of a workload node. `decap`, an XDP program, takes tunnels off packets for the node's VIPs, translates
//! their destination where a service has a target, and hands over packets of connections that another node has.
//! `decap_egress`, a tc program, gives replies of translated flows the VIP back as their source. All else is left to the
//! kernel untouched. docs/decap.md is the reference.
#![no_std]
#![no_main]

mod deliver;
mod egress;
mod flow;
mod hand_over;
mod inner;
mod local;
mod maps;
mod packet;
mod service;
mod skb;

use aya_ebpf::{
    bindings::xdp_action,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use guideway_abi::{DecapCounter, decap_service_kind};
use guideway_packet::{HOPS_MAX, Tunnel, TunnelKind, parse_l2, parse_tunnel};
use guideway_xdp::Context;

use packet::Packet;
use service::Services;

/// What is done with a packet, or the counter that says why nothing is.
type Verdict<T> = Result<T, DecapCounter>;

/// Entry point for packets that come in.
#[xdp(frags)]
pub fn decap(ctx: XdpContext) -> u32 {
    let context = Context::new(&ctx);
    let (counter, action) = match take_off(&context) {
        Ok(done) => done,
        Err(DecapCounter::Pass) => (DecapCounter::Pass, xdp_action::XDP_PASS),
        Err(counter) => (counter, xdp_action::XDP_DROP),
    };
    maps::count(counter);
    action
}

/// Entry point for packets that go out.
#[classifier]
pub fn decap_egress(ctx: TcContext) -> i32 {
    egress::translate(&ctx);
    egress::NEXT
}

#[inline(always)]
fn take_off(context: &Context) -> Verdict<(DecapCounter, u32)> {
    let global = maps::global().ok_or(DecapCounter::Pass)?;
    let l2 = parse_l2(context).ok_or(DecapCounter::Pass)?;
    let tunnel = parse_tunnel(context, l2, global.gue_port_be).ok_or(DecapCounter::Pass)?;
    let mut packet = Packet::new(tunnel).ok_or(DecapCounter::Pass)?;
    let destination = inner::destination(context, packet).ok_or(DecapCounter::Pass)?;
    let services = Services::of(destination, packet).ok_or(DecapCounter::Pass)?;
    inner::read(context, &mut packet)?;
    let outer = packet.tunnel().destination;
    let mut service = services.find(packet, outer);
    if packet.may_be_elsewhere() {
        // So many further hops at most, so that the loop ends.
        for more in 0..HOPS_MAX {
            let taken = packet.hops_taken() + more;
            let Some(next) = packet.hop(context, taken) else { break };
            if local::has(context, packet, service) {
                break;
            }
            // The next hop may be another Pod of this very node.
            match services.exact(packet, next) {
                Some(another) => service = another,
                None => {
                    let action = hand_over::send(context, global, packet, &next, taken);
                    // The action of a program that failed stands for none.
                    if action == xdp_action::XDP_ABORTED {
                        return Err(DecapCounter::DropNoNextHop);
                    }
                    return Ok((DecapCounter::HandedOver, action));
                }
            }
        }
    }
    match service.kind {
        decap_service_kind::AS_IS => {}
        decap_service_kind::TRANSLATE => {
            flow::follow(packet, service)?;
            deliver::translate(context, packet, service)?;
        }
        decap_service_kind::DRAIN if flow::goes_on(packet, service) => {
            flow::follow(packet, service)?;
            deliver::translate(context, packet, service)?;
        }
        _ => return Err(DecapCounter::DropUnknownPort),
    }
    deliver::strip(context, packet)?;
    Ok((counter_of(packet.tunnel()), xdp_action::XDP_PASS))
}

#[inline(always)]
const fn counter_of(tunnel: &Tunnel) -> DecapCounter {
    match tunnel.kind {
        TunnelKind::IpIp => DecapCounter::Ipip,
        TunnelKind::Gue => DecapCounter::Gue,
        TunnelKind::Gre => DecapCounter::Gre,
    }
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
