//! The case files: what `cases/README.md` describes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

mod packet;
mod world;

pub use packet::{Extension, Ipv4, Ipv6, Named, Packet, Tcp, TcpFlag, Udp};
pub use world::{
    Change, EncapsulationSpec, FullUpcoming, FullVip, SetSpec, TableSpec, UpcomingSpec, VipSpec, WorldSpec,
    duration, member, parse_key, standard_world,
};

/// A file of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file is about.
    pub about: String,
    /// How the forwarder finds its next hop.
    #[serde(default)]
    pub next_hop: NextHop,
    /// What is installed, instead of the standard world. Its backends are those of the standard world and more.
    pub world: Option<Change>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// Next hops of a file.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NextHop {
    /// The agent resolved all of them: by `up0`, to the router there.
    #[default]
    Fixed,
    /// By `other0`.
    FixedOther,
    /// The agent resolved none of them: the kernel is asked.
    Fib,
    /// The agent resolved all of them as above, and has not been heard of since.
    OutOfDate,
    /// No generation is installed at all.
    NothingInstalled,
}

/// One packet, one packet cut at several lengths, or a history.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// Says what the case shows; unique in its file.
    pub name: String,
    /// Instead of `packet` and `expect`: one thing after the other, in a world without flow entries.
    pub history: Option<Vec<Step>>,
    /// As in a step.
    pub packet: Option<Packet>,
    /// As in a step.
    pub expect: Option<String>,
    /// As in a step.
    pub events: Option<Vec<String>>,
    /// Run the case once for each frame length from the first to the last, cut at the end.
    pub cut: Option<(usize, usize)>,
    /// Fill the frame with zeros up to this length, as Ethernet does below 60 bytes.
    pub pad: Option<usize>,
    /// Take away the room in front of the frame.
    pub no_headroom: bool,
}

/// A step of a history. Exactly one of `install`, `advance`, `routes`, `routes_valid`, `choose`, `packet` and `frame`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// Changes what is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Change>,
    /// The change is refused, with this in what the planner says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Lets this time pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advance: Option<String>,
    /// Changes the ways to backends: see [`Change::routes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<BTreeMap<String, Vec<String>>>,
    /// Whether the agent is heard of: `true` is the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes_valid: Option<bool>,
    /// Finds clients by where their packets belong.
    #[serde(skip_serializing)]
    pub choose: Option<Choose>,
    /// Sends a packet.
    #[serde(skip_serializing)]
    pub packet: Option<Packet>,
    /// Sends these bytes, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// `tx BACKEND`, `redirect BACKEND`, `reflect`, `pass` or `drop REASON`; `tx BACKEND then BACKEND` with further hops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// The events that are counted, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Sends the packet so often, each time from the next client port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u16>,
    /// Takes away the room in front of the frame.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_headroom: bool,
}

/// Client ports (or addresses, for a VIP with ClientIP affinity) by where their packets belong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choose {
    /// The VIP.
    #[serde(default = "usual_vip")]
    pub vip: String,
    /// A name for each, and its backends: current one first. Of a settled slot there is only one.
    pub clients: BTreeMap<String, Vec<String>>,
}

fn usual_vip() -> String {
    "203.0.113.10:80/tcp".to_owned()
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Sent back to the first of these backends, with the others as further hops.
    Tx(Vec<String>),
    /// Sent out of another interface, likewise.
    Redirect(Vec<String>),
    /// Left to the kernel as it was.
    Pass,
    /// Sent back to the neighbour that it came from.
    Reflect,
    /// Dropped and counted for this reason.
    Drop(String),
}

impl Expect {
    /// Reads the text of a case file.
    ///
    /// # Errors
    ///
    /// When it is none of the forms that [`Step::expect`] names.
    pub fn parse(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let hops = |words: &[&str]| -> Option<Vec<String>> {
            let (hops, thens): (Vec<_>, Vec<_>) = words.iter().enumerate().partition(|(i, _)| i % 2 == 0);
            let whole = words.len() % 2 == 1 && thens.iter().all(|(_, word)| **word == "then");
            whole.then(|| hops.into_iter().map(|(_, word)| (*word).to_owned()).collect())
        };
        let parsed = match words[..] {
            ["tx", ref rest @ ..] => hops(rest).map(Self::Tx),
            ["redirect", ref rest @ ..] => hops(rest).map(Self::Redirect),
            ["pass"] => Some(Self::Pass),
            ["reflect"] => Some(Self::Reflect),
            ["drop", reason] => Some(Self::Drop(reason.to_owned())),
            _ => None,
        };
        match parsed {
            Some(parsed) => Ok(parsed),
            None => bail!(
                "`{text}` is not `tx BACKEND [then BACKEND]`, `redirect BACKEND`, `reflect`, `pass` or `drop REASON`"
            ),
        }
    }
}

/// Reads a case file.
///
/// # Errors
///
/// When it cannot be read or is not of the form described in `cases/README.md`.
pub fn read(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let file: File = serde_saphyr::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    if file.cases.is_empty() {
        bail!("{} has no case", path.display());
    }
    let mut names: Vec<&str> = file.cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("{} has two cases `{}`", path.display(), pair[0]);
    }
    Ok(file)
}
