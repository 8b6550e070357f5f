//! What the kernel counts of TCP in the own network namespace. A segment with a wrong signature leaves no other trace.

use std::path::Path;

use guideway_bgp_config::{Authentication, PeerConfig, Ttl};

/// Counters of `/proc/net/netstat` that tell why nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    /// Signed with another key.
    md5_failure: u64,
    /// Not signed, though a key is set.
    md5_not_found: u64,
    /// Signed, though no key is set.
    md5_unexpected: u64,
    /// Came from too far away for TTL security.
    minimum_ttl: u64,
    /// TCP-AO: signed with another key or not at all.
    ao_bad: u64,
}

impl Counters {
    /// The counters now; all zero where they cannot be read.
    pub(crate) fn read() -> Self {
        std::fs::read_to_string(Path::new("/proc/thread-self/net/netstat"))
            .map(|text| Self::parse(&text))
            .unwrap_or_default()
    }

    /// The file has pairs of lines: names, then values, each with the group in front.
    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut lines = text.lines();
        while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
            if !names.starts_with("TcpExt:") {
                continue;
            }
            for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
                let Ok(value) = value.parse::<u64>() else { continue };
                match name {
                    "TCPMD5Failure" => found.md5_failure = value,
                    "TCPMD5NotFound" => found.md5_not_found = value,
                    "TCPMD5Unexpected" => found.md5_unexpected = value,
                    "TCPMinTTLDrop" => found.minimum_ttl = value,
                    "TCPAOBad" | "TCPAOKeyNotFound" | "TCPAORequired" => found.ao_bad += value,
                    _ => {}
                }
            }
        }
        found
    }

    /// What has grown since `before` and may keep a peer with these settings out, in words; empty when nothing has. The
    /// counters are those of the whole namespace, so another peer may be the one.
    pub(crate) fn suspicion(self, before: Self, config: &PeerConfig) -> &'static str {
        let signature = match config.authentication {
            Authentication::Md5(_) if self.md5_failure > before.md5_failure => {
                "segments with a wrong TCP-MD5 signature came meanwhile; if from this peer: the passwords of both sides differ"
            }
            Authentication::Md5(_) if self.md5_not_found > before.md5_not_found => {
                "segments without TCP-MD5 signature came meanwhile; if from this peer: the peer has no password"
            }
            Authentication::None if self.md5_unexpected > before.md5_unexpected => {
                "segments with a TCP-MD5 signature came meanwhile; if from this peer: the peer has a password, and none is \
                 set here"
            }
            Authentication::Ao(_) if self.ao_bad > before.ao_bad => {
                "segments came meanwhile that TCP-AO refuses; if from this peer: the keys of both sides differ"
            }
            _ => "",
        };
        let secured = matches!(config.ttl, Ttl::Security { .. });
        if signature.is_empty() && secured && self.minimum_ttl > before.minimum_ttl {
            return "segments from too far away came meanwhile; if from this peer: the peer does not send with TTL 255, or is \
                    more hops away";
        }
        signature
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use guideway_bgp_config::{Password, Remote};
    use guideway_bgp_fsm::{Config, RemoteAs};

    use super::*;

    const BEFORE: &str = "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop\n\
                          TcpExt: 1 0 0 7 0\nIpExt: InNoRoutes\nIpExt: 3\n";

    fn peer(authentication: Authentication, ttl: Ttl) -> PeerConfig {
        let session = Config::new(65001, Ipv4Addr::new(10, 255, 1, 1), RemoteAs::Is(65000));
        let remote = Remote::Address(Ipv4Addr::new(10, 1, 1, 1).into());
        PeerConfig { authentication, ttl, ..PeerConfig::new(remote, session) }
    }

    #[test]
    fn what_grew_is_told() {
        let password = Authentication::Md5(Password::new("secret").unwrap());
        let signed = peer(password, Ttl::Default);
        let plain = peer(Authentication::None, Ttl::Default);
        let near = peer(Authentication::None, Ttl::Security { hops: 1 });
        let before = Counters::parse(BEFORE);
        assert_eq!(before, Counters { md5_failure: 7, ..Counters::default() });
        assert_eq!(before.suspicion(before, &signed), "");
        let after = Counters::parse(&BEFORE.replace("0 0 7 0", "0 0 8 0"));
        assert!(after.suspicion(before, &signed).contains("passwords of both sides differ"));
        let after = Counters::parse(&BEFORE.replace("0 0 7 0", "0 1 7 0"));
        assert!(after.suspicion(before, &plain).contains("none is set here"));
        let after = Counters::parse(&BEFORE.replace("0 0 7 0", "0 0 7 1"));
        assert!(after.suspicion(before, &near).contains("TTL 255"));
        assert_eq!(Counters::parse("rubbish\n"), Counters::default());
    }

    #[test]
    fn another_peers_segments_are_not_told_of() {
        let signed = peer(Authentication::Md5(Password::new("secret").unwrap()), Ttl::Default);
        let plain = peer(Authentication::None, Ttl::Default);
        let before = Counters::parse(BEFORE);
        let far = Counters::parse(&BEFORE.replace("0 0 7 0", "0 0 7 1"));
        assert_eq!((far.suspicion(before, &signed), far.suspicion(before, &plain)), ("", ""));
        let forged = Counters::parse(&BEFORE.replace("0 0 7 0", "1 0 8 0"));
        assert_eq!(forged.suspicion(before, &plain), "");
        let unexpected = Counters::parse(&BEFORE.replace("0 0 7 0", "0 1 7 0"));
        assert_eq!(unexpected.suspicion(before, &signed), "");
    }

    #[test]
    fn the_kernels_file_is_there() {
        let text = std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
        assert!(text.contains("TcpExt:"));
    }
}
