use super::*;
use crate::Weight;
use crate::model::{tcp, web_and_dns};

// That explanations of random flows agree with what the maps of a plan make the forwarder do is checked with the plans.

fn steering(desired: &Desired, flow: &FiveTuple) -> Steering {
    match explain(desired, flow).unwrap() {
        Explanation::Vip(steering) => steering,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_vips_are_steered() {
    let cases = [
        ("203.0.113.10:81", Protocol::Tcp, Explanation::UnknownPort),
        ("203.0.113.10:80", Protocol::Udp, Explanation::UnknownPort),
        ("203.0.113.11:80", Protocol::Tcp, Explanation::NotAVip),
    ];
    for (destination, protocol, expected) in cases {
        let flow = FiveTuple { protocol, ..tcp("198.51.100.1:1234", destination) };
        assert_eq!(explain(&web_and_dns(), &flow), Ok(expected), "{destination}/{protocol}");
    }
}

#[test]
fn families_must_agree() {
    let mixed = tcp("198.51.100.1:1", "[2001:db8::10]:80");
    assert!(matches!(explain(&web_and_dns(), &mixed), Err(ExplainError::Families { .. })));
    // An IPv4-mapped address is an IPv4 address.
    let (mapped, plain) =
        (tcp("[::ffff:198.51.100.1]:1", "203.0.113.10:80"), tcp("198.51.100.1:1", "203.0.113.10:80"));
    assert_eq!(explain(&web_and_dns(), &mapped), explain(&web_and_dns(), &plain));
}

/// Forwarders of different versions must agree.
#[test]
fn known_answers() {
    let cases = [
        (
            "198.51.100.1:1234",
            "203.0.113.10:80",
            (4_108_717_304_755_006_934, 3_648),
            "172.16.108.168",
            "10.0.0.1",
        ),
        (
            "[2001:db8:1::1]:1234",
            "[2001:db8::10]:80",
            (16_891_780_204_183_607_065, 15_000),
            "172.16.86.102",
            "10.0.0.2",
        ),
        (
            "198.51.100.1:3",
            "203.0.113.10:80",
            (5_882_916_095_307_992_629, 5_224),
            "100::35ce:4208",
            "fd00::3",
        ),
    ];
    for (source, destination, hash_and_slot, outer_source, outer_destination) in cases {
        let steering = steering(&web_and_dns(), &tcp(source, destination));
        assert_eq!((steering.flow_hash, steering.slot), hash_and_slot, "{steering:?}");
        let encapsulation = steering.encapsulation.unwrap();
        assert_eq!(encapsulation.outer_source, outer_source.parse::<IpAddr>().unwrap());
        assert_eq!(encapsulation.outer_destination, outer_destination.parse::<IpAddr>().unwrap());
    }
}

#[test]
fn a_failed_owner_is_named_beside_its_stand_in() {
    let mut desired = web_and_dns();
    let flow = tcp("198.51.100.1:1234", "203.0.113.10:80");
    let before = steering(&desired, &flow);
    let owner = before.preferred.unwrap();
    assert_eq!(before.encapsulation.unwrap().member, owner);
    desired.sets[0].members[owner].healthy = false;
    let after = steering(&desired, &flow);
    assert_eq!((after.preferred, after.slot), (Some(owner), before.slot));
    assert_ne!(after.encapsulation.unwrap().member, owner);
    desired.sets[0].members.iter_mut().for_each(|member| member.healthy = false);
    assert_eq!(steering(&desired, &flow).encapsulation, None);
    desired.sets[0].members.iter_mut().for_each(|member| member.weight = Weight(0));
    assert_eq!(steering(&desired, &flow).preferred, None);
}

#[test]
fn states_that_cannot_be_installed_are_errors() {
    let flow = tcp("198.51.100.1:1234", "203.0.113.10:80");
    let mut desired = web_and_dns();
    desired.sets[0].members[1].name = "be1".into();
    assert!(matches!(explain(&desired, &flow), Err(ExplainError::Set { .. })));
    desired.sets.remove(0);
    assert!(matches!(explain(&desired, &flow), Err(ExplainError::UnknownSet { .. })));
}
