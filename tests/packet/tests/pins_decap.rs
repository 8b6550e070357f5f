//! The pins of the decap program, on the real kernel.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "pins/place.rs"]
mod place;

use guideway_bpf::{Decap, OpenError, Origin, VipAddress, XdpMode};
use place::Place;

#[test]
fn a_decap_program_keeps_its_list_and_what_it_was_told() {
    let place = Place::new();
    let v4: std::net::IpAddr = "203.0.113.10".parse().unwrap();
    let v6: std::net::IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(Decap::status(&place.root).unwrap(), None);
    let decap = Decap::open(&place.root).unwrap();
    decap.attach("lo", XdpMode::Generic).unwrap();
    decap.allow(v4, VipAddress::Added).unwrap();
    decap.remember_setting("net/ipv4/conf/lo/rp_filter", "1").unwrap();
    decap.remember_setting("net/ipv4/conf/lo/rp_filter", "2").unwrap();
    drop(decap);

    let decap = Decap::open(&place.root).unwrap();
    assert_eq!(decap.origin(), Origin::Reused);
    assert_eq!(
        decap.settings().unwrap().into_iter().collect::<Vec<_>>(),
        [("net/ipv4/conf/lo/rp_filter".to_owned(), "1".to_owned())]
    );
    decap.allow_exactly(&[v4, v6].into()).unwrap();
    assert_eq!(decap.vips().unwrap(), [(v4, VipAddress::Added), (v6, VipAddress::Foreign)].into());
    decap.allow_exactly(&[v6].into()).unwrap();
    decap.forget_setting("net/ipv4/conf/lo/rp_filter").unwrap();
    assert!(decap.settings().unwrap().is_empty());
    let status = Decap::status(&place.root).unwrap().unwrap();
    assert_eq!(status.vips, [(v6, VipAddress::Foreign)].into());
    assert!(status.attachments[0].attached());
    assert!(matches!(Decap::remove(&place.root), Err(OpenError::InUse(_))));
    // Who undoes a set-up holds the pins from before the first step to after the last.
    assert!(matches!(Decap::hold(&place.root), Err(OpenError::InUse(_))));
    drop(decap);
    let held = Decap::hold(&place.root).unwrap().unwrap();
    assert!(matches!(Decap::open(&place.root), Err(OpenError::InUse(_))));
    held.remove().unwrap();
    assert!(!place.root.exists());
    assert!(Decap::hold(&place.root).unwrap().is_none());
    assert!(!Decap::remove(&place.root).unwrap());
}
