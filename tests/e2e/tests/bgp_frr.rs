//! bgp-speaker with real FRR.

mod bgp_support;

use bgp_support::router::Kind;

tests_with!(Kind::Frr);
