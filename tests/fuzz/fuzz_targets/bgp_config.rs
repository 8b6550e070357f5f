//! Whatever the file is, its peers are right or every problem of it has a place.
#![no_main]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use guideway_bgp_config::fields::Section;
use guideway_bgp_config::{Import, Local, Remote, Ttl, peers, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let root = match yaml::parse(text) {
        Ok(root) => root,
        Err((_, reason)) => {
            assert!(!reason.is_empty() && !reason.contains('\n'), "a reason is one line");
            return;
        }
    };
    let mut problems = Vec::new();
    let mut section = Section::open("", &root, &mut problems);
    let local = Local { asn: 65001, router_id: Ipv4Addr::new(10, 255, 1, 1), import: Import::None };
    let read = |_: &std::path::Path| Ok("s3cret".to_owned());
    let peers = peers(&mut section, local, &mut problems, &read);
    section.close(&mut problems);
    for problem in &problems {
        assert!(problem.line > 0 && !problem.reason.is_empty(), "a problem has a place: {problem:?}");
        assert!(!problem.to_string().contains('\n'), "a problem is one line: {problem:?}");
    }
    if let Some(peers) = peers.filter(|_| problems.is_empty()) {
        let names: BTreeSet<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
        assert_eq!(names.len(), peers.len(), "each name is there once");
        for peer in &peers {
            assert!(!peer.session.families.is_empty(), "a session has a family");
            assert!(peer.port > 0 && !matches!(peer.ttl, Ttl::Security { hops: 0 }));
            if let Remote::Range { prefix, limit } = &peer.remote {
                assert!(*prefix == prefix.trunc() && *limit > 0 && peer.session.passive);
            }
        }
    }
});
