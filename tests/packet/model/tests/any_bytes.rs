//! No frame is too strange for the model.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{NOW, frame, one_bucket, unsettle, world};
use guideway_packet_model::{Encapsulation, Verdict, forward};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let mut world = world();
        let mut flows = one_bucket(&mut world);
        forward(&world, &mut flows, NOW, &bytes, 216);
    }

    #[test]
    fn a_frame_with_some_bytes_changed(
        udp in any::<bool>(),
        gue in any::<bool>(),
        changes in vec((0_usize..60, any::<u8>()), 0..6),
        length in 14_usize..60,
    ) {
        let mut world = world();
        let mut flows = one_bucket(&mut world);
        unsettle(&mut world, &[2, 4, 1]);
        world.vips[0].ports = 0..=u16::MAX;
        world.sets[0].encapsulation = if gue { Encapsulation::Gue } else { Encapsulation::IpIp };
        let mut bytes = frame(if udp { 17 } else { 6 }, 1, 80, 0x10);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(length);
        let outcome = forward(&world, &mut flows, NOW, &bytes, 216);
        // Exactly one verdict is counted, and what is not sent is not counted as sent.
        let verdicts = ["pass", "tx", "redirect"].iter().filter(|name| outcome.counters.contains_key(*name)).count();
        let drops = outcome.counters.keys().filter(|name| name.starts_with("drop_")).count();
        assert_eq!(verdicts + drops, 1);
        assert_eq!(outcome.sent.is_some(), matches!(outcome.verdict, Verdict::Tx | Verdict::Redirect(_)));
    }
}
