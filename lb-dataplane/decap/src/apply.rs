//! Makes the machine what is wanted: programs, services, VIPs on `lo`, settings of the interfaces.
//!
//! Level-triggered: each run looks at what is there and changes what differs, so that a crash at any step is made good by
//! the next run, and a run with nothing to do changes nothing. What must not be forgotten is kept beside the programs
//! before the machine is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::Context as _;
use guideway_bpf::{Decap, Global, Service, ServiceKey, Services, VipAddress};

use crate::loopback::Loopback;
use crate::sysctl::{self, RULES, Sysctl};
use crate::wanted::Wanted;

/// Told of each change in a sentence.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(String);

/// Applies all that can be applied; gives what could not be, each with its reason.
pub(crate) async fn apply(
    decap: &Decap,
    loopback: &Loopback,
    wanted: &Wanted,
    tell: Tell<'_>,
) -> anyhow::Result<Vec<anyhow::Error>> {
    let mut failures = Vec::new();
    let global = global(loopback, wanted).await?;
    if decap.global().context("cannot read the programs' settings")? != global {
        decap.set_global(&global).context("cannot write the programs' settings")?;
    }
    add(decap, loopback, wanted, tell).await?;
    let has_ipv4 = wanted.services.keys().any(|key| key.vip.is_ipv4());
    let mut attached = Vec::new();
    for (interface, mode) in &wanted.interfaces {
        let before = decap.attachments().context("cannot examine the interfaces")?;
        let step = set(decap, interface, has_ipv4, tell).and_then(|()| {
            decap
                .attach(interface, *mode)
                .with_context(|| format!("cannot attach the decap programs to {interface}"))
        });
        match step {
            Ok(attachment) if !before.contains(&attachment) => {
                tell(format!("interface {interface} runs the decap programs in {mode} mode"));
            }
            Ok(_) => {}
            Err(error) => failures.push(error),
        }
        attached.push(interface.as_str());
    }
    for other in decap.detach_others(&attached).context("cannot detach from another interface")? {
        tell(format!("interface {other} does not run the decap programs any more"));
    }
    restore_others(decap, &attached, has_ipv4, tell)?;
    remove(decap, loopback, wanted, tell).await?;
    Ok(failures)
}

async fn global(loopback: &Loopback, wanted: &Wanted) -> anyhow::Result<Global> {
    let mut global =
        Global { gue_port: wanted.gue_port, source_v4: wanted.source_v4, source_v6: wanted.source_v6 };
    if let Some(interface) = wanted.interfaces.keys().next()
        && (global.source_v4.is_none() || global.source_v6.is_none())
    {
        for address in loopback.addresses_of(interface).await? {
            match address {
                IpAddr::V4(address) => global.source_v4 = global.source_v4.or(Some(address)),
                IpAddr::V6(address) => global.source_v6 = global.source_v6.or(Some(address)),
            }
        }
    }
    Ok(global)
}

/// Brings the services in, and their VIPs onto lo; nothing goes away yet.
async fn add(decap: &Decap, loopback: &Loopback, wanted: &Wanted, tell: Tell<'_>) -> anyhow::Result<()> {
    let present = decap.services().context("cannot read the services")?;
    let on_lo = loopback.addresses().await?;
    let marks = marks(&present, &needed_on_lo(&wanted.services), &on_lo);
    let mut services = wanted.services.clone();
    // VIPs that go and were put on lo keep their mark until they are off it.
    for (key, service) in &present.services {
        let goes = !wanted.services.keys().any(|wanted| wanted.vip == key.vip);
        if goes && present.vips.get(&key.vip) == Some(&VipAddress::Added) {
            services.insert(*key, *service);
        }
    }
    let vips = services.keys().map(|key| (key.vip, mark(&marks, key.vip))).collect();
    let next = Services { services, vips };
    decap.set_services(&next).context("cannot write the services")?;
    for (key, service) in &wanted.services {
        if present.services.get(key) != Some(service) {
            tell(format!("service {}", describe(key, service)));
        }
    }
    for vip in needed_on_lo(&wanted.services).difference(&on_lo) {
        loopback.add(*vip).await?;
        tell(format!("VIP {vip} put on lo"));
    }
    Ok(())
}

/// Takes VIPs off lo and services out that are not wanted any more. The mark goes last: until then, a crash can be made
/// good.
async fn remove(decap: &Decap, loopback: &Loopback, wanted: &Wanted, tell: Tell<'_>) -> anyhow::Result<()> {
    let present = decap.services().context("cannot read the services")?;
    let needed = needed_on_lo(&wanted.services);
    let mut vips = BTreeMap::new();
    for (vip, mark) in &present.vips {
        if *mark == VipAddress::Added && !needed.contains(vip) {
            loopback.remove(*vip).await?;
            tell(format!("VIP {vip} taken off lo"));
        } else {
            vips.insert(*vip, *mark);
        }
    }
    let vips = wanted.services.keys().map(|key| (key.vip, mark(&vips, key.vip))).collect();
    let next = Services { services: wanted.services.clone(), vips };
    decap.set_services(&next).context("cannot write the services")?;
    let wanted_vips: BTreeSet<IpAddr> = wanted.services.keys().map(|key| key.vip).collect();
    for vip in present.vips.keys().filter(|vip| !wanted_vips.contains(vip)) {
        tell(format!("VIP {vip} removed"));
    }
    Ok(())
}

/// Whose address each VIP's on lo is. One that was there when its VIP came is not ours.
fn marks(
    present: &Services,
    needed: &BTreeSet<IpAddr>,
    on_lo: &BTreeSet<IpAddr>,
) -> BTreeMap<IpAddr, VipAddress> {
    let mut marks = present.vips.clone();
    for vip in needed {
        let ours = present.vips.get(vip) == Some(&VipAddress::Added) || !on_lo.contains(vip);
        marks.insert(*vip, if ours { VipAddress::Added } else { VipAddress::Foreign });
    }
    marks
}

fn mark(marks: &BTreeMap<IpAddr, VipAddress>, vip: IpAddr) -> VipAddress {
    marks.get(&vip).copied().unwrap_or(VipAddress::Foreign)
}

fn needed_on_lo(services: &BTreeMap<ServiceKey, Service>) -> BTreeSet<IpAddr> {
    Services { services: services.clone(), vips: BTreeMap::new() }.on_loopback().collect()
}

/// A service in words.
pub(crate) fn describe(key: &ServiceKey, service: &Service) -> String {
    use guideway_bpf::ServicePort::{Any, Port, PortBy};
    let packets = match key.port {
        Any => key.vip.to_string(),
        Port(transport, port) => format!("{}:{port}/{transport}", bracketed(key.vip)),
        PortBy(transport, port, outer) => format!("{}:{port}/{transport} by {outer}", bracketed(key.vip)),
    };
    match service {
        Service::AsIs => format!("{packets}: delivered as it is"),
        Service::Translate(target) => format!("{packets}: translated to {target}"),
        Service::Refuse => format!("{packets}: refused"),
        Service::Drain(target) => format!("{packets}: translated to {target}, of flows that are there"),
    }
}

fn bracketed(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Makes the settings of the interface what IPv4 VIPs need.
fn set(decap: &Decap, interface: &str, has_ipv4: bool, tell: Tell<'_>) -> anyhow::Result<()> {
    let sysctl = Sysctl::new();
    for rule in RULES.iter().filter(|_| has_ipv4) {
        if let Some(before) = sysctl.violated(rule, interface)? {
            decap.remember_setting(&before.name, &before.value).context("cannot remember a setting")?;
            let (name, value) = sysctl.apply(rule, interface)?;
            let name = name.replace('/', ".");
            tell(format!("sysctl {name} = {value} (was {}): {}", before.value, rule.why));
        }
    }
    Ok(())
}

/// Gives back the settings of interfaces that are not used any more.
fn restore_others(decap: &Decap, interfaces: &[&str], has_ipv4: bool, tell: Tell<'_>) -> anyhow::Result<()> {
    let sysctl = Sysctl::new();
    for (name, value) in decap.settings().context("cannot read the settings")? {
        if has_ipv4 && interfaces.iter().any(|interface| sysctl::belongs_to(&name, interface)) {
            continue;
        }
        if sysctl.restore(&name, &value)? {
            tell(format!("sysctl {} = {value} again", name.replace('/', ".")));
        }
        decap.forget_setting(&name).context("cannot forget a setting")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_there_is_not_ours_and_ours_stays_ours() {
        let [ours, lost, theirs, new]: [IpAddr; 4] =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map(|text| text.parse().unwrap());
        let present = Services::as_they_are([(ours, VipAddress::Added), (lost, VipAddress::Foreign)].into());
        let marks = marks(&present, &[ours, lost, theirs, new].into(), &[ours, theirs].into());
        let expected = [
            (ours, VipAddress::Added),
            // Foreign, and gone since: it has to be put there, and then it is ours.
            (lost, VipAddress::Added),
            (theirs, VipAddress::Foreign),
            (new, VipAddress::Added),
        ];
        assert_eq!(marks, expected.into());
    }
}
