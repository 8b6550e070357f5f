//! From a content of the controller to what this forwarder does of it. Pure.

use std::sync::Arc;

use guideway_controller_core::{Content, Vip};
use guideway_dataplane_config as config;
use guideway_dataplane_config::Services;

use crate::announce::Announce;

/// The services of `content`, and how `forwarder` announces each of their VIPs, in the same order.
///
/// # Errors
///
/// VIPs whose set is missing. Everything else is checked when the services are joined with the node.
pub fn services(content: &Content, forwarder: &str) -> Result<(Services, Arc<[Announce]>), Vec<String>> {
    let mut errors = Vec::new();
    let mut vips = Vec::with_capacity(content.vips().len());
    for vip in content.vips().values() {
        match content.sets().get(&vip.set) {
            Some(set) => vips.push(of(vip, set)),
            None => errors.push(format!("VIP {:?}: backend_set: no set is called {:?}", vip.name, vip.set)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let pools = content.pools().values().flat_map(|pool| pool.prefixes.iter().copied());
    let services = Services {
        seed: *content.seed(),
        backend_sets: content.sets().values().cloned().collect(),
        vips,
        pools: pools.collect(),
    };
    let announces = content.vips().values().map(|vip| announce(content, vip, forwarder)).collect();
    Ok((services, announces))
}

fn of(vip: &Vip, set: &Arc<config::BackendSet>) -> config::Vip {
    config::Vip {
        name: vip.name.as_str().to_owned(),
        address: vip.address,
        ports: vip.ports,
        protocol: vip.protocol,
        backend_set: set.clone(),
        affinity: vip.affinity,
        flow_entries: vip.flow_entries,
        sources: vip.sources.clone(),
    }
}

/// Only members of the VIP's shard announce it, and those that leave the shard until the members do.
fn announce(content: &Content, vip: &Vip, forwarder: &str) -> Announce {
    let nobody = |why: String| Announce { bgp: false, l2: None, why_not: why };
    match content.shards().get(&vip.shard) {
        None => return nobody(format!("there is no shard {:?}", vip.shard)),
        Some(shard) if !shard.announces(forwarder) => {
            return nobody(format!("other forwarders announce it, those of the shard {:?}", vip.shard));
        }
        Some(_) => {}
    }
    let l2 = vip.advertise.l2.as_ref();
    let owned = l2.filter(|l2| l2.owner.as_ref().is_some_and(|owner| owner.as_str() == forwarder));
    let why_not = match (vip.advertise.bgp, l2, owned) {
        (true, ..) | (_, _, Some(_)) => String::new(),
        (false, None, _) => "nothing says how it is to be announced".to_owned(),
        (false, Some(l2), None) => match &l2.owner {
            Some(owner) => format!("the forwarder {:?} answers for it on the link", owner.as_str()),
            None => "no forwarder can answer for it on the link".to_owned(),
        },
    };
    Announce { bgp: vip.advertise.bgp, l2: owned.map(|l2| l2.interfaces.clone()), why_not }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{content, put_shard};

    #[test]
    fn a_content_becomes_services() {
        let content = content(&[11, 12], |_| {});
        let (services, announces) = services(&content, "fw-1").unwrap();
        assert_eq!(services.seed, *content.seed());
        let names: Vec<&str> = services.vips.iter().map(|vip| vip.name.as_str()).collect();
        assert_eq!(names, ["web-443", "web-80"], "in the order of the content");
        let set = content.sets().values().next().unwrap();
        assert!(services.vips.iter().all(|vip| Arc::ptr_eq(&vip.backend_set, set)), "shared, not copied");
        assert_eq!(*announces, [Announce::BY_BGP, Announce::BY_BGP]);
    }

    #[test]
    fn a_missing_shard_is_no_reason_to_announce() {
        let content = content(&[11], |content| {
            content.remove_shard(&"all".parse().unwrap());
        });
        let (_, announces) = services(&content, "fw-1").unwrap();
        assert!(!announces[0].is_any());
        assert_eq!(announces[0].why_not, "there is no shard \"all\"");
        let content = crate::fixtures::content(&[11], |content| put_shard(content, &[], &[]));
        assert!(!services(&content, "fw-1").unwrap().1[0].is_any());
    }
}
