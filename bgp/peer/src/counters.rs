//! What the kernel counts of TCP in the own network namespace. A segment with a wrong signature leaves no other trace.

use std::path::Path;

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

    /// What has grown since `before`, in words; empty when nothing has. The counters are those of the whole namespace, so
    /// another peer may be the one.
    pub(crate) fn suspicion(self, before: Self) -> &'static str {
        if self.md5_failure > before.md5_failure {
            "segments with a wrong TCP-MD5 signature came meanwhile: the passwords of both sides differ"
        } else if self.md5_not_found > before.md5_not_found {
            "segments without TCP-MD5 signature came meanwhile: the peer has no password"
        } else if self.md5_unexpected > before.md5_unexpected {
            "segments with a TCP-MD5 signature came meanwhile: the peer has a password, and none is set here"
        } else if self.minimum_ttl > before.minimum_ttl {
            "segments from too far away came meanwhile: the peer does not send with TTL 255, or is more hops away"
        } else if self.ao_bad > before.ao_bad {
            "segments came meanwhile that TCP-AO refuses: the keys of both sides differ"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPMinTTLDrop\n\
                          TcpExt: 1 0 0 7 0\nIpExt: InNoRoutes\nIpExt: 3\n";

    #[test]
    fn what_grew_is_told() {
        let before = Counters::parse(BEFORE);
        assert_eq!(before, Counters { md5_failure: 7, ..Counters::default() });
        assert_eq!(before.suspicion(before), "");
        let after = Counters::parse(&BEFORE.replace("0 0 7 0", "0 0 8 0"));
        assert!(after.suspicion(before).contains("passwords of both sides differ"));
        let after = Counters::parse(&BEFORE.replace("0 0 7 0", "0 0 7 1"));
        assert!(after.suspicion(before).contains("TTL 255"));
        assert_eq!(Counters::parse("rubbish\n"), Counters::default());
    }

    #[test]
    fn the_kernels_file_is_there() {
        let text = std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap();
        assert!(text.contains("TcpExt:"));
    }
}
