//! What both sides are configured with for a feature.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Result;
use guideway_lab::addresses::{Leg, UPLINK};
use guideway_lab::router::{Remote, Spec};

use super::Feature;
use crate::site::{self, Over, Site, link_local};

/// How long routes of the speaker are kept while it is away.
const RESTART_TIME: Duration = Duration::from_secs(60);

/// The speaker's side and the daemon's, for speaker 1 of a site.
///
/// # Errors
/// When the legs have no link-local addresses.
pub fn sides(site: &Site, feature: Feature) -> Result<(Spec, Spec)> {
    let over = match feature {
        Feature::V6 | Feature::V4OverV6 | Feature::LinkLocal => Over::V6,
        _ => Over::V4,
    };
    let (mut speaker, mut daemon) = site::sides(1, over);
    daemon.announces = vec![announced_by_daemon(feature).to_owned()];
    let (ours, theirs) = (&mut speaker.neighbours[0], &mut daemon.neighbours[0]);
    match feature {
        Feature::V4 | Feature::V6 | Feature::Refresh => {}
        Feature::V4OverV6 | Feature::LinkLocal => {
            ours.extended_next_hop = true;
            theirs.extended_next_hop = true;
            if feature == Feature::LinkLocal {
                let here: IpAddr = link_local(&site.speakers[0], UPLINK)?.into();
                let there: IpAddr = link_local(&site.router, "fw1")?.into();
                (ours.local, theirs.local) = (here, there);
                ours.remote = Remote::Address(there);
                theirs.remote = Remote::Address(here);
            }
        }
        Feature::Md5 => {
            ours.password = Some("s3cret".to_owned());
            theirs.password = Some("s3cret".to_owned());
        }
        Feature::Gtsm => {
            ours.security_hops = Some(1);
            theirs.security_hops = Some(1);
        }
        Feature::DynamicThere => {
            theirs.remote = Remote::Range(range(1));
            theirs.passive = true;
        }
        Feature::DynamicHere => {
            ours.remote = Remote::Range(range(1));
            ours.passive = true;
        }
        // The daemon's identifier is 10.255.0.1.
        Feature::CollisionOurs => speaker.router_id = Ipv4Addr::new(10, 255, 1, 1),
        Feature::CollisionTheirs => speaker.router_id = Ipv4Addr::new(10, 254, 1, 1),
        Feature::GracefulRestart => {
            ours.graceful_restart = Some(RESTART_TIME);
            theirs.graceful_restart = Some(RESTART_TIME);
        }
    }
    Ok((speaker, daemon))
}

/// What the daemon announces: a prefix of the session's own family, for which each has a next hop.
#[must_use]
pub fn announced_by_daemon(feature: Feature) -> &'static str {
    match feature {
        Feature::V6 | Feature::V4OverV6 | Feature::LinkLocal => "2001:db8:51::/48",
        _ => "198.51.100.0/24",
    }
}

fn range(number: u8) -> String {
    let [a, b, c, _] = Leg::forwarder(number).node_v4().octets();
    format!("{a}.{b}.{c}.0/24")
}
