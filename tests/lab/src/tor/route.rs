//! Routes of the kernel as typed values.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::netns::Netns;

/// The kernel's route to one host address; without legs when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The legs, sorted by interface.
    pub legs: Vec<Leg>,
}

/// One next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// The interface that packets leave by.
    pub interface: String,
    /// The next hop.
    pub gateway: Option<IpAddr>,
    /// Its share of the flows, relative to the other legs.
    pub weight: u32,
}

impl Route {
    /// The interfaces of the legs, sorted.
    #[must_use]
    pub fn interfaces(&self) -> Vec<&str> {
        self.legs.iter().map(|leg| leg.interface.as_str()).collect()
    }
}

pub(super) fn query(netns: &Netns, address: IpAddr) -> Result<Route> {
    let text = match address {
        IpAddr::V4(v4) => netns.ip(&format!("-4 -j route show {v4}/32"))?,
        IpAddr::V6(v6) => netns.ip(&format!("-6 -j route show {v6}/128"))?,
    };
    legs(&text).map(|legs| Route { legs })
}

/// Reads the answer of `ip -j route show`.
///
/// # Errors
/// When it is not what `ip` writes.
pub fn legs(json: &str) -> Result<Vec<Leg>> {
    let json = if json.trim().is_empty() { "[]" } else { json };
    let lines: Vec<Line> = serde_json::from_str(json).context("cannot read the answer of `ip -j route`")?;
    let mut legs = Vec::new();
    for line in lines {
        match line.nexthops {
            Some(hops) => legs.extend(hops.into_iter().map(Hop::leg)),
            None => legs.push(line.hop.leg()),
        }
    }
    legs.sort();
    Ok(legs)
}

#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    hop: Hop,
    nexthops: Option<Vec<Hop>>,
}

#[derive(Deserialize)]
struct Hop {
    dev: Option<String>,
    gateway: Option<IpAddr>,
    via: Option<Via>,
    weight: Option<u32>,
}

#[derive(Deserialize)]
struct Via {
    host: IpAddr,
}

impl Hop {
    fn leg(self) -> Leg {
        Leg {
            interface: self.dev.unwrap_or_default(),
            gateway: self.gateway.or(self.via.map(|via| via.host)),
            weight: self.weight.unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::legs;

    #[test]
    fn multipath_single_and_absent_routes() {
        let two = r#"[{"dst":"203.0.113.10","protocol":"bird","metric":32,"flags":[],"nexthops":[
            {"gateway":"10.1.2.2","dev":"fw2","weight":1,"flags":[]},
            {"gateway":"10.1.1.2","dev":"fw1","weight":3,"flags":[]}]}]"#;
        let two = legs(two).unwrap();
        assert_eq!((two[0].interface.as_str(), two[0].weight), ("fw1", 3));
        assert_eq!(two[1].gateway, Some("10.1.2.2".parse().unwrap()));

        let one = r#"[{"dst":"2001:db8::10","gateway":"fd00:1::2","dev":"fw1","protocol":"bird","metric":32,
            "flags":[],"pref":"medium"}]"#;
        assert_eq!(legs(one).unwrap()[0].interface, "fw1");

        assert_eq!(legs("").unwrap(), []);
        assert_eq!(legs("[]").unwrap(), []);
    }
}
