//! Many random packets through the loaded forwarder and the model:
//! `cargo run --release -p guideway-packet-tests --bin differential -- --packets 1000000 --seed 1`, as root.
#![forbid(unsafe_code)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use guideway_packet_tests::differential::{run, run_raw};

fn main() -> Result<()> {
    let mut packets = 1_000_000;
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64> {
            let text = arguments.next().with_context(|| format!("{argument} needs a number"))?;
            text.parse().with_context(|| format!("{argument} {text}"))
        };
        match argument.as_str() {
            "--packets" => packets = number()?,
            "--seed" => seed = number()?,
            _ => bail!("usage: differential [--packets N] [--seed N]"),
        }
    }
    println!("seed {seed}");
    let start = Instant::now();
    let half = packets / 2;
    println!("worlds that no planner made: {}", run_raw(seed, half)?);
    println!("histories: {}", run(seed, packets - half)?);
    println!("no difference, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
