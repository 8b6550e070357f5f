//! The case files.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file is about.
    pub about: String,
    /// Which program the packets go through.
    #[serde(default)]
    pub program: Program,
    /// How the forwarder finds its next hop.
    #[serde(default)]
    pub next_hop: NextHop,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A program under test.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// The forwarder.
    #[default]
    Forwarder,
    /// The decap program of a backend.
    Decap,
}

/// Next hop of the forwarder in this file.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum NextHop {
    /// Configured, out of the interface that the packet came in by.
    #[default]
    Fixed,
    /// Configured, out of another interface.
    FixedOther,
    /// The kernel's FIB.
    Fib,
    /// No generation is installed at all.
    NothingInstalled,
}

/// One packet, or one packet cut at several lengths, and what shall become of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Says what the case shows; unique in its file.
    pub name: String,
    /// The packet.
    pub packet: Packet,
    /// Run the case once for each frame length from the first to the last, cut at the end.
    pub cut: Option<(usize, usize)>,
    /// Fill the frame with zeros up to this length, as Ethernet does below 60 bytes.
    pub pad: Option<usize>,
    /// Take away the room in front of the frame.
    #[serde(default)]
    pub no_headroom: bool,
    /// `tx BACKEND`, `redirect BACKEND`, `pass`, `decapsulated` or `drop REASON`.
    pub expect: String,
}

/// A packet from its outside to its inside. What is not said has a sensible value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Packet {
    /// VLAN ids, outermost first. Of two tags the outer one is 802.1ad.
    pub vlan: Vec<u16>,
    /// EtherType, when not that of the next header.
    pub ethertype: Option<u16>,
    /// Outer header, for the decap program.
    pub outer_ipv4: Option<Ipv4>,
    /// Outer header, for the decap program.
    pub outer_ipv6: Option<Ipv6>,
    /// IPv4 header.
    pub ipv4: Option<Ipv4>,
    /// IPv6 header.
    pub ipv6: Option<Ipv6>,
    /// TCP header.
    pub tcp: Option<Ports>,
    /// UDP header.
    pub udp: Option<Ports>,
    /// Bytes of payload behind the last header.
    pub payload: usize,
}

/// IPv4 header; lengths, protocol and checksum are right unless they are given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // RFC 791's fields
pub struct Ipv4 {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    pub df: bool,
    pub mf: bool,
    /// In units of 8 bytes.
    pub offset: u16,
    /// Bytes of options (NOP), a multiple of 4.
    pub options: usize,
    pub version: u8,
    pub ihl: Option<u8>,
    pub total_length: Option<u16>,
    pub protocol: Option<u8>,
    pub checksum: Option<u16>,
}

impl Default for Ipv4 {
    fn default() -> Self {
        Self {
            src: Ipv4Addr::new(198, 51, 100, 7),
            dst: Ipv4Addr::new(203, 0, 113, 10),
            ttl: 64,
            tos: 0,
            id: 0x1234,
            df: true,
            mf: false,
            offset: 0,
            options: 0,
            version: 4,
            ihl: None,
            total_length: None,
            protocol: None,
            checksum: None,
        }
    }
}

/// IPv6 header and its extension headers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // RFC 8200's fields
pub struct Ipv6 {
    pub src: Ipv6Addr,
    pub dst: Ipv6Addr,
    pub hop_limit: u8,
    pub traffic_class: u8,
    pub flow_label: u32,
    pub version: u8,
    pub payload_length: Option<u16>,
    /// Next header of the last header before the payload.
    pub next_header: Option<u8>,
    pub extensions: Vec<Extension>,
}

impl Default for Ipv6 {
    fn default() -> Self {
        Self {
            src: "2001:db8:ffff::7".parse().expect("an address"),
            dst: "2001:db8::10".parse().expect("an address"),
            hop_limit: 64,
            traffic_class: 0,
            flow_label: 0,
            version: 6,
            payload_length: None,
            next_header: None,
            extensions: Vec::new(),
        }
    }
}

/// An extension header; lengths in bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // RFC 8200's names
pub enum Extension {
    HopByHop(usize),
    Routing(usize),
    DestinationOptions(usize),
    Authentication(usize),
    /// Offset in units of 8 bytes and the M flag.
    Fragment(u16, bool),
}

/// Ports of a TCP or UDP header.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Source port.
    #[serde(default = "client_port")]
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
}

const fn client_port() -> u16 {
    40_000
}

/// What a case expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Sent back encapsulated to this backend.
    Tx(String),
    /// Sent out of another interface, encapsulated to this backend.
    Redirect(String),
    /// Left to the kernel as it was.
    Pass,
    /// Left to the kernel without its outer header.
    Decapsulated,
    /// Dropped and counted for this reason.
    Drop(String),
}

impl Expect {
    /// Reads the text of a case file.
    ///
    /// # Errors
    ///
    /// When it is none of the forms that [`Case::expect`] names.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["tx", backend] => Self::Tx(backend.to_owned()),
            ["redirect", backend] => Self::Redirect(backend.to_owned()),
            ["pass"] => Self::Pass,
            ["decapsulated"] => Self::Decapsulated,
            ["drop", reason] => Self::Drop(reason.to_owned()),
            _ => bail!(
                "`{text}` is not `tx BACKEND`, `redirect BACKEND`, `pass`, `decapsulated` or `drop REASON`"
            ),
        })
    }

    /// Name of the one counter that must grow by one.
    #[must_use]
    pub fn counter(&self) -> String {
        match self {
            Self::Tx(_) => "tx".to_owned(),
            Self::Redirect(_) => "redirect".to_owned(),
            Self::Pass => "pass".to_owned(),
            Self::Decapsulated => "decapsulated".to_owned(),
            Self::Drop(reason) => format!("drop_{reason}"),
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
    Ok(file)
}
