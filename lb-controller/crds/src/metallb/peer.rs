use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Fate, Field, Fields, Rule, Shape, list};
use crate::findings::Findings;
use crate::formats::{Format, address, duration, router_id};
use crate::view::View;
use crate::{Kind, Selector};

/// A router, and how forwarders talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpPeer {
    /// Own AS number: 1 to 4294967295, not 23456.
    pub local_as: u32,
    /// The router's.
    pub remote_as: RemoteAs,
    /// Where the router is.
    pub address: PeerAddress,
    /// The address to connect from, of the family of `address`; `None`: the kernel chooses.
    pub source_address: Option<IpAddr>,
    /// The router's port.
    pub port: NonZeroU16,
    /// Proposed hold time: 0, or whole seconds from 3 to 65535. `None`: what the speaker has.
    pub hold_time: Option<Duration>,
    /// Wait between attempts to connect: whole seconds from 1 to 65535. `None`: what the speaker has.
    pub connect_time: Option<Duration>,
    /// BGP identifier. `None`: what the speaker has.
    pub router_id: Option<Ipv4Addr>,
    /// Forwarders that talk to it, by their labels, any of them; empty: all.
    pub node_selectors: Vec<Selector>,
    /// TCP-MD5 password.
    pub password: Option<PasswordSource>,
    /// Name of the BFDProfile; `None`: no BFD.
    pub bfd_profile: Option<String>,
    /// Whether the router is asked to keep routes while the speaker is away.
    pub graceful_restart: bool,
    /// Whether an external router may be more than one hop away.
    pub multihop: bool,
    /// Whether both families go over the session, whatever its address is.
    pub both_families: bool,
}

/// The AS number that a router must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteAs {
    /// This one: 1 to 4294967295, not 23456.
    Number(u32),
    /// The own one.
    Internal,
    /// Any but the own one.
    External,
}

/// Where a router is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// At a unicast address.
    Address(IpAddr),
    /// The one router on the link behind an interface.
    Interface(String),
}

/// Where a password is. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// In the object itself: 1 to 80 octets.
    Text(String),
    /// Under the key `password` of a Secret.
    Secret {
        /// Its name.
        name: String,
        /// Its namespace; `None`: that of the BGPPeer.
        namespace: Option<String>,
    },
}

impl fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Secret { name, namespace } => {
                f.debug_struct("Secret").field("name", name).field("namespace", namespace).finish()
            }
        }
    }
}

const AS: Shape = Shape::Number(0, u32::MAX as i64);
const SELECTORS: Shape = list(&Shape::Selector, 0, 100);

const MY_ASN: Field = Field::required("myASN", AS, "The own AS number.");
const PEER_ASN: &str = "The AS number that the router must have.";
const PEER_ADDRESS: &str = "The router's address.";
const SOURCE_ADDRESS: Field =
    Field::optional("sourceAddress", Shape::MaybeText(Format::Address), "The address to connect from.");
const PEER_PORT: Field =
    Field::optional("peerPort", Shape::Number(0, 65_535), "The router's port; 0 is 179.");
const HOLD_TIME: Field =
    Field::optional("holdTime", Shape::MaybeText(Format::HoldTime), "Proposed hold time (RFC 4271).");
const KEEPALIVE_TIME: Field = Field::optional(
    "keepaliveTime",
    Shape::MaybeText(Format::Seconds(0, 21_845)),
    "Interval of KEEPALIVE messages (RFC 4271).",
)
.fate(Fate::Ignored("KEEPALIVE goes out every third of the hold time that both sides agree on"));
const ROUTER_ID: Field =
    Field::optional("routerID", Shape::MaybeText(Format::RouterId), "The own BGP identifier.").fate(
        Fate::Differs("every forwarder that has the peer uses it: select a single one, or leave it out"),
    );
const NODE_SELECTORS: Field = Field::optional(
    "nodeSelectors",
    SELECTORS,
    "Who talks to the router; one selector must match, with none all do.",
)
.fate(super::FORWARDER_LABELS);
const PASSWORD: Field =
    Field::optional("password", Shape::MaybeText(Format::Password), "TCP-MD5 password (RFC 2385).");
const BFD_PROFILE: Field = Field::optional(
    "bfdProfile",
    Shape::MaybeText(Format::Name),
    "The BFDProfile; without one there is no BFD.",
);
const MULTIHOP: Field = Field::optional(
    "ebgpMultiHop",
    Shape::Switch,
    "Whether an external router may be more than one hop away.",
);

const V1BETA2: Fields = Fields {
    fields: &[
        MY_ASN,
        Field::optional("peerASN", AS, PEER_ASN),
        Field::optional(
            "dynamicASN",
            Shape::Word(&["internal", "external"]),
            "In place of peerASN: the own AS number, or any other one.",
        ),
        Field::optional("peerAddress", Shape::MaybeText(Format::Address), PEER_ADDRESS),
        Field::optional(
            "interface",
            Shape::MaybeText(Format::Interface),
            "In place of peerAddress: the one router on this link.",
        ),
        SOURCE_ADDRESS,
        PEER_PORT.default("179"),
        HOLD_TIME,
        KEEPALIVE_TIME,
        Field::optional(
            "connectTime",
            Shape::MaybeText(Format::Seconds(1, 65_535)),
            "Wait between attempts to connect.",
        )
        .fate(Fate::Differs("above 10m it is 10m, and a router that refuses is dialled less often")),
        ROUTER_ID,
        NODE_SELECTORS,
        PASSWORD,
        Field::optional(
            "passwordSecret",
            Shape::Object(&SECRET),
            "In place of password: a Secret of type kubernetes.io/basic-auth.",
        ),
        BFD_PROFILE,
        Field::optional(
            "enableGracefulRestart",
            Shape::Switch,
            "Whether the router keeps routes while the speaker is away (RFC 4724).",
        ),
        MULTIHOP,
        Field::optional("vrf", Shape::MaybeText(Format::Interface), "The VRF of the session.").fate(
            Fate::Refused("remove it, and run bgp-speaker where the router is reached by the main table"),
        ),
        Field::optional("disableMP", Shape::Switch, "Whether each family has a session of its own.").fate(
            Fate::Ignored(
                "a session has the family of its address alone, unless dualStackAddressFamily is true",
            ),
        ),
        Field::optional(
            "dualStackAddressFamily",
            Shape::Switch,
            "Whether both families go over the session, whatever its address is.",
        )
        .fate(Fate::Differs(
            "over a session with an IPv4 address the next hop of IPv6 routes is a global IPv6 address of the same \
             interface; without one no IPv6 route is told",
        )),
    ],
    rules: &[
        Rule {
            cel: "(has(self.peerASN) && self.peerASN != 0) != has(self.dynamicASN)",
            message: "one of peerASN and dynamicASN must be there, and not both",
        },
        Rule {
            cel: "(has(self.peerAddress) && self.peerAddress != '') != (has(self.interface) && self.interface != '')",
            message: "one of peerAddress and interface must be there, and not both",
        },
    ],
};

const V1BETA1: Fields = Fields {
    fields: &[
        MY_ASN,
        Field::required("peerASN", AS, PEER_ASN),
        Field::required("peerAddress", Shape::Text(Format::Address), PEER_ADDRESS),
        SOURCE_ADDRESS,
        PEER_PORT,
        HOLD_TIME,
        KEEPALIVE_TIME,
        ROUTER_ID,
        NODE_SELECTORS,
        PASSWORD,
        BFD_PROFILE,
        MULTIHOP,
    ],
    rules: &[],
};

const SECRET: Fields = Fields {
    fields: &[
        Field::optional("name", Shape::MaybeText(Format::Name), "Its name; the key is `password`."),
        Field::optional("namespace", Shape::MaybeText(Format::Namespace), "Its namespace.")
            .fate(Fate::Differs("only Secrets in the namespace of the controller are read")),
    ],
    rules: &[],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::BgpPeer,
    about: "A router, and how forwarders talk to it.",
    short_names: &[],
    columns: &[
        Column::new("Address", "string", ".spec.peerAddress"),
        Column::new("ASN", "string", ".spec.peerASN"),
        Column::new("BFD Profile", "string", ".spec.bfdProfile"),
        Column::new("Multi Hops", "string", ".spec.ebgpMultiHop"),
    ],
    versions: &[
        Version { name: "v1beta2", deprecated: None, fields: &V1BETA2 },
        Version {
            name: "v1beta1",
            deprecated: Some("metallb.io/v1beta1 BGPPeer is deprecated: use metallb.io/v1beta2"),
            fields: &V1BETA1,
        },
    ],
    spec: Spec::Required,
    status: &super::NO_STATUS,
};

/// RFC 1930 and RFC 6793: no AS has these.
fn as_number(spec: &View<'_>, name: &str, findings: &mut Findings) -> Option<u32> {
    let number = spec.number(name)?;
    if matches!(number, 0 | 23_456) {
        findings.error(
            spec.place(name),
            format!("{number} is no AS number"),
            "write 1 to 4294967295, not 23456",
        );
        return None;
    }
    Some(number)
}

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> Option<BgpPeer> {
    let local_as = as_number(spec, "myASN", findings);
    let remote_as = remote_as(spec, findings);
    if let (Some(own), Some(RemoteAs::Number(other)), true) =
        (local_as, remote_as, spec.switch("ebgpMultiHop") == Some(true))
        && own == other
    {
        findings.note(
            spec.place("ebgpMultiHop"),
            "without effect: an internal router may be any number of hops away",
        );
    }
    let peer_address = peer_address(spec, findings);
    let source_address = spec.parse("sourceAddress", address);
    if let (Some(PeerAddress::Address(peer)), Some(source)) = (&peer_address, source_address)
        && peer.is_ipv4() != source.is_ipv4()
    {
        let remedy =
            format!("write an {} address, as peerAddress is", if peer.is_ipv4() { "IPv4" } else { "IPv6" });
        findings.error(spec.place("sourceAddress"), format!("{source} is of the other family"), remedy);
    }
    let password = password(spec, findings);
    Some(BgpPeer {
        local_as: local_as?,
        remote_as: remote_as?,
        address: peer_address?,
        source_address,
        port: spec.number("peerPort").and_then(NonZeroU16::new).unwrap_or(BGP_PORT),
        hold_time: spec.parse("holdTime", duration),
        connect_time: spec.parse("connectTime", duration),
        router_id: spec.parse("routerID", router_id),
        node_selectors: spec.selectors("nodeSelectors"),
        password,
        bfd_profile: spec.owned("bfdProfile"),
        graceful_restart: spec.switch("enableGracefulRestart").unwrap_or(false),
        multihop: spec.switch("ebgpMultiHop").unwrap_or(false),
        both_families: spec.switch("dualStackAddressFamily").unwrap_or(false),
    })
}

const BGP_PORT: NonZeroU16 = NonZeroU16::new(179).expect("179 is not zero");

fn remote_as(spec: &View<'_>, findings: &mut Findings) -> Option<RemoteAs> {
    let dynamic = spec.text("dynamicASN");
    // Go leaves out what is 0, so that 0 is as good as nothing.
    let written = spec.raw("peerASN").is_some_and(|value| value.as_i64() != Some(0));
    match (written, dynamic) {
        (true, None) => as_number(spec, "peerASN", findings).map(RemoteAs::Number),
        (false, Some("internal")) => Some(RemoteAs::Internal),
        (false, Some("external")) => Some(RemoteAs::External),
        (false, Some(_)) => None,
        (true, Some(_)) => {
            findings.error(spec.place("dynamicASN"), "stands beside peerASN", "leave one of them out");
            None
        }
        (false, None) => {
            findings.error(
                spec.place("peerASN"),
                "is missing",
                "write the router's AS number, or dynamicASN",
            );
            None
        }
    }
}

fn peer_address(spec: &View<'_>, findings: &mut Findings) -> Option<PeerAddress> {
    match (spec.text("peerAddress"), spec.text("interface")) {
        (Some(text), None) => {
            let address = address(text).ok()?;
            if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                findings.error(
                    spec.place("peerAddress"),
                    format!("{address} is link-local"),
                    "write `interface` with the link that the router is on, and leave peerAddress out",
                );
                return None;
            }
            Some(PeerAddress::Address(address))
        }
        (None, Some(name)) => Some(PeerAddress::Interface(name.to_owned())),
        (Some(_), Some(_)) => {
            findings.error(spec.place("interface"), "stands beside peerAddress", "leave one of them out");
            None
        }
        (None, None) => {
            if !spec.has("peerAddress")
                || spec.raw("peerAddress").is_some_and(|value| value.as_str() == Some(""))
            {
                findings.error(
                    spec.place("peerAddress"),
                    "is missing",
                    "write the router's address, or the interface that it is behind",
                );
            }
            None
        }
    }
}

fn password(spec: &View<'_>, findings: &mut Findings) -> Option<PasswordSource> {
    let secret = spec.object("passwordSecret").filter(|secret| secret.text("name").is_some());
    match (spec.owned("password"), secret) {
        (Some(_), Some(_)) => {
            findings.error(spec.place("passwordSecret"), "stands beside password", "leave one of them out");
            None
        }
        (Some(text), None) => Some(PasswordSource::Text(text)),
        (None, Some(secret)) => {
            Some(PasswordSource::Secret { name: secret.owned("name")?, namespace: secret.owned("namespace") })
        }
        (None, None) => None,
    }
}
