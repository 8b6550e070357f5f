use super::super::Fixed;
use super::super::fib::{Path, Problem};
use super::*;
use proptest::prelude::*;

const PATIENCE: Duration = Duration::from_secs(2);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn backend(last: u8) -> IpAddr {
    IpAddr::from([10, 1, 0, last])
}

fn router(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn wanted(backends: &[(IpAddr, Need)]) -> Wanted {
    Wanted { backends: backends.iter().copied().collect(), fixed: None, is_whole: true }
}

fn interface(mtu: u32, up: bool) -> Interface {
    Interface { name: format!("up{mtu}"), mac: Some([2, 0, 0, 0, 0, 1]), mtu, mtu_v6: None, up }
}

fn by(ifindex: u32, last: u8) -> Route {
    Route::Out { paths: vec![Path { ifindex, gateway: Some(router(last)), weight: 1 }], mtu: None }
}

fn asked(mac: [u8; 6]) -> Neighbour {
    Neighbour { mac, is_static: false }
}

fn hop(ifindex: u32, last: u8) -> NextHop {
    NextHop { ifindex, address: router(last) }
}

/// Interfaces 2 and 3, routers 1 and 2 on both, backends 1 and 2 by router 1 on interface 2.
fn table(now: Instant) -> Table {
    let mut table = Table::default();
    for ifindex in [2, 3] {
        table.take(Event::Interface(ifindex, Some(interface(1500, true))), now);
        for last in [1, 2] {
            table.take(Event::Neighbour(hop(ifindex, last), Some(asked([2, 0, 0, 0, 9, last]))), now);
        }
    }
    table.want(wanted(&[(backend(1), Need::Any), (backend(2), Need::Any)]), now);
    assert_eq!(questions(&mut table), [backend(1), backend(2)]);
    for last in [1, 2] {
        table.take(Event::Answer(backend(last), by(2, 1)), now);
    }
    assert!(table.is_settled());
    table.touched();
    table
}

fn questions(table: &mut Table) -> Vec<IpAddr> {
    std::iter::from_fn(|| table.next_ask()).collect()
}

fn touched(table: &mut Table) -> Vec<IpAddr> {
    table.touched().into_iter().collect()
}

fn interfaces_used(table: &Table, backend: IpAddr) -> Vec<u32> {
    let mut used: Vec<u32> =
        table.way(backend).unwrap().legs.into_iter().flatten().map(|hop| hop.link.ifindex).collect();
    used.dedup();
    used
}

#[test]
fn an_interface_that_goes_down_takes_its_legs_with_it_before_the_fib_is_asked() {
    let now = Instant::now();
    let mut table = table(now);
    assert_eq!(interfaces_used(&table, backend(1)), [2]);
    table.take(Event::Interface(2, Some(interface(1500, false))), now);
    assert_eq!(touched(&mut table), [backend(1), backend(2)]);
    assert_eq!(table.way(backend(1)), Some(Way::unknown(Problem::Interface)));
    assert_eq!(questions(&mut table), [backend(1), backend(2)]);
    table.take(Event::Answer(backend(1), by(3, 2)), now);
    assert_eq!(touched(&mut table), [backend(1)]);
    assert_eq!(interfaces_used(&table, backend(1)), [3]);
}

#[test]
fn neighbours_count_at_once_and_for_their_users_only() {
    let now = Instant::now();
    let mut table = table(now);
    table.take(Event::Answer(backend(2), by(2, 2)), now);
    table.touched();
    table.take(Event::Neighbour(hop(2, 1), None), now);
    assert_eq!((touched(&mut table), questions(&mut table)), (vec![backend(1)], vec![]));
    assert_eq!(table.way(backend(1)), Some(Way::unknown(Problem::Neighbour)));
    table.take(Event::Neighbour(hop(2, 1), Some(asked([2, 0, 0, 0, 9, 1]))), now);
    table.take(Event::Neighbour(hop(3, 2), None), now);
    table.take(Event::Neighbour(hop(2, 2), Some(asked([2, 0, 0, 0, 9, 2]))), now);
    assert_eq!(touched(&mut table), [backend(1)], "nobody uses the one, and the other is as it was");
}

#[test]
fn routes_that_cannot_matter_are_not_asked_for() {
    let now = Instant::now();
    let mut table = table(now);
    for (prefix, expected) in [
        ("10.1.0.0/24", vec![backend(1), backend(2)]),
        ("10.1.0.2/32", vec![backend(2)]),
        ("0.0.0.0/0", vec![backend(1), backend(2)]),
        ("10.2.0.0/16", vec![]),
        ("::/0", vec![]),
    ] {
        table.take(Event::Routes(prefix.parse().unwrap()), now);
        assert_eq!(questions(&mut table), expected, "{prefix}");
        for last in [1, 2] {
            table.take(Event::Answer(backend(last), by(2, 1)), now);
        }
        assert!(touched(&mut table).is_empty(), "{prefix}");
    }
}

#[test]
fn a_change_while_the_fib_is_asked_is_asked_for_again() {
    let now = Instant::now();
    let mut table = table(now);
    table.take(Event::AllRoutes, now);
    assert_eq!(table.next_ask(), Some(backend(1)));
    table.take(Event::Routes("10.1.0.1/32".parse().unwrap()), now);
    assert_eq!(questions(&mut table), [backend(2)], "never twice at the same time");
    table.take(Event::Answer(backend(1), by(2, 1)), now);
    table.take(Event::Answer(backend(2), by(2, 1)), now);
    assert!(!table.is_settled());
    assert_eq!(questions(&mut table), [backend(1)]);
    table.take(Event::NoAnswer(backend(1)), now);
    assert_eq!(questions(&mut table), [backend(1)]);
    table.take(Event::Answer(backend(1), by(2, 1)), now);
    assert!(table.is_settled());
}

#[test]
fn a_known_way_may_not_stay_in_doubt() {
    let start = Instant::now();
    let mut table = table(start);
    table.take(Event::Routes("10.1.0.1/32".parse().unwrap()), start);
    assert!(!table.is_overdue(start + PATIENCE, PATIENCE));
    let late = start + PATIENCE + Duration::from_millis(1);
    assert!(table.is_overdue(late, PATIENCE));
    table.next_ask();
    table.take(Event::Routes("10.1.0.1/32".parse().unwrap()), late);
    assert!(table.is_overdue(late, PATIENCE), "the answer to the first question is still missing");
    table.take(Event::NoAnswer(backend(1)), late);
    assert!(table.is_overdue(late, PATIENCE));
    table.next_ask();
    table.take(Event::Answer(backend(1), by(3, 1)), late);
    assert!(!table.is_overdue(late, PATIENCE));
    // A backend that is new has no way that could be wrong.
    table.want(wanted(&[(backend(1), Need::Any), (backend(7), Need::Any)]), start);
    assert!(!table.is_overdue(late, PATIENCE));
}

#[test]
fn a_fixed_next_hop_needs_its_interface_only() {
    let now = Instant::now();
    let mut table = table(now);
    let fixed = Fixed { interface: "up9000".to_owned(), mac: [2, 0, 0, 0, 7, 7] };
    let backends = BTreeMap::from([(backend(1), Need::Any), (backend(3), Need::OnLink)]);
    table.want(Wanted { backends, fixed: Some(fixed), is_whole: true }, now);
    assert_eq!(touched(&mut table), [backend(1), backend(2), backend(3)]);
    assert_eq!(questions(&mut table), [backend(3)], "its next hop is kept resolved");
    assert_eq!(table.way(backend(1)), Some(Way::unknown(Problem::FixedInterface)));
    assert_eq!(table.way(backend(2)), None);
    assert_eq!(table.next_hops().count(), 0);
    table.take(Event::Interface(9, Some(interface(9000, true))), now);
    assert_eq!(touched(&mut table), [backend(1), backend(3)]);
    assert_eq!(interfaces_used(&table, backend(1)), [9]);
    assert_eq!(table.way(backend(3)), Some(Way::unknown(Problem::Fixed)));
    // Another one takes its name before it is known to be gone.
    table.take(Event::Interface(4, Some(interface(9000, false))), now);
    assert_eq!(interfaces_used(&table, backend(1)), [9]);
    let renamed = Interface { name: "up9000".to_owned(), ..interface(1500, true) };
    table.take(Event::Interface(10, Some(renamed)), now);
    assert_eq!(interfaces_used(&table, backend(1)), [10]);
    table.take(Event::Interface(9, None), now);
    assert_eq!(interfaces_used(&table, backend(1)), [10]);
    touched(&mut table);
    // And back.
    table.take(Event::Answer(backend(3), by(2, 1)), now);
    table.want(wanted(&[(backend(1), Need::Any), (backend(3), Need::OnLink)]), now);
    assert!(questions(&mut table).contains(&backend(1)));
    assert_eq!(table.way(backend(1)), Some(Way::unknown(Problem::NotAsked)));
}

#[test]
fn next_hops_are_those_of_interfaces_that_are_up() {
    let now = Instant::now();
    let mut table = table(now);
    assert_eq!(table.next_hops().collect::<Vec<_>>(), [hop(2, 1)]);
    table.take(Event::Answer(backend(2), by(3, 2)), now);
    table.take(Event::Interface(2, None), now);
    assert_eq!(table.next_hops().collect::<Vec<_>>(), [hop(3, 2)]);
    assert!(table.is_resolved(&hop(3, 2)) && !table.is_resolved(&hop(3, 9)));
    // One that somebody has set is left alone.
    let set = Neighbour { mac: [2, 0, 0, 0, 9, 2], is_static: true };
    table.take(Event::Neighbour(hop(3, 2), Some(set)), now);
    assert_eq!((table.next_hops().count(), table.next_hop_count()), (0, 2));
    assert_eq!(table.name(3), Some("up1500"));
}

#[test]
fn addresses_of_both_families() {
    let now = Instant::now();
    let mut table = Table::default();
    let v6 = address("2001:db8::1");
    table.want(wanted(&[(backend(1), Need::Any), (v6, Need::Any)]), now);
    table.take(Event::Answer(backend(1), Route::Nowhere), now);
    assert_eq!(questions(&mut table), [backend(1), v6]);
    table.take(Event::Answer(backend(1), Route::Nowhere), now);
    table.take(Event::Answer(v6, Route::Nowhere), now);
    table.take(Event::Routes("2001:db8::/32".parse().unwrap()), now);
    assert_eq!(questions(&mut table), [v6]);
}

/// A change of the kernel's tables.
#[derive(Clone, Debug)]
enum Change {
    Interface(u32, Option<(u32, bool)>),
    Neighbour(u32, u8, Option<u8>),
    Route(u8, u32, u8),
    Want(Vec<u8>),
    Fixed(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (2_u32..5, proptest::option::of((1500_u32..1502, any::<bool>())))
            .prop_map(|(index, interface)| Change::Interface(index, interface)),
        (2_u32..5, 1_u8..4, proptest::option::of(0_u8..3))
            .prop_map(|(i, n, mac)| Change::Neighbour(i, n, mac)),
        (1_u8..6, 2_u32..5, 1_u8..4).prop_map(|(backend, i, n)| Change::Route(backend, i, n)),
        proptest::collection::vec(1_u8..6, 0..5).prop_map(Change::Want),
        any::<bool>().prop_map(Change::Fixed),
    ]
}

proptest! {
    /// Whatever happens in whatever order: when all questions are answered, the ways are those of a table that was
    /// filled from nothing, and every backend whose way changed has been touched.
    #[test]
    fn events_lead_to_what_a_fresh_look_gives(
        changes in proptest::collection::vec((change(), any::<bool>()), 1..60),
    ) {
        let now = Instant::now();
        let mut table = Table::default();
        let mut kernel: BTreeMap<IpAddr, Route> = (1..6).map(|last| (backend(last), Route::Nowhere)).collect();
        let mut stored: BTreeMap<IpAddr, Way> = BTreeMap::new();
        let mut wanted_now = Wanted::default();
        for (change, answer) in changes {
            match change {
                Change::Interface(index, settings) => {
                    let interface = settings.map(|(mtu, up)| interface(mtu, up));
                    table.take(Event::Interface(index, interface), now);
                }
                Change::Neighbour(index, last, mac) => {
                    table.take(Event::Neighbour(hop(index, last), mac.map(|mac| asked([2, 0, 0, 0, 0, mac]))), now);
                }
                Change::Route(last, index, gateway) => {
                    kernel.insert(backend(last), by(index, gateway));
                    table.take(Event::Routes(IpNet::from(backend(last))), now);
                }
                Change::Want(lasts) => {
                    let need = |last: u8| if last == 5 { Need::OnLink } else { Need::Any };
                    wanted_now.backends = lasts.into_iter().map(|last| (backend(last), need(last))).collect();
                    table.want(wanted_now.clone(), now);
                }
                Change::Fixed(on) => {
                    let fixed = Fixed { interface: "up1500".to_owned(), mac: [2, 0, 0, 0, 7, 7] };
                    wanted_now.fixed = on.then_some(fixed);
                    table.want(wanted_now.clone(), now);
                }
            }
            while let Some(address) = table.next_ask() {
                let event = if answer { Event::Answer(address, kernel[&address].clone()) } else { Event::NoAnswer(address) };
                table.take(event, now);
                if !answer {
                    break;
                }
            }
            for address in table.touched() {
                match table.way(address) {
                    Some(way) => stored.insert(address, way),
                    None => stored.remove(&address),
                };
            }
        }
        while let Some(address) = table.next_ask() {
            table.take(Event::Answer(address, kernel[&address].clone()), now);
        }
        for address in table.touched() {
            match table.way(address) {
                Some(way) => stored.insert(address, way),
                None => stored.remove(&address),
            };
        }
        let mut fresh = Table { interfaces: table.interfaces.clone(), neighbours: table.neighbours.clone(), ..Table::default() };
        fresh.want(wanted_now.clone(), now);
        while let Some(address) = fresh.next_ask() {
            fresh.take(Event::Answer(address, kernel[&address].clone()), now);
        }
        for address in wanted_now.backends.keys() {
            prop_assert_eq!(table.way(*address), fresh.way(*address));
            prop_assert_eq!(stored.get(address).copied(), fresh.way(*address));
        }
        prop_assert_eq!(stored.len(), wanted_now.backends.len());
        let hops = |table: &Table| table.users.clone();
        prop_assert_eq!(hops(&table), hops(&fresh));
    }
}
