//! Whatever arrives on a link, it is answered for nothing but the addresses that are owned there, with its MAC address.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use guideway_l2::{Link, MacAddr, Owned, Responder, parse};
use libfuzzer_sys::fuzz_target;

const MAC: MacAddr = MacAddr(2, 0, 0, 0, 0, 1);

// Frames, each behind an octet with its length.
fuzz_target!(|bytes: &[u8]| {
    let owned: [IpAddr; 2] = ["203.0.113.10", "2001:db8::10"].map(|text| text.parse().expect("an address"));
    let mut now = Instant::now();
    let mut responder = Responder::new();
    responder.set_links(BTreeMap::from([(2, Link { name: "up0".to_owned(), mac: MAC })]), now);
    responder.set(Owned::from(owned.map(|address| (address, BTreeSet::new()))), now);
    let mut rest = bytes;
    while let Some((&length, behind)) = rest.split_first() {
        let (frame, next) = behind.split_at(usize::from(length).min(behind.len()));
        rest = next;
        responder.receive(2, frame, now);
        now += Duration::from_millis(u64::from(length));
        responder.handle_timeout(now);
        while let Some(transmit) = responder.poll_transmit() {
            let said = parse(&transmit.frame).expect("what we write can be read");
            let claim = said.claim.expect("it says where an address is");
            assert!(said.question.is_none() && owned.contains(&claim.address), "{claim:?}");
            assert_eq!((claim.address, claim.mac), (transmit.address, MAC));
        }
        while responder.poll_claimed().is_some() {}
    }
});
