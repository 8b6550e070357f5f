//! Building the lab, step by step.

use std::time::Instant;

use anyhow::Result;
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::forwarder::config::Encapsulation;
use guideway_lab::{Lab, LabSpec};

use super::screen::Screen;

/// The set whose backends change.
pub(super) const SET: &str = "web-v4";

/// The configuration of the forwarders at the beginning: four VIPs, one for each mix of families. The IPv4 backends are
/// reached by GUE, the IPv6 ones by IP in IP; all run lb-decap and can hand packets on. be4 is not used yet.
pub(super) fn config() -> DataplaneConfig {
    let mut config = DataplaneConfig::usual(3);
    config.set(SET).encapsulation = Encapsulation::Gue;
    config
}

pub(super) fn build(screen: &mut Screen) -> Result<Lab> {
    screen.chapter("The lab: network namespaces on this machine, one veth pair for each leg");
    for line in PICTURE.lines() {
        screen.say(line);
    }
    let start = Instant::now();
    let mut lab = Lab::build(&LabSpec { backends: 4, ..LabSpec::default() })?;
    screen.say(format!(
        "namespaces {}-*, BIRD and nginx are up after {:.1} s; logs in {}",
        lab.id().prefix(),
        start.elapsed().as_secs_f64(),
        lab.folder().path().display()
    ));
    for backend in &lab.backends {
        backend.decap_up(&vip::ALL)?;
    }
    screen.say("backends: decap programs attached, VIPs on lo (lb-decap up)");
    for forwarder in &mut lab.forwarders {
        forwarder.start(&config())?;
    }
    screen.say("forwarders: lb-dataplane has a generation, bgp-speaker runs");
    for vip in config().vips {
        lab.wait_for_all_legs(vip.address)?;
    }
    screen.say(format!(
        "ToR: routes to all VIPs over fw1 and fw2 after {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    for forwarder in &lab.forwarders {
        screen.say(format!(
            "{}: generation {}, digest of its tables {}",
            forwarder.name(),
            forwarder.generation()?,
            forwarder.digest()?
        ));
    }
    Ok(lab)
}

const PICTURE: &str = "
client 10.1.9.2 --- ToR (BIRD, AS 65000, ECMP) ---+--- fw1 10.1.1.2  (AS 65001)  lb-dataplane, bgp-speaker
                                                  +--- fw2 10.1.2.2  (AS 65002)  lb-dataplane, bgp-speaker
                                                  +--- be1 10.1.11.2  lb-decap, nginx
                                                  +--- be2 10.1.12.2  lb-decap, nginx
                                                  +--- be3 10.1.13.2  lb-decap, nginx
                                                  +--- be4 10.1.14.2  lb-decap, nginx (not used yet)
";
