//! Every event in every state of both sides: the states after it and what is done. The expected table is `table.txt`.
//!
//! A block of the table is a situation, with the states of the outgoing and the incoming side; a line of it is what some
//! events lead to: the states after them if they change, and the actions. Events carry the connection that they are about:
//! `out` was dialled here, `in` by the peer, `later` by the peer when `in` was there already. The actions in short: `dial`,
//! `cancel`, `open out` (an OPEN is sent on out), `keepalive out`, `6/7 out` (a NOTIFICATION with its codes), `close out`,
//! `up out`, `down` with the loss, `failed`, `deliver`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use guideway_bgp_wire::{DecodeError, Family, Message, Notification, RefreshKind, RouteRefresh, Update};

use super::{
    Bench, HIGHER, IN, LATER, LOWER, OUT, cease, closed, config, connected, keepalive, open, peer_open,
    received, restarting, secs,
};
use crate::{Action, Config, ConnectionId, Event, Loss, State, Stop};

fn name(connection: ConnectionId) -> &'static str {
    match connection {
        OUT => "out",
        IN => "in",
        _ => "later",
    }
}

fn short(actions: &[Action]) -> String {
    let one = |action: &Action| match action {
        Action::Connect => "dial".to_owned(),
        Action::CancelConnect => "cancel".to_owned(),
        Action::Disconnect { connection } => format!("close {}", name(*connection)),
        Action::Up { connection, .. } => format!("up {}", name(*connection)),
        Action::Down { loss: Loss::Hard, .. } => "down hard".to_owned(),
        Action::Down { loss: Loss::Graceful, .. } => "down graceful".to_owned(),
        Action::Failed(_) => "failed".to_owned(),
        Action::Deliver(_) => "deliver".to_owned(),
        Action::Send { connection, message: Message::Notification(sent) } => {
            let wrapped = sent.wrapped().map(|inner| format!("({}/{})", inner.code, inner.subcode));
            format!("{}/{}{} {}", sent.code, sent.subcode, wrapped.unwrap_or_default(), name(*connection))
        }
        Action::Send { connection, message } => {
            format!("{} {}", message.name().to_lowercase(), name(*connection))
        }
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A situation: its name, the configuration, and the events that lead there after Start. A timeout comes when one is due, and after two
/// seconds at most.
type Situation = (&'static str, Config, Vec<Event>);

fn situations() -> Vec<Situation> {
    let lower = || peer_open(LOWER);
    let higher = || peer_open(HIGHER);
    let kept = || restarting(peer_open(LOWER), true);
    let passive = Config { passive: true, ..config() };
    let stop = |stop| vec![Event::Stop(stop)];
    let limit = |restart| Stop::MaxPrefixes { family: Family::Ipv4, limit: 10, restart };
    let failed = || Event::ConnectFailed("refused".to_owned());
    vec![
        ("stopped", config(), stop(Stop::Shutdown("bye".to_owned()))),
        ("stopped silently", config(), stop(Stop::Silent)),
        ("held down by a prefix limit", config(), stop(limit(Some(secs(60))))),
        ("dialling", config(), vec![]),
        ("waiting to dial", config(), vec![failed()]),
        ("passive", passive.clone(), vec![]),
        ("out: OPEN sent", config(), vec![connected(OUT)]),
        ("out: the KEEPALIVE waits for that of the peer", config(), vec![connected(OUT), open(OUT, lower())]),
        (
            "the same, and that of the peer is here",
            config(),
            vec![connected(OUT), open(OUT, lower()), keepalive(OUT)],
        ),
        ("out: OPENs exchanged", config(), vec![connected(OUT), open(OUT, lower()), Event::Timeout]),
        (
            "out: established",
            config(),
            vec![connected(OUT), open(OUT, lower()), keepalive(OUT), Event::Timeout],
        ),
        (
            "out: established, with graceful restart and notifications",
            config(),
            vec![connected(OUT), open(OUT, kept()), keepalive(OUT), Event::Timeout],
        ),
        ("dialling, in: OPEN sent", config(), vec![connected(IN)]),
        ("waiting to dial, in: OPEN sent", config(), vec![failed(), connected(IN)]),
        ("in: OPENs exchanged", config(), vec![connected(IN), open(IN, lower())]),
        ("in: established", config(), vec![connected(IN), open(IN, lower()), keepalive(IN)]),
        ("passive, in: OPEN sent", passive, vec![connected(IN)]),
        ("both: OPEN sent", config(), vec![connected(OUT), connected(IN)]),
        (
            "out waits for in, which would be kept",
            config(),
            vec![connected(OUT), connected(IN), open(OUT, higher())],
        ),
        (
            "in waits for out, which would be kept",
            config(),
            vec![connected(OUT), connected(IN), open(IN, lower())],
        ),
        (
            "in waits for out and is confirmed",
            config(),
            vec![connected(OUT), connected(IN), open(IN, lower()), keepalive(IN)],
        ),
        (
            "out: the KEEPALIVE waits for that of the peer, in came after that",
            config(),
            vec![connected(OUT), open(OUT, lower()), connected(IN)],
        ),
        (
            "out: OPENs exchanged, in came after that and would lose",
            config(),
            vec![connected(OUT), open(OUT, lower()), Event::Timeout, connected(IN)],
        ),
        (
            "out: OPENs exchanged, in came after that and would win",
            config(),
            vec![connected(OUT), open(OUT, higher()), connected(IN)],
        ),
        (
            "the same, and in has sent OPEN",
            config(),
            vec![connected(OUT), open(OUT, higher()), connected(IN), open(IN, higher())],
        ),
        (
            "in: OPENs exchanged, the peer dialled once more",
            config(),
            vec![connected(IN), open(IN, lower()), connected(LATER)],
        ),
        (
            "out: established, in came after that",
            config(),
            vec![connected(OUT), open(OUT, lower()), keepalive(OUT), Event::Timeout, connected(IN)],
        ),
        (
            "out: established with graceful restart, in came two seconds after that",
            config(),
            vec![
                connected(OUT),
                open(OUT, kept()),
                keepalive(OUT),
                Event::Timeout,
                Event::Timeout,
                connected(IN),
            ],
        ),
    ]
}

fn events(bench: &Bench, higher: bool) -> Vec<(String, Event)> {
    let said = || peer_open(if higher { HIGHER } else { LOWER });
    let update = Message::Update(Update::default());
    let refresh = Message::RouteRefresh(RouteRefresh::new(Family::Ipv4, RefreshKind::Request));
    let hard = Message::Notification(Notification::hard_reset(&Notification::cease(2)));
    let limit = Stop::MaxPrefixes { family: Family::Ipv4, limit: 10, restart: None };
    let mut events: Vec<(String, Event)> = [
        ("start", Event::Start),
        ("stop: shutdown", Event::Stop(Stop::Shutdown("bye".to_owned()))),
        ("stop: reset", Event::Stop(Stop::Reset("why".to_owned()))),
        ("stop: deconfigured", Event::Stop(Stop::Deconfigured)),
        ("stop: configuration", Event::Stop(Stop::ConfigurationChange)),
        ("stop: prefix limit", Event::Stop(limit)),
        ("stop: resources", Event::Stop(Stop::OutOfResources)),
        ("stop: silent", Event::Stop(Stop::Silent)),
        ("connect failed", Event::ConnectFailed("refused".to_owned())),
        ("connect now", Event::ConnectNow),
        ("BFD down", Event::BfdDown),
        ("early timeout", Event::Timeout),
    ]
    .map(|(name, event)| (name.to_owned(), event))
    .into();
    let fresh = [OUT, IN, LATER].into_iter().find(|id| bench.session.find(*id).is_none() && *id != OUT);
    if bench.session.find(OUT).is_none() {
        events.push(("out connected".to_owned(), connected(OUT)));
    }
    if let Some(id) = fresh {
        events.push((format!("{} connected", name(id)), connected(id)));
    }
    for id in [OUT, IN, LATER].into_iter().filter(|id| bench.session.find(*id).is_some()) {
        let more = [
            ("OPEN", open(id, said())),
            ("another OPEN", open(id, guideway_bgp_wire::Open { hold_time: 33, ..said() })),
            ("wrong OPEN", open(id, guideway_bgp_wire::Open { capabilities: vec![], my_as: 7, ..said() })),
            ("KEEPALIVE", keepalive(id)),
            ("UPDATE", received(id, update.clone())),
            ("ROUTE-REFRESH", received(id, refresh.clone())),
            ("cease", cease(id, 4)),
            ("collision", cease(id, 7)),
            ("hard reset", received(id, hard.clone())),
            ("garbage", Event::Malformed { connection: id, error: DecodeError::NotSynchronized }),
            ("closed", closed(id)),
            ("stuck", Event::SendStuck { connection: id }),
        ];
        events.extend(more.map(|(event, what)| (format!("{} {event}", name(id)), what)));
    }
    events
}

fn render() -> String {
    let mut table = String::new();
    for (title, config, path) in situations() {
        let higher = path.iter().any(|event| matches!(event, Event::Received { message: Message::Open(open), .. } if open.router_id == HIGHER));
        let bench = Bench::after(config.clone(), path.clone());
        let from = bench.states();
        writeln!(table, "{title} ({} / {})", from.0, from.1).unwrap();
        let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut order = Vec::new();
        for (event, what) in events(&bench, higher) {
            let mut bench = Bench::after(config.clone(), path.clone());
            let done = short(&bench.put(what));
            let to = bench.states();
            let states = if to == from { String::new() } else { format!("{} / {}: ", to.0, to.1) };
            let outcome = format!("{states}{}", if done.is_empty() { "nothing" } else { &done });
            if !outcomes.contains_key(&outcome) {
                order.push(outcome.clone());
            }
            outcomes.entry(outcome).or_default().push(event);
        }
        for outcome in order {
            writeln!(table, "    {} => {outcome}", outcomes[&outcome].join("; ")).unwrap();
        }
        table.push('\n');
    }
    table
}

#[test]
fn every_event_in_every_state_of_both_sides() {
    let (expected, found) = (include_str!("table.txt"), render());
    for (number, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(
            found,
            expected,
            "line {} of table.txt; the whole table is now:\n{}",
            number + 1,
            render()
        );
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "the table is now:\n{found}");
}

/// All that a side can be in is in the table.
#[test]
fn the_table_has_every_pair_of_states_that_there_is() {
    let mut seen: Vec<(State, State)> =
        situations().into_iter().map(|(_, config, path)| Bench::after(config, path).states()).collect();
    seen.sort_unstable();
    seen.dedup();
    use State::{Active, Connect, Established, Idle, OpenConfirm, OpenSent};
    let all = [
        (Idle, Idle),
        (Connect, Active),
        (Connect, OpenSent),
        (Active, Active),
        (Active, OpenSent),
        (Active, OpenConfirm),
        (Active, Established),
        (OpenSent, Active),
        (OpenSent, OpenSent),
        (OpenSent, OpenConfirm),
        (OpenConfirm, Active),
        (OpenConfirm, OpenSent),
        (Established, Active),
    ];
    assert_eq!(seen, all);
}
