//! The fields of the file as they stand there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use guideway_bpf::XdpMode;
use serde::Deserialize;
use serde_saphyr::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) interfaces: Spanned<Vec<RawInterface>>,
    pub(super) gue_port: Option<Spanned<u64>>,
    pub(super) hand_over: Option<RawHandOver>,
    pub(super) admin: Option<RawAdmin>,
    pub(super) metrics: Option<RawMetrics>,
    pub(super) services: Option<Spanned<Vec<Spanned<RawService>>>>,
    pub(super) kubernetes: Option<Spanned<RawKubernetes>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKubernetes {
    pub(super) kubeconfig: Option<PathBuf>,
    pub(super) node: Option<Spanned<String>>,
    pub(super) mode: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInterface {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) mode: RawMode,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawMode {
    #[default]
    Native,
    Generic,
}

impl From<RawMode> for XdpMode {
    fn from(mode: RawMode) -> Self {
        match mode {
            RawMode::Native => Self::Native,
            RawMode::Generic => Self::Generic,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHandOver {
    pub(super) source_v4: Option<Ipv4Addr>,
    pub(super) source_v6: Option<Ipv6Addr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    pub(super) socket: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMetrics {
    pub(super) listen: SocketAddr,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawService {
    pub(super) vip: Spanned<String>,
    pub(super) port: Option<Spanned<u64>>,
    pub(super) protocol: Option<RawProtocol>,
    pub(super) outer: Option<Spanned<IpAddr>>,
    pub(super) target: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawProtocol {
    Tcp,
    Udp,
}
