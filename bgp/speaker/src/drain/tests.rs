use super::*;

fn order(force: bool) -> Order {
    Order {
        target: Target::Node,
        below: Some(10),
        timeout: Duration::from_secs(60),
        evidence_wait: Duration::from_secs(3),
        force,
        reason: "kernel update".to_owned(),
    }
}

fn vip(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A drain at `phase`, entered at 100 s, and the moments of its limits.
fn at(phase: Phase) -> Drain {
    let (mut drain, _) = Drain::new(order(phase != Phase::Asking), 100_000);
    drain.phase = phase;
    drain
}

/// Every phase with every event: the phase after it, and whether something is said.
#[test]
fn table() {
    use Phase::{Asking, Drained, Refused, Waiting, Withdrawing};
    let alone = || Event::Alone(vec![vip("203.0.113.10/32")]);
    let others = || Event::Alone(vec![]);
    let covered = || Event::Covered(vip("203.0.113.0/24"));
    let rows = [
        // Too early to believe.
        (Asking, others(), 100_500, Asking, false),
        (Asking, alone(), 100_500, Asking, false),
        (Asking, others(), 101_000, Waiting, true),
        (Asking, alone(), 102_999, Asking, false),
        (Asking, alone(), 103_000, Refused, true),
        (Asking, covered(), 100_000, Refused, true),
        (Waiting, covered(), 101_000, Waiting, false),
        (Withdrawing, covered(), 101_000, Withdrawing, false),
        (Drained, covered(), 101_000, Drained, false),
        (Asking, Event::Flows(Some(0)), 103_000, Asking, false),
        (Asking, Event::Flows(None), 200_000, Asking, false),
        (Asking, Event::Told(true), 103_000, Asking, false),
        (Waiting, others(), 103_000, Waiting, false),
        (Waiting, alone(), 103_000, Waiting, false),
        (Waiting, Event::Flows(Some(9)), 101_000, Withdrawing, true),
        (Waiting, Event::Flows(Some(10)), 101_000, Waiting, false),
        (Waiting, Event::Flows(Some(10)), 105_000, Waiting, true),
        (Waiting, Event::Flows(Some(10)), 160_000, Withdrawing, true),
        (Waiting, Event::Flows(None), 101_000, Waiting, true),
        (Waiting, Event::Flows(None), 160_000, Withdrawing, true),
        (Waiting, Event::Told(true), 101_000, Waiting, false),
        (Withdrawing, others(), 101_000, Withdrawing, false),
        (Withdrawing, alone(), 200_000, Withdrawing, false),
        (Withdrawing, Event::Flows(Some(0)), 101_000, Withdrawing, false),
        (Withdrawing, Event::Flows(None), 101_000, Withdrawing, false),
        (Withdrawing, Event::Told(false), 104_999, Withdrawing, false),
        (Withdrawing, Event::Told(false), 105_000, Drained, true),
        (Withdrawing, Event::Told(true), 100_000, Drained, true),
        (Drained, others(), 101_000, Drained, false),
        (Drained, alone(), 200_000, Drained, false),
        (Drained, Event::Flows(Some(0)), 200_000, Drained, false),
        (Drained, Event::Flows(None), 200_000, Drained, false),
        (Drained, Event::Told(false), 200_000, Drained, false),
        (Refused, others(), 200_000, Refused, false),
        (Refused, alone(), 200_000, Refused, false),
        (Refused, Event::Flows(Some(0)), 200_000, Refused, false),
        (Refused, Event::Flows(None), 200_000, Refused, false),
        (Refused, Event::Told(true), 200_000, Refused, false),
    ];
    for (before, event, now, after, says) in rows {
        let mut drain = at(before);
        let row = format!("{before:?} {event:?} {now}");
        let said = drain.handle(event, now);
        assert_eq!((drain.phase, said.is_some()), (after, says), "{row}: {said:?}");
    }
}

#[test]
fn what_it_does_to_routes_and_sessions() {
    let effects = [Phase::Asking, Phase::Waiting, Phase::Withdrawing, Phase::Drained, Phase::Refused]
        .map(|phase| (at(phase).effect(), at(phase).ends_sessions(), at(phase).is_over()));
    assert_eq!(
        effects,
        [
            (Effect::GracefulShutdown, false, false),
            (Effect::GracefulShutdown, false, false),
            (Effect::Withdrawn, false, false),
            (Effect::Withdrawn, true, true),
            (Effect::Nothing, false, true),
        ]
    );
    let (one, _) = Drain::new(Order { target: Target::Vip(vip("203.0.113.10/32")), ..order(true) }, 1);
    assert!(one.target.covers(vip("203.0.113.10/32")) && !one.target.covers(vip("203.0.113.11/32")));
    assert!(!Drain { phase: Phase::Drained, ..one }.ends_sessions());
}

#[test]
fn the_whole_way() {
    let (mut drain, said) = Drain::new(order(false), 0);
    assert_eq!(said, "graceful shutdown is told to the routers; another path is waited for, at most 3s");
    assert_eq!(drain.handle(Event::Alone(vec![vip("203.0.113.10/32"), vip("203.0.113.11/32")]), 1_500), None);
    let said = drain.handle(Event::Alone(vec![]), 2_000).unwrap();
    assert_eq!(said, "routers have other paths; waiting for the flows to end");
    assert_eq!(drain.handle(Event::Flows(Some(250)), 7_500).unwrap(), "250 flows, 52 s are left");
    let said = drain.handle(Event::Flows(Some(3)), 8_000).unwrap();
    assert_eq!(said, "3 flows are left, fewer than 10; withdrawing");
    assert_eq!(drain.handle(Event::Told(true), 8_010).unwrap(), "drained; the sessions end");
}

#[test]
fn a_refusal_names_prefixes() {
    let (mut drain, _) = Drain::new(order(false), 0);
    let alone = vec![vip("203.0.113.10/32"), vip("203.0.113.11/32")];
    let said = drain.handle(Event::Alone(alone), 3_000).unwrap();
    assert!(said.contains("another path for 203.0.113.10/32 and 1 more"), "{said}");
}

#[test]
fn a_new_process_goes_on() {
    let asking = at(Phase::Asking).resumed(500_000);
    assert_eq!((asking.entered, asking.since), (500_000, 100_000));
    let waiting = at(Phase::Waiting).resumed(500_000);
    assert_eq!((waiting.entered, waiting.deadline), (100_000, 160_000));
    let text = serde_json::to_string(&waiting).unwrap();
    assert_eq!(serde_json::from_str::<Drain>(&text).unwrap(), waiting);
}
