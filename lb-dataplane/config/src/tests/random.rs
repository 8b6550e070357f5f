//! No input makes the parser panic, and what it says is a usable place in the file. Random VIPs are accepted exactly if a
//! plain reading of the rules accepts them.

use std::fmt::Write as _;

use ipnet::IpNet;
use proptest::prelude::*;

use super::{EXAMPLE, SMALL, errors};
use crate::{Config, Ports, Protocol};

/// Pieces that mean something to YAML or to this parser.
const PIECES: &[&str] = &[
    "seed",
    "vips",
    "backend_sets",
    "health_check",
    "backends",
    "address",
    ": ",
    ":",
    "- ",
    "-",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    "\"",
    "'",
    "#",
    " #",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "|",
    ">-",
    "? ",
    "<<",
    "~",
    "null",
    "1",
    "-1",
    "0x10",
    "1e999",
    "500ms",
    "24h",
    "8000-8999",
    "any",
    "/25",
    "encapsulation",
    "l2",
    "second_hop",
    "true",
    "drain_window",
    "port",
    "affinity",
    "{type: client_ip}",
    "flow_entries",
    "sources",
    "10.0.0.1",
    "::1",
    "::/0",
    "\u{feff}",
    "\u{0}",
    "\\",
    "\u{7f}",
    "é",
    "\u{202e}",
];

fn checked(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count();
    if let Err(errors) = Config::parse("f", text) {
        prop_assert!(!errors.problems().is_empty());
        for problem in errors.problems() {
            prop_assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
            prop_assert!(problem.line <= lines + 1, "{problem} of {lines} lines");
            prop_assert!(!problem.to_string().contains('\n'), "{problem:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Config::parse_bytes("f", &bytes);
    }

    #[test]
    fn text_never_panics(text in "\\PC{0,200}") {
        checked(&text)?;
    }

    #[test]
    fn pieces_of_yaml_never_panic(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        checked(&pieces.concat())?;
    }

    #[test]
    fn mutated_files_never_panic(
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12, proptest::sample::select(PIECES)), 1..6),
        small in any::<bool>(),
    ) {
        let mut text: Vec<char> = if small { SMALL } else { EXAMPLE }.chars().collect();
        for (at, removed, piece) in cuts {
            let start = at.index(text.len());
            let end = (start + removed).min(text.len());
            text.splice(start..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        checked(&text)?;
    }
}

/// A VIP of the file as it is meant.
#[derive(Clone, Debug)]
struct Meant {
    address: IpNet,
    ports: Ports,
    protocol: Protocol,
    affinity: &'static str,
    flow_entries: Option<u32>,
}

/// Few addresses and ports, so that they meet often. The backends have 10.0.0.5 and 2001:db8::5.
fn meant() -> impl Strategy<Value = Meant> {
    const ADDRESSES: &[&str] = &[
        "10.0.0.4",
        "10.0.0.5",
        "10.0.0.4/31",
        "10.0.0.8/29",
        "10.0.0.0/8",
        "203.0.113.0/24",
        "203.0.113.1/32",
        "203.0.113.1",
        "2001:db8::/64",
        "2001:db8:1::/48",
        "2001:db8::1",
    ];
    let address = proptest::sample::select(ADDRESSES).prop_map(|text| {
        text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into())).unwrap()
    });
    let ports = prop_oneof![
        (1_u16..8).prop_map(Ports::One),
        (1_u16..8, 1_u16..5).prop_map(|(first, more)| Ports::Range(first, first + more)),
        Just(Ports::Any),
    ];
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    let affinity = proptest::sample::select(&["none", "flow", "client_ip"][..]);
    let flow_entries = proptest::option::of(4_u32..600);
    (address, ports, protocol, affinity, flow_entries).prop_map(
        |(address, ports, protocol, affinity, flow_entries)| Meant {
            address,
            ports,
            protocol,
            affinity,
            flow_entries,
        },
    )
}

fn acceptable(vips: &[Meant], l2: bool) -> bool {
    let backends: [std::net::IpAddr; 2] = ["10.0.0.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    let wrong = |vip: &Meant| {
        // Backends of both families, so that each VIP has one of the other.
        l2 || backends.iter().any(|backend| vip.address.contains(backend))
            || (vip.affinity, vip.protocol) == ("flow", Protocol::Tcp)
            || vip.flow_entries.is_some() && (vip.affinity, vip.protocol) == ("none", Protocol::Udp)
    };
    let pairs = vips.iter().enumerate().flat_map(|(i, a)| vips.iter().skip(i + 1).map(move |b| (a, b)));
    let together = pairs.into_iter().all(|(a, b)| {
        let ((a_first, a_last), (b_first, b_last)) = (a.ports.bounds(), b.ports.bounds());
        let disjoint = a_last < b_first || b_last < a_first;
        let nested = a_first <= b_first && b_last <= a_last || b_first <= a_first && a_last <= b_last;
        (a.address, a.protocol) != (b.address, b.protocol) || disjoint || nested && a.ports != b.ports
    });
    let entries: u32 = vips.iter().filter_map(|vip| vip.flow_entries).map(u32::next_power_of_two).sum();
    !vips.iter().any(wrong) && together && entries <= 1024
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn vips_are_accepted_by_the_rules(
        vips in proptest::collection::vec(meant(), 0..5),
        l2 in proptest::bool::weighted(0.1),
    ) {
        let kind = if l2 { "l2" } else { "gue" };
        let mut text = format!(
            "seed: 000102030405060708090a0b0c0d0e0f\ninterfaces: [{{name: up0}}]\nlimits: {{flows: 1024}}\n\
             backend_sets: [{{name: s, encapsulation: {kind}, drain_window: 1h, backends: [\
             {{name: a, address: 10.0.0.5}}, {{name: b, address: \"2001:db8::5\"}}]}}]\nvips:\n"
        );
        for (index, vip) in vips.iter().enumerate() {
            let Meant { address, ports, protocol, affinity, flow_entries } = vip;
            write!(
                text,
                "  - {{name: v{index}, address: \"{address}\", port: {ports}, protocol: {protocol}, backend_set: s, \
                 affinity: {{type: {affinity}}}"
            )
            .unwrap();
            flow_entries.iter().for_each(|entries| write!(text, ", flow_entries: {entries}").unwrap());
            text.push_str("}\n");
        }
        if vips.is_empty() {
            text.truncate(text.len() - "vips:\n".len());
        }
        match Config::parse("f", &text) {
            Ok(config) => {
                prop_assert!(acceptable(&vips, l2), "accepted:\n{text}");
                for (vip, meant) in config.vips().iter().zip(&vips) {
                    prop_assert_eq!((vip.address, vip.ports, vip.protocol), (meant.address, meant.ports, meant.protocol));
                    prop_assert_eq!(vip.affinity.as_str(), meant.affinity);
                    prop_assert_eq!(vip.flow_entries, meant.flow_entries.map(u32::next_power_of_two));
                }
            }
            Err(errors) => prop_assert!(!acceptable(&vips, l2), "refused: {errors}\n{text}"),
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let block: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in
        ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000), block]
    {
        let lines = errors(&text);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("nests deeper than 32; a configuration needs 5"), "{lines:?}");
    }
}

#[test]
fn nothing_grows_by_aliases() {
    let mut text = String::from("a0: &a0 [x, x, x, x]\n");
    for level in 1..20 {
        let before = level - 1;
        text.push_str(&format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]\n"));
    }
    let lines = errors(&text);
    assert!(lines[0].starts_with("f.yaml:1:"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line.contains("anchors (`&name`) are not supported")));
    assert!(lines.iter().any(|line| line.contains("aliases (`*name`) are not supported")));
}

#[test]
fn a_flood_of_errors_is_counted() {
    let text = format!("{SMALL}{}", "x: 1\n".repeat(5000));
    let lines = errors(&text);
    assert_eq!(lines.len(), 1001);
    assert!(lines[1000].ends_with("4000 more errors are not listed"), "{}", lines[1000]);
}
