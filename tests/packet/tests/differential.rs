//! Random configurations, histories and packets: the loaded program does what the model does.

use guideway_packet_tests::differential::{Report, run, run_raw};

/// Chance reaches what it shall reach.
fn reached(report: &Report, names: &[&str]) {
    println!("{report}");
    for name in names {
        assert!(report.counters.get(name).is_some_and(|&n| n > 20), "{name} in\n{report}");
    }
}

#[test]
fn histories() {
    let report = run(1, 10_000).unwrap_or_else(|error| panic!("{error:#}"));
    let names = [
        "tx",
        "redirect",
        "pass",
        "drop_unknown_port",
        "drop_malformed",
        "drop_fragment",
        "drop_source",
        "flow_hit",
        "second_hop",
    ];
    reached(&report, &names);
    assert!(report.refused * 2 < report.changes, "{report}");
}

#[test]
fn worlds_that_no_planner_made() {
    let report = run_raw(1, 10_000).unwrap_or_else(|error| panic!("{error:#}"));
    let names = [
        "tx",
        "redirect",
        "drop_no_backend",
        "drop_too_big",
        "drop_source",
        "flow_hit",
        "flow_full",
        "second_hop",
        "fib_lookup",
    ];
    reached(&report, &names);
}
