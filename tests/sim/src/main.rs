//! Plays many histories and prints how many flows each scheme moved.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal, Write};

use anyhow::{Result, ensure};
use clap::Parser;
use guideway_maglev::TableSize;
use guideway_sim::history::{Class, History};
use guideway_sim::report::Report;
use guideway_sim::scenario::Scenario;
use guideway_sim::scheme::SchemeKind;
use guideway_sim::timeline::timeline;
use guideway_sim::{Mode, Packets, Paths, Score, play, shrink};

/// Simulates clusters of forwarders under change, and counts flows that are moved.
#[derive(Debug, Parser)]
struct Args {
    /// Histories to play; each has a seed of its own, and they take turns in the classes.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Seed of the first one.
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Flows of each history.
    #[arg(long, default_value_t = 20_000)]
    flows: usize,
    /// Histories whose class has this in its name only.
    #[arg(long, default_value = "")]
    class: String,
    /// The scheme of this name only; if none has it, those that have this in theirs.
    #[arg(long, default_value = "")]
    scheme: String,
    /// Tables of 65537 slots instead of 16381.
    #[arg(long)]
    large: bool,
    /// Every flow sends a packet after every step, whether anything changed for it or not.
    #[arg(long)]
    all_packets: bool,
    /// Every packet comes to all forwarders, whatever the router would do: the worst case. For schemes without a state of
    /// their own for each flow.
    #[arg(long)]
    every_path: bool,
    /// Prints the smallest history that still moves a flow for each one that does.
    #[arg(long)]
    explain: bool,
    /// Prints JSON, one object a line; the table goes to standard error.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let classes: Vec<Class> =
        Class::ALL.iter().copied().filter(|class| class.name().contains(&args.class)).collect();
    let named = |is: &dyn Fn(&str) -> bool| -> Vec<SchemeKind> {
        SchemeKind::ALL.iter().copied().filter(|scheme| is(scheme.name())).collect()
    };
    let mut schemes = named(&|name| name == args.scheme);
    if schemes.is_empty() {
        schemes = named(&|name| name.contains(&args.scheme));
    }
    ensure!(!classes.is_empty(), "no class of histories has {:?} in its name", args.class);
    ensure!(!schemes.is_empty(), "no scheme has {:?} in its name", args.scheme);
    let size = if args.large { TableSize::Large } else { TableSize::Small };
    let packets = if args.all_packets { Packets::All } else { Packets::Concerned };
    let paths = if args.every_path { Paths::Every } else { Paths::Routed };
    let mode = Mode { packets, paths };
    let mut report = Report::default();
    for count in 0..args.seeds {
        let seed = args.first_seed + count;
        let class = classes[usize::try_from(seed % classes.len() as u64)?];
        let scenario = Scenario::new(History::of(class, seed), seed, args.flows, size);
        for &scheme in &schemes {
            let score = play(&scenario, scheme, mode);
            if args.explain && score.moved > 0 {
                let play = |history: &History| {
                    play(&Scenario::new(history.clone(), seed, args.flows, size), scheme, mode)
                };
                let smallest = shrink(scenario.history(), |history| play(history).moved > 0);
                explain(seed, class, scheme, &smallest, &play(&smallest));
            }
            report.add(class, scheme, score);
        }
        progress(count + 1, args.seeds)?;
    }
    if args.json {
        for line in report.lines() {
            println!("{}", serde_json::to_string(&line)?);
        }
        eprint!("{}", report.table(&schemes));
    } else {
        print!("{}", report.table(&schemes));
    }
    Ok(())
}

/// The smallest history that moves a flow, and the first flow that it moves.
fn explain(seed: u64, class: Class, scheme: SchemeKind, history: &History, score: &Score) {
    println!("seed {seed}, {}, {}: {} flows moved by", class.name(), scheme.name(), score.moved);
    println!(
        "  backends {:?}, {} forwarders, {:?}, {:?}, {:?}, skew {:?}, drain window {:?}",
        history.backends,
        history.forwarders,
        history.ecmp,
        history.rollout,
        history.joining,
        history.skew,
        history.drain_window
    );
    for timed in &history.events {
        println!("  {:?}: {:?}", timed.at, timed.event);
    }
    for (at, step) in &timeline(history).steps {
        println!("    {at:?} {step}");
    }
    if let Some(moved) = &score.first {
        println!("  the first one: {moved:?}");
    }
}

fn progress(done: u64, all: u64) -> io::Result<()> {
    let mut err = io::stderr();
    if err.is_terminal() {
        write!(err, "\r{done} of {all} histories")?;
        if done == all {
            writeln!(err)?;
        }
    } else if done.is_multiple_of(all.div_ceil(20)) {
        writeln!(err, "{done} of {all} histories")?;
    }
    Ok(())
}
