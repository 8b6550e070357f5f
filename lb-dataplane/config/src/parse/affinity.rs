//! The affinity of a VIP.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::read::{FieldNames, Fields};
use crate::sink::{Path, Sink};
use crate::tree::Node;
use crate::types::{Affinity, Protocol};
use crate::units;

pub(super) const FIELDS: FieldNames = &["type", "timeout"];

pub(crate) const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// What a NAT must remember a UDP flow for (RFC 4787, REQ-5).
const DEFAULT_FLOW_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_CLIENT_TIMEOUT: Duration = Duration::from_secs(3 * 3600);

#[derive(Clone, Copy, PartialEq)]
enum Type {
    None,
    Flow,
    ClientIp,
}

/// `None` is reported. `protocol` is the VIP's, when it is known.
pub(super) fn read(
    node: &Node<'_>,
    protocol: Option<Protocol>,
    path: &Path<'_>,
    sink: &mut Sink,
) -> Option<Affinity> {
    let fields = Fields::open(node, FIELDS, path, sink)?;
    let types = units::one_of(&[("none", Type::None), ("flow", Type::Flow), ("client_ip", Type::ClientIp)]);
    let kind = fields.required("type", types, path, sink);
    if kind == Some(Type::None) {
        if fields.node("timeout").is_some() {
            let reason =
                "only `type: flow` and `type: client_ip` have this field: remove it or change the type";
            sink.error(fields.key_at("timeout"), &Path::Field(path, "timeout"), reason);
        }
        return Some(Affinity::None);
    }
    let timeout = fields.optional("timeout", units::duration(TIMEOUTS), path, sink);
    if (kind, protocol) == (Some(Type::Flow), Some(Protocol::Tcp)) {
        let reason = "is for udp only: flows of tcp keep their backend without it, so remove the affinity";
        sink.error(fields.value_at("type"), &Path::Field(path, "type"), reason);
        return None;
    }
    Some(match kind? {
        Type::None => Affinity::None,
        Type::Flow => Affinity::Flow { timeout: timeout?.unwrap_or(DEFAULT_FLOW_TIMEOUT) },
        Type::ClientIp => Affinity::ClientIp { timeout: timeout?.unwrap_or(DEFAULT_CLIENT_TIMEOUT) },
    })
}
