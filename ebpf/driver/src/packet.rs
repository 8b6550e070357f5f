//! The packets.

use core::hint::black_box;

use aya_ebpf::{btf_maps::Array, helpers::bpf_xdp_adjust_head, macros::btf_map};
use guideway_xdp::Context;

/// What userspace sets before a run.
#[repr(C)]
pub struct Settings {
    /// Length of a packet with its Ethernet header; at least 62 bytes.
    frame_len: u32,
    /// 4 or 6: family of the template.
    family: u32,
    /// Flows that the packets are chosen from, in no order; 0 gives each packet a flow that was never seen before.
    flows: u32,
    /// VIPs that the flows spread over: so many addresses from the template's destination on.
    vips: u32,
    /// Bytes of outer headers between Ethernet and the header that the flows are told apart by: 0, 20, 24 or 32.
    outer: u32,
}

/// Where the driver takes its packets from. What is not in it is left as userspace handed it in; no program writes there.
#[repr(C)]
pub struct Template {
    /// Bytes 0 to 7 and 6 to 13 of the Ethernet header, then the 48 bytes from the inner (or only) IP header on, which
    /// reach to the ports at least.
    words: [u64; WORDS],
    /// The outer headers.
    outer: [u8; 32],
}

const WORDS: usize = 8;

#[btf_map]
static SETTINGS: Array<Settings, 1> = Array::new();
#[btf_map]
static TEMPLATE: Array<Template, 1> = Array::new();
/// Packets made so far: the proof that every repetition made one.
#[btf_map]
static PACKETS: Array<u64, 1> = Array::new();

/// 2^64 divided by the golden ratio: its multiples spread evenly over all numbers.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Flows of one source address: their ports are 1024 and up.
const PORT_BITS: u32 = 14;

/// Turns what the last repetition left into the next packet.
#[inline(always)]
pub fn next(context: &Context) -> Option<()> {
    let settings = SETTINGS.get(0)?;
    let template = TEMPLATE.get(0)?;
    let packets = PACKETS.get_ptr_mut(0)?;
    // SAFETY: one test run at a time uses the element.
    let number = unsafe {
        *packets += 1;
        *packets
    };

    // Always called, so that it costs the same whether the program under test adds a header or not.
    let md = context.as_ptr();
    // SAFETY: the kernel gives a valid context for the run of the program.
    let len = unsafe { (*md).data_end as usize - (*md).data as usize };
    // To the verifier both are pointers, with which it allows no arithmetic of 32 bits: end it here.
    let len = black_box(len);
    let surplus = len as i32 - settings.frame_len as i32;
    // SAFETY: the helper takes the program's own context; pointers into the packet are fetched after it.
    if unsafe { bpf_xdp_adjust_head(context.as_ptr(), surplus) } != 0 {
        return None;
    }

    let flow = match settings.flows {
        0 => number as u32,
        flows => scale((number.wrapping_mul(SPREAD) >> 32) as u32, flows),
    };
    let vip = scale(flow.wrapping_mul((SPREAD >> 32) as u32), settings.vips);
    let source = flow >> PORT_BITS;
    let port = 1024 + (flow & ((1 << PORT_BITS) - 1)) as u16;
    let mut words = template.words;
    if settings.family == 4 {
        add_to_address(&mut words[3], source);
        words[4] |= u64::from(port.to_be()) << 32;
        add_to_low_address(&mut words[4], vip);
    } else {
        add_to_address(&mut words[4], source);
        add_to_address(&mut words[6], vip);
        words[7] |= u64::from(port.to_be());
    }
    match settings.outer {
        0 => write::<0>(context, &words, template),
        20 => write::<20>(context, &words, template),
        24 => write::<24>(context, &words, template),
        32 => write::<32>(context, &words, template),
        _ => None,
    }
}

/// `number` brought from the range of 32 bits into `0..limit`.
#[inline(always)]
fn scale(number: u32, limit: u32) -> u32 {
    ((u64::from(number) * u64::from(limit)) >> 32) as u32
}

/// Adds to an address (or the end of one) in the last four bytes of a word.
#[inline(always)]
fn add_to_address(word: &mut u64, n: u32) {
    let address = u32::from_be((*word >> 32) as u32).wrapping_add(n);
    *word = *word & 0xffff_ffff | u64::from(address.to_be()) << 32;
}

/// Adds to an address in the first four bytes of a word.
#[inline(always)]
fn add_to_low_address(word: &mut u64, n: u32) {
    let address = u32::from_be(*word as u32).wrapping_add(n);
    *word = *word & !0xffff_ffff | u64::from(address.to_be());
}

#[inline(always)]
fn write<const OUTER: usize>(context: &Context, words: &[u64; WORDS], template: &Template) -> Option<()> {
    let head = context.view_mut::<14>(0)?;
    head[..8].copy_from_slice(&words[0].to_le_bytes());
    head[6..14].copy_from_slice(&words[1].to_le_bytes());
    if OUTER > 0 {
        context.view_mut::<OUTER>(14)?.copy_from_slice(&template.outer[..OUTER]);
    }
    let inner = context.view_mut::<48>(14 + OUTER)?;
    inner[..8].copy_from_slice(&words[2].to_le_bytes());
    inner[8..16].copy_from_slice(&words[3].to_le_bytes());
    inner[16..24].copy_from_slice(&words[4].to_le_bytes());
    inner[24..32].copy_from_slice(&words[5].to_le_bytes());
    inner[32..40].copy_from_slice(&words[6].to_le_bytes());
    inner[40..].copy_from_slice(&words[7].to_le_bytes());
    Some(())
}
