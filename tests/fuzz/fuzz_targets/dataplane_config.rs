//! Whatever the file is, it is a configuration or a list of errors with places.
#![no_main]

use guideway_dataplane_config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse_bytes("lb.yaml", bytes) {
        Ok(config) => {
            assert!(!config.interfaces().is_empty(), "a forwarder has an interface");
            let backends = config.backend_sets().iter().flat_map(|set| &*set.backends);
            for backend in backends.take(64) {
                let own = config.vips().iter().find(|vip| vip.address.contains(&backend.address));
                assert!(own.is_none(), "packets for a backend never come back to the forwarder");
            }
            let entries: u64 = config.vips().iter().filter_map(|vip| vip.flow_entries).map(u64::from).sum();
            assert!(entries <= u64::from(config.limits().flows), "every VIP gets its flow entries");
            for vip in config.vips() {
                let (first, last) = vip.ports.bounds();
                assert!(first <= last, "a VIP has ports");
                assert_eq!(vip.address, vip.address.trunc(), "a VIP's host bits are zero");
                assert!(vip.sources.len() <= 1024, "no VIP has more sources");
                for source in &vip.sources {
                    assert_eq!(
                        source.max_prefix_len(),
                        vip.address.max_prefix_len(),
                        "sources can be sources"
                    );
                }
            }
        }
        Err(errors) => {
            assert!(!errors.problems().is_empty(), "a refused file has a reason");
            for problem in errors.problems() {
                assert!(problem.to_string().starts_with("lb.yaml"), "a reason has a place");
            }
        }
    }
});
