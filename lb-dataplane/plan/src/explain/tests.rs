use std::time::Duration;

use super::*;
use crate::model::{NOW, SMALL_MAPS, member, tcp, web_and_dns};
use crate::{BootTime, Outcome, Session, TableCache, Weight, plan};

// That explanations of random flows agree with what the maps of a plan make the forwarder do is checked with the plans.

/// What is installed after each of these was.
fn installed(history: &[&Desired]) -> Installed {
    let mut installed = Installed::empty(guideway_abi::Capacities { tables_small: 16, ..SMALL_MAPS });
    for (desired, after) in history.iter().zip(0..) {
        let now = BootTime(NOW.0 + after);
        if let Outcome::Plan(plan) = plan(desired, &installed, now, &mut TableCache::new()).unwrap() {
            installed = plan.installed;
        }
    }
    installed
}

fn steering(desired: &Desired, installed: &Installed, flow: &FiveTuple) -> Steering {
    match explain(desired, installed, flow).unwrap() {
        Explanation::Vip(steering) => steering,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_vips_are_steered() {
    let (desired, installed) = (web_and_dns(), installed(&[&web_and_dns()]));
    let cases = [
        ("203.0.113.10:81", Protocol::Tcp, Explanation::UnknownPort),
        ("203.0.113.10:80", Protocol::Udp, Explanation::UnknownPort),
        ("203.0.113.11:80", Protocol::Tcp, Explanation::NotAVip),
    ];
    for (destination, protocol, expected) in cases {
        let flow = FiveTuple { protocol, ..tcp("198.51.100.1:1234", destination) };
        assert_eq!(explain(&desired, &installed, &flow), Ok(expected), "{destination}/{protocol}");
    }
}

#[test]
fn sources_are_looked_at_first() {
    let mut desired = web_and_dns();
    desired.vips[0].sources = vec!["198.51.100.0/28".parse().unwrap(), "192.0.2.1/32".parse().unwrap()];
    let installed = installed(&[&desired]);
    let cases = [
        ("198.51.100.1:1234", true),
        ("198.51.100.15:1234", true),
        ("198.51.100.16:1234", false),
        ("192.0.2.1:1234", true),
        ("[::ffff:192.0.2.2]:1234", false),
    ];
    for (source, admitted) in cases {
        let explanation = explain(&desired, &installed, &tcp(source, "203.0.113.10:80")).unwrap();
        assert_eq!(matches!(explanation, Explanation::Vip(_)), admitted, "{source}");
        assert_eq!(explanation == Explanation::Source(0), !admitted, "{source}");
    }
    steering(&desired, &installed, &tcp("192.0.2.2:1", "203.0.113.53:53"));
}

#[test]
fn families_must_agree() {
    let (desired, installed) = (web_and_dns(), installed(&[&web_and_dns()]));
    let mixed = tcp("198.51.100.1:1", "[2001:db8::10]:80");
    assert!(matches!(explain(&desired, &installed, &mixed), Err(ExplainError::Families { .. })));
    // An IPv4-mapped address is an IPv4 address.
    let (mapped, plain) =
        (tcp("[::ffff:198.51.100.1]:1", "203.0.113.10:80"), tcp("198.51.100.1:1", "203.0.113.10:80"));
    assert_eq!(explain(&desired, &installed, &mapped), explain(&desired, &installed, &plain));
}

/// Forwarders of different versions must agree.
#[test]
fn known_answers() {
    let (desired, installed) = (web_and_dns(), installed(&[&web_and_dns()]));
    let cases = [
        ("198.51.100.1:1234", "203.0.113.10:80"),
        ("[2001:db8:1::1]:1234", "[2001:db8::10]:80"),
        ("198.51.100.1:3", "203.0.113.10:80"),
    ];
    let answers = cases.map(|(source, destination)| {
        let steering = steering(&desired, &installed, &tcp(source, destination));
        let packet = steering.first_packet.unwrap();
        format!(
            "{:#x} {} {} {}",
            steering.flow_hash, steering.slot, packet.outer_source, packet.outer_destination
        )
    });
    let known = [
        "0x814f0315 8274 172.16.79.129 10.0.0.2",
        "0x5722027f 5575 100::7f02:2257 fd00::3",
        "0x3c3829d0 3853 172.16.56.60 10.0.0.1",
    ];
    assert_eq!(answers, known);
}

#[test]
fn a_failed_owner_is_named_beside_its_stand_in() {
    let mut desired = web_and_dns();
    let flow = tcp("198.51.100.1:1234", "203.0.113.10:80");
    let before = steering(&desired, &installed(&[&desired]), &flow);
    let owner = before.preferred.unwrap();
    assert_eq!((before.reason, before.candidates[0].member), (Reason::Settled, Some(owner)));
    desired.sets[0].members[owner].healthy = false;
    let failed = steering(&desired, &installed(&[&web_and_dns(), &desired]), &flow);
    assert_eq!((failed.preferred, failed.slot, failed.reason), (Some(owner), before.slot, Reason::Settled));
    assert_ne!(failed.candidates[0].member, Some(owner));
    desired.sets[0].members.iter_mut().for_each(|member| member.healthy = false);
    let none = steering(&desired, &installed(&[&web_and_dns(), &desired]), &flow);
    assert_eq!((none.candidates.len(), none.first_packet, none.later_packet), (0, None, None));
    desired.sets[0].members.iter_mut().for_each(|member| member.weight = Weight(0));
    assert_eq!(steering(&desired, &installed(&[&desired]), &flow).preferred, None);
}

#[test]
fn a_backend_that_leaves_is_a_further_hop() {
    let flow = tcp("198.51.100.1:1234", "203.0.113.10:80");
    let before = web_and_dns();
    let owner = steering(&before, &installed(&[&before]), &flow).preferred.unwrap();
    let mut after = before.clone();
    let gone = after.sets[0].members.remove(owner);
    let unsettled = steering(&after, &installed(&[&before, &after]), &flow);
    assert_eq!(unsettled.reason, Reason::UnsettledSecondHop);
    let [current, left] = &unsettled.candidates[..] else { panic!("{unsettled:?}") };
    assert_eq!((current.member.is_some(), left.member, left.address), (true, None, gone.address));
    let (first, later) = (unsettled.first_packet.unwrap(), unsettled.later_packet.unwrap());
    assert_eq!((first.encapsulation, first.hops.len()), (SetEncapsulation::IpIp, 0));
    assert_eq!((later.encapsulation, &later.hops[..]), (SetEncapsulation::Gue, &[gone.address][..]));
    assert_eq!((first.outer_destination, later.outer_destination), (current.address, current.address));

    // Without a second hop, what nobody knows of goes where it was.
    let (mut before, mut after) = (before, after);
    before.sets[0].second_hop = false;
    after.sets[0].second_hop = false;
    let entries = steering(&after, &installed(&[&before, &after]), &flow);
    assert_eq!(entries.reason, Reason::UnsettledEntries);
    assert!(entries.entry.is_some());
    assert_eq!(entries.first_packet.unwrap().outer_destination, current.address);
    assert_eq!(entries.later_packet.unwrap().outer_destination, gone.address);
}

#[test]
fn a_client_that_stays_has_one_slot() {
    let mut desired = web_and_dns();
    desired.vips[0].session = Session::ClientIp { timeout: Duration::from_secs(60) };
    let installed = installed(&[&desired]);
    let answers = ["198.51.100.1:1234", "198.51.100.1:77", "198.51.100.2:77"]
        .map(|source| steering(&desired, &installed, &tcp(source, "203.0.113.10:80")));
    assert!(answers.iter().all(|answer| answer.reason == Reason::Tracked));
    assert_eq!((answers[0].slot, answers[0].entry), (answers[1].slot, answers[1].entry));
    assert_ne!((answers[0].slot, answers[0].entry), (answers[2].slot, answers[2].entry));
    assert_ne!(answers[0].flow_hash, answers[1].flow_hash);
}

#[test]
fn after_a_change_of_seed_both_slots_count() {
    let before = web_and_dns();
    let after = Desired { seed: crate::Seed([9; 16]), ..before.clone() };
    let (old, new) = (installed(&[&before]), installed(&[&before, &after]));
    let mut further = 0;
    for port in 1..50 {
        let flow = tcp(&format!("198.51.100.1:{port}"), "203.0.113.10:80");
        let (was, is) = (steering(&before, &old, &flow), steering(&after, &new, &flow));
        let backend = was.candidates[0].backend;
        assert!(is.candidates.iter().any(|candidate| candidate.backend == backend), "{is:?}");
        further += usize::from(is.candidates.len() > 1);
    }
    assert!(further > 20, "{further}");
}

#[test]
fn states_that_cannot_be_installed_are_errors() {
    let flow = tcp("198.51.100.1:1234", "203.0.113.10:80");
    let installed = installed(&[&web_and_dns()]);
    let mut desired = web_and_dns();
    desired.sets[0].members[1].name = "be1".into();
    assert!(matches!(explain(&desired, &installed, &flow), Err(ExplainError::Set { .. })));
    desired.sets.remove(0);
    assert!(matches!(explain(&desired, &installed, &flow), Err(ExplainError::UnknownSet { .. })));
    let mut desired = web_and_dns();
    desired.sets[0].members.push(member("be4", "10.0.0.4"));
    desired.vips[0].key.ports = crate::Ports::Any;
    assert!(matches!(explain(&desired, &installed, &flow), Err(ExplainError::NotInstalled { .. })));
}
