//! The interop matrix: one test for each daemon and feature.

use guideway_interop::Feature;
use guideway_interop::prove::prove;
use guideway_lab::router::Kind;

/// A module of tests for each daemon, a test for each feature; and a check that no row and no column is left out.
macro_rules! matrix {
    ($($daemon:ident: $kind:ident),+; $features:tt) => {
        $(mod $daemon {
            matrix!(@features $kind, $features);
        })+

        #[test]
        fn every_daemon_has_its_column() {
            assert_eq!([$(Kind::$kind),+], Kind::ALL);
            matrix!(@complete $features);
        }
    };
    (@features $kind:ident, [$($test:ident: $feature:ident),+ $(,)?]) => {
        $(#[test]
        fn $test() -> anyhow::Result<()> {
            super::prove(super::Kind::$kind, super::Feature::$feature)
        })+
    };
    (@complete [$($test:ident: $feature:ident),+ $(,)?]) => {
        assert_eq!([$(Feature::$feature),+], Feature::ALL);
    };
}

matrix! {
    bird: Bird, frr: Frr, gobgp: GoBgp, openbgpd: OpenBgpd, exabgp: ExaBgp;
    [
        ipv4: V4,
        ipv6: V6,
        ipv4_over_ipv6: V4OverV6,
        link_local: LinkLocal,
        md5: Md5,
        gtsm: Gtsm,
        dynamic_there: DynamicThere,
        dynamic_here: DynamicHere,
        collision_ours_stays: CollisionOurs,
        collision_theirs_stays: CollisionTheirs,
        refresh: Refresh,
        graceful_restart: GracefulRestart,
    ]
}
