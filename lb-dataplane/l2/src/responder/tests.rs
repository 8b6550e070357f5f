use proptest::prelude::*;

use super::*;
use crate::wire::Heard;

const MAC: MacAddr = MacAddr(2, 0, 0, 0, 0, 1);
const OTHER: MacAddr = MacAddr(2, 0, 0, 0, 0, 9);
const ASKER: MacAddr = MacAddr(2, 0, 0, 0, 0, 2);

fn owned(addresses: &[(&str, &[&str])]) -> Owned {
    let of = |(address, links): &(&str, &[&str])| {
        (address.parse().unwrap(), links.iter().map(|link| (*link).to_owned()).collect())
    };
    addresses.iter().map(of).collect()
}

fn links(links: &[(LinkIndex, &str, MacAddr)]) -> BTreeMap<LinkIndex, Link> {
    links.iter().map(|&(index, name, mac)| (index, Link { name: name.to_owned(), mac })).collect()
}

/// An ARP request.
fn asks(address: &str) -> Vec<u8> {
    request(ASKER, "192.0.2.7", address)
}

fn request(mac: MacAddr, sender: &str, target: &str) -> Vec<u8> {
    let sender: std::net::Ipv4Addr = sender.parse().unwrap();
    let target: std::net::Ipv4Addr = target.parse().unwrap();
    let MacAddr(a, b, c, d, e, f) = mac;
    let mac = [a, b, c, d, e, f];
    [&[0xff; 6][..], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &mac, &sender.octets(), &[0; 6], &target.octets()]
        .concat()
}

/// The addresses of the frames that wait, with their links.
fn sent(responder: &mut Responder) -> Vec<(LinkIndex, String)> {
    let transmits = std::iter::from_fn(|| responder.poll_transmit());
    transmits.map(|transmit| (transmit.link, transmit.address.to_string())).collect()
}

/// Runs all that is due until nothing is any more; gives what was sent, and when after `begin`.
fn run(responder: &mut Responder, begin: Instant) -> Vec<(u128, LinkIndex, String)> {
    let mut all = Vec::new();
    let mut last = begin;
    while let Some(at) = responder.timeout() {
        assert!(at >= last, "time goes forward");
        last = at;
        responder.handle_timeout(at);
        let after = at.duration_since(begin).as_millis();
        all.extend(sent(responder).into_iter().map(|(link, address)| (after, link, address)));
    }
    all
}

fn started() -> (Responder, Instant) {
    let now = Instant::now();
    let mut responder = Responder::new();
    responder.set_links(links(&[(2, "up0", MAC), (3, "up1", OTHER)]), now);
    (responder, now)
}

#[test]
fn only_what_is_owned_is_answered_for_and_only_there() {
    let (mut responder, now) = started();
    responder.receive(2, &asks("203.0.113.10"), now);
    responder.set(owned(&[("203.0.113.10", &[]), ("203.0.113.11", &["up1"])]), now);
    let cases = [
        (2, "203.0.113.10", true),
        (3, "203.0.113.10", true),
        (2, "203.0.113.11", false),
        (3, "203.0.113.11", true),
        (2, "203.0.113.12", false),
        (4, "203.0.113.10", false),
    ];
    for (link, address, answered) in cases {
        responder.receive(link, &asks(address), now);
        let expected = if answered { vec![(link, address.to_owned())] } else { Vec::new() };
        assert_eq!(sent(&mut responder), expected, "{link} {address}");
    }
    // By the MAC address of the link.
    responder.receive(3, &asks("203.0.113.10"), now);
    let answer = responder.poll_transmit().unwrap();
    let heard = parse(&answer.frame).unwrap();
    assert_eq!(heard, Heard { question: None, claim: Some(Claim { address: answer.address, mac: OTHER }) });
    assert_eq!(responder.counts().answers, 4);
}

#[test]
fn what_is_lost_is_silent_at_once() {
    let (mut responder, now) = started();
    responder.set(owned(&[("203.0.113.10", &[]), ("203.0.113.11", &[])]), now);
    responder.receive(2, &asks("203.0.113.10"), now);
    responder.receive(2, &asks("203.0.113.11"), now);
    responder.handle_timeout(now);
    // Answers and announcements wait.
    responder.set(owned(&[("203.0.113.11", &["up0"])]), now);
    assert_eq!(sent(&mut responder), vec![(2, "203.0.113.11".to_owned()); 3]);
    responder.receive(2, &asks("203.0.113.10"), now);
    assert!(sent(&mut responder).is_empty());
    let later = run(&mut responder, now);
    assert!(later.iter().all(|(_, link, address)| (*link, address.as_str()) == (2, "203.0.113.11")));
}

#[test]
fn what_comes_is_announced_several_times() {
    let (mut responder, now) = started();
    responder.set(owned(&[("203.0.113.10", &["up0"]), ("2001:db8::10", &["up1"])]), now);
    let all = run(&mut responder, now);
    let of = |address: &str| {
        let times = all.iter().filter(|(_, _, of)| of == address).map(|(after, link, _)| (*after, *link));
        times.collect::<Vec<_>>()
    };
    let twice: Vec<_> = [0, 200, 500, 1000, 3000].into_iter().flat_map(|after| [(after, 2); 2]).collect();
    assert_eq!(of("203.0.113.10"), twice);
    assert_eq!(of("2001:db8::10"), [0, 200, 500, 1000, 3000].map(|after| (after, 3)));
    assert_eq!(responder.counts().announcements, 10);
    // The same again is no news.
    responder.set(owned(&[("203.0.113.10", &["up0"]), ("2001:db8::10", &["up1"])]), now);
    assert_eq!(responder.timeout(), None);
    // A further link is.
    responder.set(owned(&[("203.0.113.10", &[]), ("2001:db8::10", &["up1"])]), now);
    let new = run(&mut responder, now);
    assert!(new.iter().all(|(_, link, address)| (*link, address.as_str()) == (3, "203.0.113.10")));
    assert_eq!(new.len(), 10);
}

#[test]
fn a_link_that_comes_back_or_has_another_mac_address_is_told_all() {
    let (mut responder, now) = started();
    responder.set(owned(&[("203.0.113.10", &[])]), now);
    run(&mut responder, now);
    responder.set_links(links(&[(2, "up0", MAC), (3, "up1", MacAddr(2, 0, 0, 0, 0, 7))]), now);
    assert_eq!(run(&mut responder, now).iter().filter(|(_, link, _)| *link == 3).count(), 10);
    responder.set_links(links(&[(3, "up1", MacAddr(2, 0, 0, 0, 0, 7))]), now);
    assert_eq!(responder.timeout(), None);
    responder.receive(2, &asks("203.0.113.10"), now);
    assert!(sent(&mut responder).is_empty());
    responder.set_links(links(&[(2, "up0", MAC), (3, "up1", MacAddr(2, 0, 0, 0, 0, 7))]), now);
    let again = run(&mut responder, now);
    assert!(again.len() == 10 && again.iter().all(|(_, link, _)| *link == 2), "{again:?}");
}

#[test]
fn a_claim_of_somebody_else_is_answered_by_one_announcement_in_ten_seconds() {
    let (mut responder, now) = started();
    responder.set(owned(&[("203.0.113.10", &[])]), now);
    run(&mut responder, now);
    let announcement = request(ASKER, "203.0.113.10", "203.0.113.10");
    let mut heard = 0;
    for second in 0..21 {
        let now = now + Duration::from_secs(100 + second);
        responder.receive(2, &announcement, now);
        let told = responder.poll_claimed();
        if told.is_some() {
            heard += 1;
            assert_eq!(responder.timeout(), Some(now));
            responder.handle_timeout(now);
            assert_eq!(sent(&mut responder), vec![(2, "203.0.113.10".to_owned()); 2]);
        }
        assert_eq!(responder.timeout(), None, "at {second} s");
    }
    assert_eq!((heard, responder.counts().claims), (3, 21));
    // Our own links, and addresses of others, are no claims.
    let later = now + Duration::from_secs(1000);
    responder.receive(2, &request(OTHER, "203.0.113.10", "203.0.113.10"), later);
    responder.receive(2, &request(ASKER, "203.0.113.99", "203.0.113.99"), later);
    assert_eq!((responder.poll_claimed(), responder.timeout()), (None, None));
}

#[test]
fn a_claim_that_comes_with_a_question() {
    let (mut responder, now) = started();
    responder.set(owned(&[("203.0.113.10", &[]), ("203.0.113.11", &[])]), now);
    run(&mut responder, now);
    responder.receive(2, &request(ASKER, "203.0.113.10", "203.0.113.11"), now);
    assert_eq!(responder.poll_claimed().unwrap().claim.mac, ASKER);
    assert_eq!(sent(&mut responder), [(2, "203.0.113.11".to_owned())]);
}

#[test]
fn many_addresses_are_announced_in_batches_and_floods_are_dropped() {
    let (mut responder, now) = started();
    let many = |n: u32| (IpAddr::from(std::net::Ipv4Addr::from(0xcb00_0000 + n)), BTreeSet::new());
    responder.set((0..1000).map(many).collect(), now);
    responder.handle_timeout(now);
    assert_eq!(sent(&mut responder).len(), 2 * BATCH);
    assert_eq!(responder.timeout(), Some(now + PAUSE));
    let all = run(&mut responder, now);
    // Two links, five rounds, two frames each.
    assert_eq!(all.len() + 2 * BATCH, 1000 * 2 * 5 * 2);
    // All have been announced once before half a second is over.
    let first = all.iter().take(1000 * 2 * 2 - 2 * BATCH).map(|(after, ..)| *after).max().unwrap();
    assert!(first < 500, "{first} ms");
    for _ in 0..QUEUE + 5 {
        responder.receive(2, &asks("203.0.0.1"), now);
    }
    assert_eq!((sent(&mut responder).len(), responder.counts().dropped), (QUEUE, 5));
}

#[test]
fn groups_are_those_of_the_addresses_on_their_links() {
    let (mut responder, now) = started();
    let addresses: [(&str, &[&str]); 4] = [
        ("203.0.113.10", &[]),
        ("2001:db8::10", &["up0"]),
        ("2001:db8:1::10", &["up0"]),
        ("2001:db8::11", &[]),
    ];
    responder.set(owned(&addresses), now);
    let group = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    let expected =
        [(2, group("ff02::1:ff00:10")), (2, group("ff02::1:ff00:11")), (3, group("ff02::1:ff00:11"))];
    assert_eq!(responder.groups(), expected.into());
}

#[derive(Clone, Debug)]
enum Event {
    Set(Vec<(u8, Vec<bool>)>),
    Links(Vec<(bool, u8)>),
    Asked(u8, u8),
    Claimed(u8, u8),
    Advance(u64),
    Sent(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let addresses = proptest::collection::vec((0_u8..4, proptest::collection::vec(any::<bool>(), 2)), 0..4);
    prop_oneof![
        2 => addresses.prop_map(Event::Set),
        1 => proptest::collection::vec((any::<bool>(), 1_u8..3), 2).prop_map(Event::Links),
        3 => (0_u8..2, 0_u8..4).prop_map(|(link, address)| Event::Asked(link, address)),
        1 => (0_u8..2, 0_u8..4).prop_map(|(link, address)| Event::Claimed(link, address)),
        3 => (0_u64..4000).prop_map(Event::Advance),
        3 => (0_usize..6).prop_map(Event::Sent),
    ]
}

proptest! {
    /// Whatever happens: every frame that goes out is about an address that is owned on that link at that moment, with
    /// the link's MAC address; and everything that is owned for long enough is announced in every round.
    #[test]
    fn never_for_others(events in proptest::collection::vec(event(), 1..60)) {
        let names = ["up0", "up1"];
        let mut now = Instant::now();
        let mut responder = Responder::new();
        let (mut owns, mut has): (Owned, BTreeMap<LinkIndex, Link>) = Default::default();
        let address = |n: u8| format!("203.0.113.{n}");
        for event in events {
            let mut send = 0;
            match event {
                Event::Set(addresses) => {
                    owns = addresses.iter().map(|(n, on)| {
                        let on = names.iter().zip(on).filter(|(_, on)| **on).map(|(name, _)| (*name).to_owned());
                        (address(*n).parse().unwrap(), on.collect())
                    }).collect();
                    responder.set(owns.clone(), now);
                }
                Event::Links(up) => {
                    has = (0..).zip(up).filter(|(_, (is_up, _))| *is_up).map(|(index, (_, mac))| {
                        let name = names[usize::try_from(index).unwrap()].to_owned();
                        (index, Link { name, mac: MacAddr::new(2, 0, 0, 1, u8::try_from(index).unwrap(), mac) })
                    }).collect();
                    responder.set_links(has.clone(), now);
                }
                Event::Asked(link, n) => responder.receive(link.into(), &asks(&address(n)), now),
                Event::Claimed(link, n) => {
                    responder.receive(link.into(), &request(ASKER, &address(n), &address(n)), now);
                }
                Event::Advance(milliseconds) => {
                    now += Duration::from_millis(milliseconds);
                    responder.handle_timeout(now);
                }
                Event::Sent(count) => send = count,
            }
            for _ in 0..send {
                let Some(transmit) = responder.poll_transmit() else { break };
                let link = has.get(&transmit.link);
                prop_assert!(link.is_some(), "by a link that is down");
                let link = link.unwrap();
                let on = owns.get(&transmit.address);
                prop_assert!(on.is_some_and(|on| on.is_empty() || on.contains(&link.name)), "{transmit:?}");
                let claim = Claim { address: transmit.address, mac: link.mac };
                prop_assert_eq!(parse(&transmit.frame).unwrap().claim, Some(claim));
            }
            prop_assert!(responder.queue.len() <= QUEUE);
            prop_assert_eq!(responder.rounds.len(), responder.due.len());
        }
    }
}
