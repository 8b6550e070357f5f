//! The kernel's clock, as the forwarder reads it.

use std::io;
use std::os::fd::OwnedFd;

use crate::sys::{self, TestRunInput};

/// Ethernet's header, the shortest packet that the kernel runs a program on. The program writes into its start.
const PACKET: [u8; 14] = [0; 14];

/// The program that tells the kernel's 64-bit `jiffies`.
#[derive(Debug)]
pub(crate) struct Clock {
    program: OwnedFd,
    ticks_per_second: u32,
}

impl Clock {
    pub(crate) fn new(program: OwnedFd) -> io::Result<Self> {
        let nanoseconds = sys::tick()?.as_nanos();
        let ticks_per_second = 1_000_000_000_u128
            .checked_add(nanoseconds / 2)
            .and_then(|sum| sum.checked_div(nanoseconds))
            .and_then(|rate| u32::try_from(rate).ok())
            .filter(|rate| *rate > 0)
            .ok_or_else(|| io::Error::other(format!("the kernel's clock has ticks of {nanoseconds} ns")))?;
        Ok(Self { program, ticks_per_second })
    }

    pub(crate) fn jiffies(&self) -> io::Result<u64> {
        let input = TestRunInput { packet: &PACKET, room: PACKET.len(), ..TestRunInput::default() };
        let output = sys::test_run(&self.program, &input)?;
        let bytes = output.packet.first_chunk().ok_or_else(|| io::Error::other("the clock gave no time"))?;
        Ok(u64::from_ne_bytes(*bytes))
    }

    pub(crate) fn ticks_per_second(&self) -> u32 {
        self.ticks_per_second
    }

    pub(crate) fn tick_shift(&self) -> u32 {
        closest_power(self.ticks_per_second)
    }
}

/// The exponent of the power of two that comes closest to `number` (by ratio), which is not zero.
fn closest_power(number: u32) -> u32 {
    let below = number.max(1).ilog2();
    // Above the square root of two times the power below, the next one is closer.
    let square = u64::from(number) * u64::from(number);
    if square > 1 << (2 * below + 1) { below + 1 } else { below }
}

#[cfg(test)]
mod tests {
    use super::closest_power;

    #[test]
    fn a_tick_comes_closest_to_a_second() {
        for (rate, shift) in [(1, 0), (2, 1), (100, 7), (250, 8), (300, 8), (1000, 10), (u32::MAX, 32)] {
            assert_eq!(closest_power(rate), shift, "{rate}");
        }
    }
}
