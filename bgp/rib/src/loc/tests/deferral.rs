//! How long nothing is sent after a start.

use std::net::Ipv4Addr;
use std::time::Instant;

use guideway_bgp_wire::{Families, Family};

use super::{families, id, secs};
use crate::loc::{Deferral, Known};

fn known(n: u8) -> Known {
    Known::Identifier(Ipv4Addr::new(10, 255, 1, n))
}

#[test]
fn everyone_has_to_have_told_everything() {
    let now = Instant::now();
    let mut deferral = Deferral::new(now, [known(1), known(2), Known::Name("lb3".to_owned())], secs(60));
    assert_eq!(deferral.poll_timeout(), Some(now + secs(60)));
    deferral.up(now, "lb1", id(1), Some(families()));
    deferral.end_of_rib(now, "lb1", id(1), Family::Ipv4);
    // Somebody unknown is not waited for.
    deferral.up(now, "lb9", id(9), Some(families()));
    deferral.end_of_rib(now, "lb1", id(1), Family::Ipv6);
    assert_eq!(deferral.waiting_for().count(), 2);
    deferral.up(now, "lb2", id(2), Some(Families::NONE.with(Family::Ipv4)));
    deferral.end_of_rib(now, "lb2", id(2), Family::Ipv4);
    assert!(!deferral.is_released());
    let waiting: Vec<_> = deferral.waiting_for().map(|(known, what)| format!("{known}: {what}")).collect();
    assert_eq!(waiting, ["lb3: no session"]);
    deferral.up(now, "lb3", id(3), Some(families()));
    // Lost in between: from the beginning.
    deferral.end_of_rib(now, "lb3", id(3), Family::Ipv4);
    deferral.down("lb3", id(3));
    deferral.up(now, "lb3", id(3), Some(families()));
    deferral.end_of_rib(now, "lb3", id(3), Family::Ipv6);
    assert!(!deferral.is_released());
    deferral.end_of_rib(now, "lb3", id(3), Family::Ipv4);
    assert!(deferral.is_released());
    assert_eq!(deferral.poll_timeout(), None);
}

#[test]
fn but_not_for_ever() {
    let now = Instant::now();
    let mut deferral = Deferral::new(now, [known(1)], secs(60));
    deferral.handle_timeout(now + secs(59));
    assert!(!deferral.is_released());
    deferral.handle_timeout(now + secs(60));
    assert!(deferral.is_released());
    assert!(Deferral::new(now, [], secs(60)).is_released());
}

#[test]
fn a_speaker_that_need_not_send_the_marker_is_listened_to_for_a_while() {
    let now = Instant::now();
    let mut deferral = Deferral::new(now, [known(1), known(2)], secs(60));
    deferral.up(now, "lb1", id(1), None);
    deferral.up(now, "lb2", id(2), None);
    assert_eq!(deferral.poll_timeout(), Some(now + Deferral::WITHOUT_END_OF_RIB));
    deferral.end_of_rib(now, "lb1", id(1), Family::Ipv4);
    assert_eq!(deferral.waiting_for().count(), 1);
    deferral.handle_timeout(now + Deferral::WITHOUT_END_OF_RIB);
    assert!(deferral.is_released());
}
