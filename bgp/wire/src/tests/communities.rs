//! Communities as text and as numbers.

use crate::{Community, ExtendedCommunity, LargeCommunity, Transitivity};

#[test]
fn standard() {
    let rows = [
        ("65001:100", 0xfde9_0064),
        ("0:0", 0),
        ("graceful-shutdown", 0xffff_0000),
        ("accept-own", 0xffff_0001),
        ("llgr-stale", 0xffff_0006),
        ("no-llgr", 0xffff_0007),
        ("blackhole", 0xffff_029a),
        ("no-export", 0xffff_ff01),
        ("no-advertise", 0xffff_ff02),
        ("no-export-subconfed", 0xffff_ff03),
        ("no-peer", 0xffff_ff04),
    ];
    for (text, number) in rows {
        assert_eq!(text.parse(), Ok(Community(number)));
        assert_eq!(Community(number).to_string(), text);
    }
    assert_eq!("65535:0".parse(), Ok(Community::GRACEFUL_SHUTDOWN));
    for bad in ["", ":", "1", "1:", ":1", "65536:1", "1:65536", "-1:1", "+1:1", " 1:1", "1:2:3", "No-Export"]
    {
        let error = bad.parse::<Community>().unwrap_err();
        assert!(error.to_string().contains("is not a community"), "{bad}");
    }
}

#[test]
fn large() {
    let community = LargeCommunity { global: 4_200_000_001, local1: 0, local2: 7 };
    assert_eq!("4200000001:0:7".parse(), Ok(community));
    assert_eq!(community.to_string(), "4200000001:0:7");
    for bad in ["", "1:2", "1:2:3:4", "1::3", "4294967296:1:1", "1:2:x"] {
        assert!(bad.parse::<LargeCommunity>().is_err(), "{bad}");
    }
}

#[test]
fn extended() {
    let rows = [
        ("rt:65001:100", 0x0002_fde9_0000_0064),
        ("ro:65001:4294967295", 0x0003_fde9_ffff_ffff),
        ("rt:192.0.2.1:100", 0x0102_c000_0201_0064),
        ("rt:4200000001:100", 0x0202_fa56_ea01_0064),
        ("bandwidth:65001:1250000000", 0x0004_fde9_4e95_02f9),
        ("local-bandwidth:65001:0", 0x4004_fde9_0000_0000),
        ("0x030b000000000064", 0x030b_0000_0000_0064),
        // A 4-octet AS number that has room in two would be read back as such.
        ("0x0202000000010064", 0x0202_0000_0001_0064),
        // No bandwidth is negative or not a number.
        ("0x0004fde9bf800000", 0x0004_fde9_bf80_0000),
        ("0x0004fde97fc00000", 0x0004_fde9_7fc0_0000),
    ];
    for (text, bits) in rows {
        let community = ExtendedCommunity(u64::to_be_bytes(bits));
        assert_eq!(text.parse(), Ok(community), "{text}");
        assert_eq!(community.to_string(), text);
    }
    let bad = [
        "",
        "rt",
        "rt:1",
        "rt:65001:4294967296",
        "rt:192.0.2.1:65536",
        "xx:1:1",
        "0x00",
        "0x00000000000000zz",
        "bandwidth:65001:-1",
        "bandwidth:65001:inf",
        "bandwidth:65001:nan",
        "bandwidth:70000:1",
        "0x+004fde97fc00000",
    ];
    for bad in bad {
        assert!(bad.parse::<ExtendedCommunity>().is_err(), "{bad}");
    }
}

#[test]
fn link_bandwidth() {
    let transitive = ExtendedCommunity::link_bandwidth(65001, 1.25e9, Transitivity::Transitive);
    assert_eq!(transitive.0[..4], [0x00, 0x04, 0xfd, 0xe9]);
    assert_eq!(transitive.as_link_bandwidth(), Some((65001, 1.25e9)));
    let local = ExtendedCommunity::link_bandwidth(65001, 1.25e9, Transitivity::NonTransitive);
    assert_eq!(local.0[..2], [0x40, 0x04]);
    assert_eq!(local.as_link_bandwidth(), Some((65001, 1.25e9)));
    assert_eq!(
        (transitive.transitivity(), local.transitivity()),
        (Transitivity::Transitive, Transitivity::NonTransitive)
    );
    assert_eq!(ExtendedCommunity([0, 2, 0, 1, 0, 0, 0, 1]).as_link_bandwidth(), None);
    assert_eq!(ExtendedCommunity([1, 4, 0, 1, 0, 0, 0, 1]).as_link_bandwidth(), None);
}

/// RFC 8092 section 3.
#[test]
fn large_communities_are_read_and_written_once() {
    let once: Vec<LargeCommunity> = ["2:0:0", "1:0:0"].map(|text| text.parse().unwrap()).to_vec();
    let twice = [once.clone(), once.clone()].concat();
    let nlri = vec![crate::Nlri::new("10.0.0.0/8".parse().unwrap())];
    let attributes = |large_communities| crate::Attributes {
        origin: Some(crate::Origin::Igp),
        as_path: Some(crate::AsPath::default()),
        large_communities,
        ..crate::Attributes::default()
    };
    let context = crate::Context::default();
    let hop = crate::NextHop::V4([10, 0, 0, 1].into());
    let write = |communities| {
        let update = crate::Update::reach(crate::Family::Ipv4, hop, attributes(communities), nlri.clone());
        crate::Message::Update(update).encode(&context).unwrap()
    };
    assert_eq!(write(twice), write(once.clone()));
    let octets = "00000002 00000000 00000000";
    let text = format!("40010100 400200 4003040a000001 c02018 {octets} {octets}");
    let decoded = super::decode_update(&super::update(&text, "080a"), &context).unwrap();
    assert_eq!(decoded.attributes.large_communities, once[..1]);
}
