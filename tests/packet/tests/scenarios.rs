//! Every case of `cases/`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use guideway_bpf::xdp_action;
use guideway_packet_tests::expected::{decapsulated, encapsulated};
use guideway_packet_tests::fixture::{Counts, Fixture, OTHER_MAC, OTHER_ROUTER_MAC, backend_address};
use guideway_packet_tests::frame::{FORWARDER_MAC, Frame, TOR_MAC, build};
use guideway_packet_tests::scenario::{Case, Expect, read};

macro_rules! files {
    ($($name:ident)*) => {
        const FILES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*
    };
}

files! { broken decap fragments ipv4 ipv6 next_hop_fib next_hop_other nothing_installed vlan }

#[test]
fn every_file_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(cases())
        .expect("cases/")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, FILES, "add new files to `files!`");
}

fn cases() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

fn run(name: &str) {
    let file = read(&cases().join(format!("{name}.yaml"))).unwrap_or_else(|e| panic!("{e:#}"));
    let fixture = Fixture::new(file.program, file.next_hop).unwrap_or_else(|e| panic!("{e:#}"));
    let (mut packets, mut failures) = (0, Vec::new());
    for case in &file.cases {
        for frame in frames(case) {
            packets += 1;
            if let Err(error) = check(&fixture, case, &frame) {
                failures.push(format!("{} ({} bytes): {error:#}", case.name, frame.bytes.len()));
            }
        }
    }
    println!("{name}: {} cases, {packets} packets", file.cases.len());
    assert!(failures.is_empty(), "{} of {packets} packets:\n{}", failures.len(), failures.join("\n"));
}

fn frames(case: &Case) -> Vec<Frame> {
    let mut frame = build(&case.packet);
    if let Some(len) = case.pad {
        assert!(
            len > frame.bytes.len(),
            "{}: the frame is {} bytes long already",
            case.name,
            frame.bytes.len()
        );
        frame.bytes.resize(len, 0);
    }
    let Some((from, to)) = case.cut else { return vec![frame] };
    assert!(from <= to && to < frame.bytes.len(), "{}: the frame has {} bytes", case.name, frame.bytes.len());
    (from..=to).map(|len| Frame { bytes: frame.bytes[..len].to_vec(), ..frame.clone() }).collect()
}

fn check(fixture: &Fixture, case: &Case, frame: &Frame) -> Result<()> {
    let expect = Expect::parse(&case.expect)?;
    let before = fixture.counts()?;
    let run = fixture.send(&frame.bytes, case.no_headroom).context("test run")?;
    let counted = fixture.counts()?.since(&before);

    let forward = |backend, source, destination| {
        encapsulated(frame, backend_address(backend), fixture.flow_key, source, destination)
    };
    let (verdict, bytes) = match &expect {
        Expect::Tx(backend) => (xdp_action::TX, forward(backend, FORWARDER_MAC, TOR_MAC)),
        Expect::Redirect(backend) => (xdp_action::REDIRECT, forward(backend, OTHER_MAC, OTHER_ROUTER_MAC)),
        Expect::Pass => (xdp_action::PASS, frame.bytes.clone()),
        Expect::Decapsulated => (xdp_action::PASS, decapsulated(frame)),
        Expect::Drop(_) => (xdp_action::DROP, frame.bytes.clone()),
    };
    ensure!(run.retval == verdict, "verdict {}, expected {verdict}; counted {counted:?}", run.retval);
    // What a dropped packet looks like is nobody's affair: its TTL may have been lowered already.
    if verdict != xdp_action::DROP {
        ensure!(run.packet == bytes, "bytes\n  {:02x?}, expected\n  {bytes:02x?}", run.packet);
    }
    let traffic =
        if let Expect::Tx(_) | Expect::Redirect(_) = expect { (1, frame.ip_len as u64) } else { (0, 0) };
    let counter = expect.counter();
    let expected = Counts {
        counters: counted.counters.keys().filter(|name| **name == counter).map(|name| (*name, 1)).collect(),
        vips: traffic,
        backends: traffic,
    };
    ensure!(
        counted == expected && expected.counters.len() == 1,
        "counted {counted:?}, expected {counter} and {traffic:?}"
    );
    Ok(())
}
