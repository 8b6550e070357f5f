//! What a client asks for: from the API's messages to values that can only be right.

use std::net::IpAddr;
use std::time::Duration;

use guideway_bfd::auth::{AuthenticationError, Kind};
use guideway_bfd::{Authentication, Config, ConfigError, Hops};
use guideway_bgp_admin::bfd::v1;
use thiserror::Error;

/// What tells sessions from each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) remote: IpAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    pub(crate) multihop: bool,
}

/// A session as a client wants it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) hops: Hops,
    pub(crate) config: Config,
    /// As it came, for those who look.
    pub(crate) spec: v1::Spec,
}

/// Why a session is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SpecError {
    #[error("{what} `{text}` is no IP address")]
    Address { what: &'static str, text: String },
    #[error("local and remote address are not of the same family")]
    Families,
    #[error("{0} is link-local: the interface is needed, and it cannot be multihop")]
    LinkLocal(IpAddr),
    #[error("{0} is no address of one host")]
    NotUnicast(IpAddr),
    #[error("interface `{0}` is no name of an interface")]
    Interface(String),
    #[error("{what} is {value}; write {range}")]
    Range { what: &'static str, value: u32, range: &'static str },
    #[error("unknown kind of authentication")]
    Kind,
    #[error("echo packets cannot be used over several hops")]
    Echo,
    #[error(transparent)]
    Config(ConfigError),
    #[error(transparent)]
    Authentication(AuthenticationError),
}

/// IFNAMSIZ without the final zero.
const LONGEST_NAME: usize = 15;

impl Wanted {
    pub(crate) fn parse(spec: v1::Spec) -> Result<Self, SpecError> {
        let remote = address("remote", &spec.remote)?;
        let local = if spec.local.is_empty() { None } else { Some(address("local", &spec.local)?) };
        if local.is_some_and(|local| local.is_ipv4() != remote.is_ipv4()) {
            return Err(SpecError::Families);
        }
        let name = &spec.interface;
        if name.len() > LONGEST_NAME || name.contains(['/', '\0']) || name.contains(char::is_whitespace) {
            return Err(SpecError::Interface(name.clone()));
        }
        let interface = (!name.is_empty()).then(|| name.clone());
        let link_local = matches!(remote, IpAddr::V6(remote) if remote.is_unicast_link_local());
        if link_local && (interface.is_none() || spec.multihop) {
            return Err(SpecError::LinkLocal(remote));
        }
        if remote.is_unspecified() || remote.is_multicast() {
            return Err(SpecError::NotUnicast(remote));
        }
        let range = |what, value: u32, range| {
            u8::try_from(value).map_err(|_| SpecError::Range { what, value, range })
        };
        let min_ttl = range("the least TTL", spec.min_ttl, "0 to 255")?;
        let hops = if spec.multihop { Hops::Multi { min_ttl } } else { Hops::Single };
        let config = config(&spec, range("the detection multiplier", spec.detect_mult, "1 to 255")?)?;
        let echo = spec.echo_tx_us != 0 || spec.required_min_echo_rx_us != 0;
        if echo && spec.multihop {
            return Err(SpecError::Echo);
        }
        let key = Key { remote, local, interface, multihop: spec.multihop };
        Ok(Self { key, hops, config, spec })
    }
}

fn config(spec: &v1::Spec, detect_mult: u8) -> Result<Config, SpecError> {
    let micros = |value| Duration::from_micros(u64::from(value));
    let (tx, rx) = (micros(spec.desired_min_tx_us), micros(spec.required_min_rx_us));
    let mut config = Config::new(tx, rx, detect_mult).map_err(SpecError::Config)?;
    let echo = |what, value: u32| {
        let interval = (value != 0).then(|| Config::interval(what, micros(value)));
        interval.transpose().map_err(SpecError::Config)
    };
    config.echo_tx = echo("the interval of echoes", spec.echo_tx_us)?;
    config.echo_rx =
        echo("the interval of the peer's echoes", spec.required_min_echo_rx_us)?.unwrap_or_default();
    config.passive = spec.passive;
    config.authentication = spec.authentication.as_ref().map(authentication).transpose()?;
    Ok(config)
}

fn authentication(wanted: &v1::Authentication) -> Result<Authentication, SpecError> {
    use v1::authentication::Kind as Wire;
    let kind = match Wire::try_from(wanted.kind).map_err(|_| SpecError::Kind)? {
        Wire::Simple => Kind::Simple,
        Wire::KeyedMd5 => Kind::KeyedMd5,
        Wire::MeticulousMd5 => Kind::MeticulousMd5,
        Wire::KeyedSha1 => Kind::KeyedSha1,
        Wire::MeticulousSha1 => Kind::MeticulousSha1,
    };
    let mut keys = Vec::new();
    for key in wanted.keys.iter().take(Authentication::MAX_KEYS + 1) {
        let what = "the number of a key";
        let id =
            u8::try_from(key.id).map_err(|_| SpecError::Range { what, value: key.id, range: "0 to 255" })?;
        keys.push((id, &key.secret));
    }
    Authentication::new(kind, keys).map_err(SpecError::Authentication)
}

fn address(what: &'static str, text: &str) -> Result<IpAddr, SpecError> {
    text.parse().map_err(|_| SpecError::Address { what, text: text.chars().take(64).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> v1::Spec {
        v1::Spec {
            remote: "10.1.1.1".to_owned(),
            desired_min_tx_us: 50_000,
            required_min_rx_us: 60_000,
            detect_mult: 3,
            ..v1::Spec::default()
        }
    }

    #[test]
    fn what_is_right_is_taken() {
        let wanted = Wanted::parse(v1::Spec { local: "10.1.1.2".to_owned(), ..spec() }).unwrap();
        assert_eq!(wanted.key.local, Some("10.1.1.2".parse().unwrap()));
        assert_eq!((wanted.hops, wanted.key.interface), (Hops::Single, None));
        let keys = vec![v1::Key { id: 7, secret: b"secret".to_vec() }];
        let authentication = Some(v1::Authentication { kind: 4, keys });
        let far = v1::Spec { multihop: true, min_ttl: 250, authentication, ..spec() };
        let wanted = Wanted::parse(far).unwrap();
        assert_eq!(wanted.hops, Hops::Multi { min_ttl: 250 });
        assert_eq!(wanted.config.authentication.unwrap().kind(), Kind::MeticulousSha1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let text = |text: &str| text.to_owned();
        let cases = [
            (v1::Spec { remote: text("tor1"), ..spec() }, "remote `tor1` is no IP address"),
            (
                v1::Spec { local: text("::1"), ..spec() },
                "local and remote address are not of the same family",
            ),
            (
                v1::Spec { remote: text("fe80::1"), ..spec() },
                "fe80::1 is link-local: the interface is needed, and it cannot be multihop",
            ),
            (v1::Spec { remote: text("224.0.0.1"), ..spec() }, "224.0.0.1 is no address of one host"),
            (v1::Spec { interface: text("a/b"), ..spec() }, "interface `a/b` is no name of an interface"),
            (v1::Spec { detect_mult: 256, ..spec() }, "the detection multiplier is 256; write 1 to 255"),
            (v1::Spec { detect_mult: 0, ..spec() }, "a detection multiplier of 0; write 1 to 255"),
            (
                v1::Spec { echo_tx_us: 50_000, multihop: true, ..spec() },
                "echo packets cannot be used over several hops",
            ),
            (
                v1::Spec { desired_min_tx_us: 10, ..spec() },
                "the desired transmit interval is 10µs; write 1ms to 1h",
            ),
            (
                v1::Spec { authentication: Some(v1::Authentication::default()), ..spec() },
                "authentication needs at least one key",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(Wanted::parse(spec).unwrap_err().to_string(), expected);
        }
    }
}
