//! What goes wrong with the network.

use anyhow::Result;
use guideway_lab::netns::Netns;

/// TCP ports that nothing gets through to or from any more, without a word; until it is healed or dropped.
pub struct Cut {
    netns: Netns,
}

impl Cut {
    const TABLE: &str = "cut";

    /// Cuts what a node has with these ports of others.
    pub fn of_ports(netns: &Netns, ports: &[u16]) -> Result<Self> {
        let cut = Self { netns: netns.clone() };
        let table = Self::TABLE;
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let ports = ports.join(", ");
        let rules = format!(
            "table inet {table} {{
  chain out {{ type filter hook output priority 0; tcp dport {{ {ports} }} drop; }}
  chain in {{ type filter hook input priority 0; tcp sport {{ {ports} }} drop; }}
}}"
        );
        netns.run("nft", &[&rules])?;
        Ok(cut)
    }

    /// Takes it back.
    pub fn heal(self) {}
}

impl Drop for Cut {
    fn drop(&mut self) {
        // The namespace may be gone.
        let _ = self.netns.run("nft", &["delete", "table", "inet", Self::TABLE]);
    }
}
