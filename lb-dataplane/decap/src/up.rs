//! `lb-decap up`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Context as _;
use guideway_bpf::{Decap, Origin, VipAddress};

use crate::cli::UpArguments;
use crate::loopback::Loopback;
use crate::say::say;
use crate::sysctl::{self, RULES, Sysctl};

/// What IP-in-IP with an IPv6 outer header adds to a packet of 1500 bytes.
const MTU_WANTED: u32 = 1540;

/// Makes this backend receive traffic for exactly the VIPs given. Each step leaves what it must not forget beside the
/// program before it changes the machine, so that a crash can be followed by `up` or `down`.
pub(crate) async fn up(arguments: &UpArguments) -> anyhow::Result<()> {
    let interface = arguments.interface.as_str();
    let loopback = Loopback::open().await?;
    // Before anything is changed: a mistyped name is the most likely error.
    let mtu = loopback.mtu(interface).await?;
    let root = &arguments.pins.pin_root;
    let decap = Decap::open(root).context("cannot set the decap program up")?;
    say!(
        "{} {}",
        root.display(),
        match decap.origin() {
            Origin::Fresh => "now holds the decap program",
            Origin::Reused => "holds the decap program",
            Origin::Updated => "holds the decap program, which was updated in place",
        }
    );

    let wanted: BTreeSet<IpAddr> = arguments.vips.iter().map(|vip| vip.address()).collect();
    allow(&decap, &loopback, &wanted).await?;
    set(&decap, interface, wanted.iter().any(IpAddr::is_ipv4))?;
    let attachment =
        decap.attach(interface, arguments.mode.into()).context("cannot attach the decap program")?;
    say!(
        "interface {} runs it in {} mode",
        attachment.interface,
        guideway_bpf::XdpMode::from(arguments.mode)
    );
    for other in decap.detach_others(&[interface]).context("cannot detach from another interface")? {
        say!("interface {other} does not run it any more");
    }
    restore_others(&decap, interface, wanted.iter().any(IpAddr::is_ipv4))?;
    refuse(&decap, &loopback, &wanted).await?;

    if let Some(mtu) = mtu.filter(|mtu| *mtu < MTU_WANTED) {
        say!(
            "note: the MTU of {interface} is {mtu}; packets of 1500 bytes arrive with an outer header of 20 or 40 more, \
             so set it to {MTU_WANTED} or above here and on the way from the forwarders"
        );
    }
    Ok(())
}

/// Allows the VIPs and puts them on lo.
async fn allow(decap: &Decap, loopback: &Loopback, wanted: &BTreeSet<IpAddr>) -> anyhow::Result<()> {
    let allowed = decap.vips().context("cannot read the VIPs")?;
    let addresses = loopback.addresses().await?;
    for vip in wanted {
        let on_lo = addresses.contains(vip);
        let mark = match (allowed.get(vip), on_lo) {
            (Some(VipAddress::Added), _) | (_, false) => VipAddress::Added,
            (Some(VipAddress::Foreign) | None, true) => VipAddress::Foreign,
        };
        if allowed.get(vip) != Some(&mark) {
            decap.allow(*vip, mark).with_context(|| format!("cannot allow VIP {vip}"))?;
        }
        if !on_lo {
            loopback.add(*vip).await?;
        }
        match (allowed.contains_key(vip), on_lo) {
            (true, true) => say!("VIP {vip} stays"),
            (false, true) => {
                say!("VIP {vip} allowed; it was on lo already, so `down` will leave it there");
            }
            (_, false) => say!("VIP {vip} allowed and put on lo"),
        }
    }
    Ok(())
}

/// Takes the VIPs that are not wanted any more off lo and off the list.
async fn refuse(decap: &Decap, loopback: &Loopback, wanted: &BTreeSet<IpAddr>) -> anyhow::Result<()> {
    for (vip, mark) in decap.vips().context("cannot read the VIPs")? {
        if wanted.contains(&vip) {
            continue;
        }
        // The mark goes last: until then, a crash can be made good.
        if mark == VipAddress::Added {
            loopback.remove(vip).await?;
        }
        decap.refuse(vip).with_context(|| format!("cannot remove VIP {vip}"))?;
        say!("VIP {vip} removed");
    }
    Ok(())
}

/// Makes the settings of the interface what IPv4 VIPs need.
fn set(decap: &Decap, interface: &str, has_ipv4: bool) -> anyhow::Result<()> {
    let sysctl = Sysctl::new();
    for rule in RULES.iter().filter(|_| has_ipv4) {
        if let Some(before) = sysctl.violated(rule, interface)? {
            decap.remember_setting(&before.name, &before.value).context("cannot remember a setting")?;
            let (name, value) = sysctl.apply(rule, interface)?;
            say!("sysctl {} = {value} (was {}): {}", name.replace('/', "."), before.value, rule.why);
        }
    }
    Ok(())
}

/// Gives back the settings of interfaces that are not used any more.
fn restore_others(decap: &Decap, interface: &str, has_ipv4: bool) -> anyhow::Result<()> {
    let sysctl = Sysctl::new();
    for (name, value) in decap.settings().context("cannot read the settings")? {
        if has_ipv4 && sysctl::belongs_to(&name, interface) {
            continue;
        }
        if sysctl.restore(&name, &value)? {
            say!("sysctl {} = {value} again", name.replace('/', "."));
        }
        decap.forget_setting(&name).context("cannot forget a setting")?;
    }
    Ok(())
}
