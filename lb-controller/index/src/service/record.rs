//! What a Service's own object says about its addresses.

use std::net::IpAddr;

use guideway_controller_ipam::Age;
use k8s_openapi::api::core::v1;

use crate::projection::{Condition, ConditionKind, Ingress, IpMode};
use crate::slice::is_reachable;

/// What was written to a Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) resource_version: Option<String>,
    /// Since when the Service is there.
    pub(crate) since: Age,
    pub(crate) finalizer: bool,
    /// Elements with an address; others (host names) are nobody's business here but to be replaced.
    pub(crate) ingress: Vec<Ingress>,
    /// Whether `ingress` is all of it.
    pub(crate) whole: bool,
    conditions: Vec<(ConditionKind, String, String, String)>,
}

impl Record {
    pub(super) fn read(service: &v1::Service) -> Self {
        let status = service.status.as_ref();
        let elements = status
            .and_then(|status| status.load_balancer.as_ref())
            .and_then(|balancer| balancer.ingress.as_deref())
            .unwrap_or_default();
        let ingress: Vec<Ingress> = elements
            .iter()
            .filter_map(|element| {
                // Nobody can be reached at others, whoever has written them.
                let ip = element.ip.as_ref()?.parse().ok().filter(|ip| is_reachable(*ip))?;
                let proxy = element.ip_mode.as_deref() == Some("Proxy");
                Some(Ingress { ip, ip_mode: if proxy { IpMode::Proxy } else { IpMode::Vip } })
            })
            .collect();
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let ours = |type_: &str| ConditionKind::ALL.into_iter().find(|kind| kind.as_str() == type_);
        let conditions = conditions
            .iter()
            .filter_map(|c| Some((ours(&c.type_)?, c.status.clone(), c.reason.clone(), c.message.clone())))
            .collect();
        Self {
            resource_version: service.metadata.resource_version.clone(),
            since: Age {
                created: service.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
                uid: service.metadata.uid.as_deref().unwrap_or_default().into(),
            },
            finalizer: super::has_finalizer(service),
            whole: ingress.len() == elements.len(),
            ingress,
            conditions,
        }
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ingress.iter().map(|ingress| ingress.ip)
    }

    /// Conditions of ours that the status has.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = ConditionKind> {
        self.conditions.iter().map(|(kind, ..)| *kind)
    }

    /// Whether the status has this condition as it should be.
    pub(crate) fn has(&self, condition: &Condition) -> bool {
        self.conditions.iter().any(|(kind, status, reason, message)| {
            *kind == condition.kind
                && (status == "True") == condition.holds
                && reason == condition.reason
                && *message == condition.message
        })
    }
}
