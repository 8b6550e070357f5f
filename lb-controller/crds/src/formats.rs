//! What single texts are: each format has its parser, and what an OpenAPI schema can say about it.

mod network;
mod time;
mod words;

use std::time::Duration;

pub(crate) use network::{address, address_range, community, community_name, interface, router_id};
pub(crate) use time::duration;
pub(crate) use words::{label_key, label_value};

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Anything of at most that many bytes.
    Plain(usize),
    /// The name of an object: a DNS subdomain (RFC 1123) of at most 253 characters.
    Name,
    /// The name of a namespace: a DNS label of at most 63 characters.
    Namespace,
    /// A key of a Secret.
    SecretKey,
    /// A class of load balancers: a name, with or without a domain before it.
    Class,
    /// A value of a label, not empty.
    LabelValue,
    /// A prefix or two addresses with `-` between.
    AddressRange,
    /// A unicast address.
    Address,
    /// A BGP identifier: four numbers, not all zero.
    RouterId,
    /// A name of a network interface.
    Interface,
    /// A time in these bounds.
    Time(Duration, Duration),
    /// A BGP hold time: none, or whole seconds from 3 to 65535.
    HoldTime,
    /// Whole seconds in these bounds.
    Seconds(u64, u64),
    /// A BGP community.
    Community,
    /// A BGP community or the name of one.
    CommunityName,
    /// A TCP-MD5 password: 1 to 80 bytes; never shown.
    Password,
    /// A request target of HTTP.
    HttpPath,
    /// A `Host` of HTTP.
    HttpHost,
    /// A moment of RFC 3339.
    Moment,
    /// A digest: 64 hexadecimal digits.
    Digest,
}

/// What is wrong with a text, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl Wrong {
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// The most of a value that an error repeats.
const MAX_SHOWN: usize = 64;

/// A value as errors repeat it: on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(MAX_SHOWN).collect();
    if cut.len() < text.len() { format!("{cut:?}...") } else { format!("{cut:?}") }
}

impl Format {
    /// Whether the text is of the format.
    pub(crate) fn check(self, text: &str) -> Result<(), Wrong> {
        match self {
            Self::Plain(max) => words::plain(text, max),
            Self::Name => words::name(text),
            Self::Namespace => words::namespace(text),
            Self::SecretKey => words::secret_key(text),
            Self::Class => label_key(text),
            Self::LabelValue => label_value(text).and_then(|()| words::not_empty(text)),
            Self::AddressRange => address_range(text).map(drop),
            Self::Address => address(text).map(drop),
            Self::RouterId => router_id(text).map(drop),
            Self::Interface => interface(text),
            Self::Time(min, max) => time::within(text, min, max),
            Self::HoldTime => time::hold_time(text),
            Self::Seconds(min, max) => time::seconds(text, min, max),
            Self::Community => community(text).map(drop),
            Self::CommunityName => community_name(text).map(drop),
            Self::Password => words::password(text),
            Self::HttpPath => words::http_path(text),
            Self::HttpHost => words::http_host(text),
            Self::Moment => words::plain(text, 64),
            Self::Digest => words::digest(text),
        }
    }

    /// The most characters, for schemas.
    pub(crate) const fn max_length(self) -> usize {
        match self {
            Self::Plain(max) => max,
            Self::Name | Self::SecretKey => 253,
            Self::Namespace | Self::LabelValue => 63,
            Self::Class => 317,
            Self::AddressRange => 128,
            Self::Address => 45,
            Self::RouterId | Self::Interface => 15,
            Self::Time(..) | Self::HoldTime | Self::Seconds(..) | Self::Moment | Self::Digest => 64,
            Self::Community | Self::CommunityName => 253,
            Self::Password => 80,
            Self::HttpPath => 4096,
            Self::HttpHost => 255,
        }
    }

    /// A pattern of what a schema can say, anchored at both ends; what it lets through the parser may still refuse.
    pub(crate) const fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Name => Some(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
            Self::Namespace => Some(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
            Self::SecretKey => Some(r"^[-._a-zA-Z0-9]+$"),
            Self::Class => {
                Some(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
            }
            Self::LabelValue => Some(r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
            Self::AddressRange => Some(r"^ *[0-9A-Fa-f:.]+ *(/[0-9]{1,3}|- *[0-9A-Fa-f:.]+) *$"),
            Self::Address => Some(r"^[0-9A-Fa-f:.]+$"),
            Self::RouterId => Some(r"^[0-9.]+$"),
            Self::Interface => Some(r"^[^/:\s]+$"),
            Self::Time(..) | Self::HoldTime | Self::Seconds(..) => {
                Some(r"^(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$")
            }
            Self::Community => Some(r"^([0-9]+:[0-9]+|large:[0-9]+:[0-9]+:[0-9]+)$"),
            Self::HttpPath => Some(r"^/[!-~]*$"),
            Self::HttpHost => Some(r"^[!-~]+$"),
            Self::Digest => Some(r"^[0-9a-f]{64}$"),
            Self::Plain(_) | Self::CommunityName | Self::Password | Self::Moment => None,
        }
    }

    /// A rule for the API server, with the text as `self`.
    pub(crate) fn rule(self) -> Option<(String, String)> {
        match self {
            Self::Time(min, max) => Some((
                format!(
                    "duration(self) >= duration('{}') && duration(self) <= duration('{}')",
                    time::show(min),
                    time::show(max)
                ),
                format!("must be from {} to {}", time::show(min), time::show(max)),
            )),
            _ => None,
        }
    }

    /// What it is, for documentation.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Plain(max) => format!("text of at most {max} bytes"),
            Self::Name => "name of an object".to_owned(),
            Self::Namespace => "name of a namespace".to_owned(),
            Self::SecretKey => "key of a Secret".to_owned(),
            Self::Class => "load balancer class".to_owned(),
            Self::LabelValue => "text as of a label".to_owned(),
            Self::AddressRange => "prefix or `first-last`".to_owned(),
            Self::Address => "unicast address".to_owned(),
            Self::RouterId => "IPv4 address".to_owned(),
            Self::Interface => "name of an interface".to_owned(),
            Self::Time(min, max) => format!("time, {} to {}", time::show(min), time::show(max)),
            Self::HoldTime => "`0s`, or whole seconds, 3s to 65535s".to_owned(),
            Self::Seconds(min, max) => format!("whole seconds, {min}s to {max}s"),
            Self::Community => "`65001:100` or `large:65001:1:2`".to_owned(),
            Self::CommunityName => "community, or name of one".to_owned(),
            Self::Password => "1 to 80 bytes".to_owned(),
            Self::HttpPath => "text that starts with `/`".to_owned(),
            Self::HttpHost => "host name".to_owned(),
            Self::Moment => "moment (RFC 3339)".to_owned(),
            Self::Digest => "64 hexadecimal digits".to_owned(),
        }
    }
}
