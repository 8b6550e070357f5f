//! Every state with every event (RFC 5880 section 6.8.6 and the figure of section 6.2).

use super::*;

#[derive(Debug, Clone, Copy)]
enum Event {
    Packet(State),
    Silence,
    Admin(Admin),
}

const EVENTS: [Event; 7] = [
    Event::Packet(State::AdminDown),
    Event::Packet(State::Down),
    Event::Packet(State::Init),
    Event::Packet(State::Up),
    Event::Silence,
    Event::Admin(Admin::Down),
    Event::Admin(Admin::Up),
];

#[test]
fn every_state_with_every_event() {
    use State::{AdminDown, Down, Init, Up};
    let none = Diagnostic::NONE;
    let (silence, neighbour) = (Diagnostic::DETECTION_TIME_EXPIRED, Diagnostic::NEIGHBOUR_SIGNALED_DOWN);
    let admin = Diagnostic::ADMINISTRATIVELY_DOWN;
    let stay = None;
    let to = |state, diagnostic| Some((state, diagnostic));
    // The events in the order of EVENTS.
    let table = [
        (AdminDown, [stay, stay, stay, stay, stay, stay, to(Down, none)]),
        (Down, [stay, to(Init, none), to(Up, none), stay, stay, to(AdminDown, admin), stay]),
        (
            Init,
            [
                to(Down, neighbour),
                stay,
                to(Up, none),
                to(Up, none),
                to(Down, silence),
                to(AdminDown, admin),
                stay,
            ],
        ),
        (
            Up,
            [
                to(Down, neighbour),
                to(Down, neighbour),
                stay,
                stay,
                to(Down, silence),
                to(AdminDown, admin),
                stay,
            ],
        ),
    ];
    for (state, row) in table {
        for (event, expected) in EVENTS.into_iter().zip(row) {
            let mut bench = Bench::in_state(state);
            let transition = match event {
                Event::Packet(remote) => {
                    let result = bench.receive(packet(remote));
                    assert_eq!(result.is_err(), state == AdminDown, "{state} {event:?}");
                    result.unwrap_or_default()
                }
                Event::Silence => {
                    bench.now += Duration::from_secs(20);
                    bench.session.timeout(bench.now)
                }
                Event::Admin(admin) => bench.session.set_admin(admin),
            };
            let wanted = expected.map(|(to, diagnostic)| Transition { from: state, to, diagnostic });
            assert_eq!(transition, wanted, "{state} {event:?}");
            let session = &bench.session;
            assert_eq!(session.state(), wanted.map_or(state, |wanted| wanted.to));
            if let Some(wanted) = wanted {
                assert_eq!(session.diagnostic(), wanted.diagnostic);
                // News leave at once.
                let sent = bench.sent();
                assert_eq!(sent[0].state, wanted.to, "{state} {event:?}");
                assert_eq!(sent[0].diagnostic, wanted.diagnostic);
            }
        }
    }
}
