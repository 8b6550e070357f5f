//! Marks of flows, by which they are counted.

use guideway_packet_tests::case_file::{NextHop, Step};
use guideway_packet_tests::history::Stage;

fn send(stage: &mut Stage, flows: u16) {
    let text =
        format!("{{ packet: {{ ipv4: {{}}, tcp: {{ dport: 80 }} }}, expect: tx be4, times: {flows} }}");
    let step: Step = serde_saphyr::from_str(&text).expect("a step");
    stage.step(&step).unwrap_or_else(|e| panic!("{e:#}"));
}

#[test]
fn each_flow_leaves_a_mark_while_it_is_asked_for() {
    for next_hop in [NextHop::Fixed, NextHop::Fib] {
        let mut stage = Stage::new(next_hop, None).unwrap_or_else(|e| panic!("{e:#}"));
        send(&mut stage, 10);
        assert_eq!(stage.fixture().dataplane().flow_marks(), 0, "nobody asked");
        stage.fixture().dataplane().start_marking();
        for _ in 0..2 {
            send(&mut stage, 1000);
            let marks = stage.fixture().dataplane().flow_marks();
            // Some may share a mark: of a thousand in a million, hardly one.
            assert!((990..=1000).contains(&marks), "{marks}");
        }
        stage.fixture().dataplane().start_marking();
        assert_eq!(stage.fixture().dataplane().flow_marks(), 0, "it begins anew");
        stage.fixture().dataplane().stop_marking();
        send(&mut stage, 10);
        assert_eq!(stage.fixture().dataplane().flow_marks(), 0);
    }
}
