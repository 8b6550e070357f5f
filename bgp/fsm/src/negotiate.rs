//! What two OPEN messages agree on.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use guideway_bgp_wire::iana::{error_code, open_error};
use guideway_bgp_wire::{AsWidth, Capability, Context, Families, Notification, Open};

use crate::config::Config;

/// The agreed properties of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The smaller of both hold times; zero means that nobody sends KEEPALIVE.
    pub hold_time: Duration,
    /// A third of the hold time.
    pub keepalive_interval: Duration,
    /// Families that both sides have.
    pub families: Families,
    /// How AS numbers are written.
    pub context: Context,
    /// The peer's BGP identifier.
    pub peer_router_id: Ipv4Addr,
}

/// Why the peer's OPEN is refused.
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) notification: Notification,
}

/// Checks the peer's OPEN against the configuration (RFC 4271 section 6.2).
pub(crate) fn negotiate(config: &Config, local: IpAddr, open: &Open) -> Result<Negotiated, Refusal> {
    let refuse = |subcode, why| Refusal { why, notification: Notification::new(error_code::OPEN, subcode) };
    if open.asn() != config.remote_as {
        let why = format!("the peer has AS {}, not the configured {}", open.asn(), config.remote_as);
        return Err(refuse(open_error::PEER_AS, why));
    }
    // RFC 6286 section 2.2: identifiers are unique within an AS.
    if !config.is_external() && open.router_id == config.router_id {
        let why = format!("the peer has the own router id {}", open.router_id);
        return Err(refuse(open_error::BGP_IDENTIFIER, why));
    }
    let own = config.families(local);
    let families = own.intersection(open.families());
    if families.is_empty() {
        let mut refusal =
            refuse(open_error::CAPABILITY, "the peer has none of the configured address families".to_owned());
        // RFC 5492 section 5: the data lists the capabilities that are wanted.
        refusal.notification.data = own
            .iter()
            .flat_map(|family| {
                let [high, low] = family.afi().to_be_bytes();
                [guideway_bgp_wire::iana::capability::MULTIPROTOCOL, 4, high, low, 0, family.safi()]
            })
            .collect();
        return Err(refusal);
    }
    // RFC 4271 section 4.2: the smaller one; one and two seconds never get here.
    let hold_time = Duration::from_secs(config.hold_time.secs().min(open.hold_time).into());
    let knows_four =
        open.capabilities.iter().any(|capability| matches!(capability, Capability::FourOctetAs(_)));
    let as_width = if knows_four { AsWidth::Four } else { AsWidth::Two };
    Ok(Negotiated {
        hold_time,
        keepalive_interval: hold_time / 3,
        families,
        context: Context { as_width },
        peer_router_id: open.router_id,
    })
}
