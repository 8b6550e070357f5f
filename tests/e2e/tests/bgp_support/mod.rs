//! bgp-speaker against a real router: one veth between them, a stand-in for the agent, and the scenarios that every
//! router has to pass.
#![allow(dead_code, unreachable_pub, missing_docs)]

/// The tests that every router has to pass, for one kind of router.
#[macro_export]
macro_rules! tests_with {
    ($kind:expr) => {
        #[test]
        fn announces_and_withdraws_over_ipv4() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::announces_and_withdraws(
                $kind,
                $crate::bgp_support::router::Over::V4,
            )
        }

        #[test]
        fn announces_and_withdraws_over_ipv6() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::announces_and_withdraws(
                $kind,
                $crate::bgp_support::router::Over::V6,
            )
        }

        #[test]
        fn tcp_md5_over_ipv4() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::md5($kind, $crate::bgp_support::router::Over::V4)
        }

        #[test]
        fn tcp_md5_over_ipv6() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::md5($kind, $crate::bgp_support::router::Over::V6)
        }

        #[test]
        fn a_thousand_vips() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::many_vips($kind, 1000)
        }

        #[test]
        fn ten_thousand_vips() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::many_vips($kind, 10_000)
        }

        #[test]
        fn a_shutdown_tells_the_router() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::shutdown($kind)
        }

        #[test]
        fn silence_expires_the_hold_timer() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::hold_timer($kind)
        }

        #[test]
        fn a_wrong_as_is_refused() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::wrong_as($kind)
        }

        #[test]
        fn an_agent_that_stays_away() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::agent_lost($kind)
        }

        #[test]
        fn a_reload_touches_only_what_changed() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::reload($kind)
        }

        #[test]
        fn a_refresh_and_a_restart() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::refresh_and_restart($kind)
        }

        #[test]
        fn an_internal_session() -> anyhow::Result<()> {
            $crate::bgp_support::scenarios::internal($kind)
        }
    };
}

pub mod agent;
pub mod router;
pub mod scenarios;
pub mod speaker;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use guideway_lab::netns::{End, Netns, join};
use guideway_lab::run_folder::RunFolder;
use guideway_lab::sweep::{self, Kept};
use guideway_lab::{LabId, interrupt};

/// Addresses of the speaker and of the router on the leg between them.
pub const SPEAKER_V4: &str = "10.1.1.2";
pub const SPEAKER_V6: &str = "fd00:1::2";
pub const ROUTER_V4: &str = "10.1.1.1";
pub const ROUTER_V6: &str = "fd00:1::1";

/// How long anything may take that needs a connection first: attempts are a second apart, routers wait after errors.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Two namespaces with one leg; everything in it goes when it is dropped. Unless it [passed](Site::pass), the logs are
/// printed and kept.
pub struct Site {
    pub speaker: Netns,
    pub router: Netns,
    folder: RunFolder,
    passed: bool,
    _guard: Guard,
}

struct Guard(LabId);

impl Drop for Guard {
    fn drop(&mut self) {
        sweep::remove(self.0);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.passed {
            eprint!("{}", self.logs());
            eprintln!("logs are kept in {}", self.folder.keep_logs().display());
        }
    }
}

impl Site {
    /// Removes what dead runs left behind, then builds.
    pub fn build() -> Result<Self> {
        interrupt::take_labs_down_on_signal()?;
        sweep::dead_runs(Kept::Spare);
        let id = LabId::next();
        let guard = Guard(id);
        let folder = RunFolder::create(id)?;
        let router = Netns::create(&id.namespace("tor"))?;
        let speaker = Netns::create(&id.namespace("fw1"))?;
        let ends = [(&router, "fw1", ROUTER_V4, ROUTER_V6), (&speaker, "up0", SPEAKER_V4, SPEAKER_V6)].map(
            |(netns, interface, v4, v6)| End {
                netns,
                interface,
                addresses: vec![format!("{v4}/24"), format!("{v6}/64")],
            },
        );
        join(&ends[0], &ends[1], 1500)?;
        Ok(Self { speaker, router, folder, passed: false, _guard: guard })
    }

    /// The folder of one program.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        self.folder.node(name)
    }

    /// Everything was as it should be: no log is of interest.
    pub fn pass(&mut self) {
        self.passed = true;
    }

    /// The last lines of every log.
    pub fn logs(&self) -> String {
        self.folder.tails()
    }
}
