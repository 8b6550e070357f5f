//! `lb-decap up`: whole VIPs without a daemon.

use anyhow::Context as _;
use guideway_bpf::{Decap, Global, Origin, Service, ServiceKey, ServicePort};

use crate::apply::apply;
use crate::cli::UpArguments;
use crate::loopback::Loopback;
use crate::say::say;
use crate::wanted::Wanted;

/// What an outer GUE header with three further hops, over IPv6, adds to a packet of 1500 bytes.
const MTU_WANTED: u32 = 1604;

/// Makes this node take traffic for exactly the VIPs given.
pub(crate) async fn up(arguments: &UpArguments) -> anyhow::Result<()> {
    let interface = arguments.interface.as_str();
    let loopback = Loopback::open().await?;
    // Before anything is changed: a mistyped name is the most likely error.
    let mtu = loopback.mtu(interface).await?;
    let root = &arguments.pins.pin_root;
    let decap = Decap::open(root).context("cannot set the decap programs up")?;
    say!("{} {}", root.display(), origin(decap.origin()));
    let whole =
        |vip: &crate::vip::Vip| (ServiceKey { vip: vip.address(), port: ServicePort::Any }, Service::AsIs);
    let wanted = Wanted {
        interfaces: [(interface.to_owned(), arguments.mode.into())].into(),
        gue_port: Global::GUE_PORT,
        source_v4: None,
        source_v6: None,
        services: arguments.vips.iter().map(whole).collect(),
    };
    let failures = apply(&decap, &loopback, &wanted, &mut |line| say!("{line}")).await?;
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    if let Some(mtu) = mtu.filter(|mtu| *mtu < MTU_WANTED) {
        say!(
            "note: the MTU of {interface} is {mtu}; packets of 1500 bytes arrive with an outer header of 20 to 104 more, \
             so set it to {MTU_WANTED} or above here and on the way from the forwarders"
        );
    }
    Ok(())
}

/// What was found.
pub(crate) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Fresh => "now holds the decap programs",
        Origin::Reused => "holds the decap programs",
        Origin::Updated => "holds the decap programs, which were updated in place",
    }
}
