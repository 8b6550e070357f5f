/// The kinds of custom resources that Guideway reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `metallb.io/v1beta1` IPAddressPool.
    IpAddressPool,
    /// `metallb.io/v1beta2` and `v1beta1` BGPPeer.
    BgpPeer,
    /// `metallb.io/v1beta1` BGPAdvertisement.
    BgpAdvertisement,
    /// `metallb.io/v1beta1` L2Advertisement.
    L2Advertisement,
    /// `metallb.io/v1beta1` BFDProfile.
    BfdProfile,
    /// `metallb.io/v1beta1` Community.
    Community,
    /// `guideway.dev/v1alpha1` Shard.
    Shard,
    /// `guideway.dev/v1alpha1` BackendPolicy.
    BackendPolicy,
    /// `guideway.dev/v1alpha1` Forwarder.
    Forwarder,
    /// `guideway.dev/v1alpha1` Cluster.
    Cluster,
    /// `guideway.dev/v1alpha1` Rollout.
    Rollout,
}

impl Kind {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::IpAddressPool,
        Self::BgpPeer,
        Self::BgpAdvertisement,
        Self::L2Advertisement,
        Self::BfdProfile,
        Self::Community,
        Self::Shard,
        Self::BackendPolicy,
        Self::Forwarder,
        Self::Cluster,
        Self::Rollout,
    ];

    /// `kind` of its objects.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IpAddressPool => "IPAddressPool",
            Self::BgpPeer => "BGPPeer",
            Self::BgpAdvertisement => "BGPAdvertisement",
            Self::L2Advertisement => "L2Advertisement",
            Self::BfdProfile => "BFDProfile",
            Self::Community => "Community",
            Self::Shard => "Shard",
            Self::BackendPolicy => "BackendPolicy",
            Self::Forwarder => "Forwarder",
            Self::Cluster => "Cluster",
            Self::Rollout => "Rollout",
        }
    }

    /// The group of its API.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::IpAddressPool
            | Self::BgpPeer
            | Self::BgpAdvertisement
            | Self::L2Advertisement
            | Self::BfdProfile
            | Self::Community => "metallb.io",
            Self::Shard | Self::BackendPolicy | Self::Forwarder | Self::Cluster | Self::Rollout => {
                "guideway.dev"
            }
        }
    }

    /// The versions that are read; the first one is the one to watch.
    #[must_use]
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::BgpPeer => &["v1beta2", "v1beta1"],
            Self::IpAddressPool
            | Self::BgpAdvertisement
            | Self::L2Advertisement
            | Self::BfdProfile
            | Self::Community => &["v1beta1"],
            Self::Shard | Self::BackendPolicy | Self::Forwarder | Self::Cluster | Self::Rollout => {
                &["v1alpha1"]
            }
        }
    }

    /// The name in paths of the API.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::IpAddressPool => "ipaddresspools",
            Self::BgpPeer => "bgppeers",
            Self::BgpAdvertisement => "bgpadvertisements",
            Self::L2Advertisement => "l2advertisements",
            Self::BfdProfile => "bfdprofiles",
            Self::Community => "communities",
            Self::Shard => "shards",
            Self::BackendPolicy => "backendpolicies",
            Self::Forwarder => "forwarders",
            Self::Cluster => "clusters",
            Self::Rollout => "rollouts",
        }
    }
}
