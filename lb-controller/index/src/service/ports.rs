//! The ports of a Service.

use std::collections::BTreeSet;
use std::sync::Arc;

use guideway_dataplane_config::Protocol;
use k8s_openapi::api::core::v1::ServiceSpec;

use super::Problems;

/// A port that clients dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// As slices name it; empty when it has none.
    pub(crate) name: Arc<str>,
    pub(crate) number: u16,
    pub(crate) protocol: Protocol,
    /// The last part of the names of its sets: unique in the Service.
    pub(crate) label: Arc<str>,
}

/// Those that can be served; the others are reported.
pub(super) fn read(spec: &ServiceSpec, problems: &mut Problems<'_>) -> Vec<Port> {
    let mut seen = BTreeSet::new();
    let mut labels = BTreeSet::new();
    let mut ports = Vec::new();
    for port in spec.ports.iter().flatten() {
        let shown =
            port.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| port.port.to_string());
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(other) => {
                problems.add(format!(
                    "spec.ports: {shown}: {other} cannot be balanced, TCP and UDP can: it is left out"
                ));
                continue;
            }
        };
        let Some(number) = u16::try_from(port.port).ok().filter(|number| *number > 0) else {
            problems.add(format!("spec.ports: {shown}: {} is no port: it is left out", port.port));
            continue;
        };
        if !seen.insert((protocol, number)) {
            problems.add(format!(
                "spec.ports: {shown}: {number} of {protocol} stands there before: it is left out"
            ));
            continue;
        }
        // Only objects that no API server has looked at have two ports of one name.
        let label: Arc<str> = if labels.insert(shown.clone()) {
            shown.into()
        } else {
            format!("{shown}-{number}-{protocol}").into()
        };
        ports.push(Port { name: port.name.clone().unwrap_or_default().into(), number, protocol, label });
    }
    ports
}
