//! Whatever the file is, it is a configuration or a list of errors with places.
#![no_main]

use guideway_dataplane_config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse_bytes("lb.yaml", bytes) {
        Ok(config) => assert!(!config.interfaces().is_empty(), "a forwarder has an interface"),
        Err(errors) => {
            assert!(!errors.problems().is_empty(), "a refused file has a reason");
            for problem in errors.problems() {
                assert!(problem.to_string().starts_with("lb.yaml"), "a reason has a place");
            }
        }
    }
});
