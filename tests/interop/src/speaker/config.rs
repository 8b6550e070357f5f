//! Its configuration, from the words in which routers are described too.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use guideway_lab::addresses::Leg;
use guideway_lab::router::{Family, Neighbour, Remote, Spec};

/// What a speaker is configured with.
#[derive(Debug, Clone)]
pub struct SpeakerConfig {
    /// Own AS, identifier and neighbours.
    pub spec: Spec,
    /// How long the agent's last word counts.
    pub agent_hold: Duration,
    /// Further lines of the document.
    pub document: Vec<String>,
    /// Further lines of every peer.
    pub peer: Vec<String>,
    /// Further lines of single peers, by their names.
    pub single: Vec<(String, String)>,
}

impl SpeakerConfig {
    /// Only what `spec` says. VIPs are not damped: tests make them come and go.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let document = vec!["damping: off".to_owned()];
        Self { spec, agent_hold: Duration::from_secs(60), document, peer: Vec::new(), single: Vec::new() }
    }

    /// The file.
    #[must_use]
    pub fn yaml(&self, agent_socket: &Path, folder: &Path) -> String {
        let mut text = format!(
            "local_as: {}\nrouter_id: {}\nagent: {{socket: {}, hold: {}ms}}\nadmin: {{socket: {}}}\n\
             bfd: {{socket: {}}}\nmetrics: {{listen: \"127.0.0.1:9471\"}}\n",
            self.spec.local_as,
            self.spec.router_id,
            agent_socket.display(),
            self.agent_hold.as_millis(),
            folder.join("bgp.sock").display(),
            folder.join("bfd.sock").display(),
        );
        for line in &self.document {
            let _ = writeln!(text, "{line}");
        }
        text.push_str("peers:\n");
        for neighbour in &self.spec.neighbours {
            peer(&mut text, neighbour);
            let single = self.single.iter().filter(|(name, _)| *name == neighbour.name);
            for line in self.peer.iter().chain(single.map(|(_, line)| line)) {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }
}

fn peer(text: &mut String, neighbour: &Neighbour) {
    let Neighbour { name, remote, remote_as, local, interface, hold_time, .. } = neighbour;
    let _ = writeln!(text, "  - name: {name}");
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name}: {value}");
    };
    match remote {
        Remote::Address(address) if is_link_local(*address) => {
            field("address", &format!("\"{address}%{interface}\""));
        }
        Remote::Address(address) => field("address", &format!("\"{address}\"")),
        Remote::Range(prefix) => field("range", &format!("\"{prefix}\"")),
        Remote::Interface => field("interface", interface),
    }
    field("remote_as", &remote_as.to_string());
    field("hold_time", &format!("{hold_time}s"));
    field("connect_retry", "1s");
    if neighbour.passive && !matches!(remote, Remote::Range(_)) {
        field("direction", "passive");
    }
    if let Some(password) = &neighbour.password {
        field("password", password);
    }
    if let Some(hops) = neighbour.security_hops {
        field("ttl_security", &hops.to_string());
    }
    match neighbour.graceful_restart {
        Some(time) => field("graceful_restart", &format!("{}s", time.as_secs())),
        None => field("graceful_restart", "off"),
    }
    if neighbour.add_path {
        field("add_path", "receive");
    }
    if let Some(role) = &neighbour.role {
        field("role", role);
    }
    if let Some(bfd) = neighbour.bfd {
        field(
            "bfd",
            &format!("{{interval: {}ms, multiplier: {}}}", bfd.interval.as_millis(), bfd.multiplier),
        );
    }
    let families: Vec<&str> = neighbour.families.iter().map(|family| family.word()).collect();
    field("families", &format!("[{}]", families.join(", ")));
    if neighbour.extended_next_hop {
        field("extended_next_hop", "on");
    }
    // IPv4 routes over IPv6 need a next hop, unless the session's address will do; IPv6 ones have that of the interface.
    if neighbour.families.contains(&Family::V4) && local.is_ipv6() && !neighbour.extended_next_hop {
        field("next_hop_v4", &leg(*local).node_v4().to_string());
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The leg that an address is of; see [`Leg`].
fn leg(address: IpAddr) -> Leg {
    (1..=8)
        .map(Leg::forwarder)
        .find(|leg| IpAddr::V4(leg.node_v4()) == address || IpAddr::V6(leg.node_v6()) == address)
        .unwrap_or(Leg::forwarder(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Over, sides};

    #[test]
    fn ipv4_routes_over_ipv6_get_a_next_hop() {
        let yaml = |over| SpeakerConfig::new(sides(2, over).0).yaml(Path::new("a"), Path::new("b"));
        let (v4, v6) = (yaml(Over::V4), yaml(Over::V6));
        assert!(!v4.contains("next_hop"), "{v4}");
        assert!(v6.contains("next_hop_v4: 10.1.2.2") && !v6.contains("next_hop_v6"), "{v6}");
    }
}
