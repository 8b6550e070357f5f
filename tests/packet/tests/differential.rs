//! Random configurations, histories and packets: the loaded program does what the model does.

use guideway_packet_tests::differential::run;

#[test]
fn program_and_model_agree() {
    let report = run(1, 20_000).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{report}");
    // Chance reaches what it shall reach.
    for name in ["tx", "redirect", "pass", "drop_unknown_port", "drop_malformed", "drop_fragment", "flow_hit", "second_hop"] {
        assert!(report.counters.get(name).is_some_and(|&n| n > 50), "{name} in\n{report}");
    }
    assert!(report.refused * 2 < report.changes, "{report}");
}
