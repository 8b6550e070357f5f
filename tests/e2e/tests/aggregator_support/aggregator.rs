//! The aggregator under test.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use guideway_bgp_admin::v1::speaker_client::SpeakerClient;
use guideway_bgp_admin::v1::{self, ListPeersRequest, ListRoutesRequest};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{binaries, wait};
use nix::sys::signal::Signal;
use tokio::runtime::Runtime;

use super::{AGGREGATOR_AS, PATIENCE, ROUTER_AS, Site, Style, forwarder, link};

/// What a scenario consists of.
#[derive(Debug, Clone)]
pub struct Plan {
    pub style: Style,
    pub speakers: u8,
    /// How many of them are light ones that start with the rest.
    pub light: u8,
    pub aggregators: u8,
    /// The router takes several paths.
    pub add_path: bool,
    /// Speakers offer graceful restart, with this restart time in seconds.
    pub speaker_restart: Option<u64>,
    /// And long-lived graceful restart.
    pub speaker_long_lived: Option<u64>,
    /// The router keeps long-lived stale paths too.
    pub router_long_lived: Option<u64>,
    /// IPv4 routes have IPv6 next hops (RFC 8950).
    pub v4_over_v6: bool,
    /// How long known speakers are waited for after a start, in seconds.
    pub defer: u64,
    /// Further fields of every speaker.
    pub speaker: String,
    /// Further fields of the document, such as pools.
    pub document: String,
    /// Further fields of the router.
    pub router: String,
}

impl Plan {
    pub fn new(style: Style, speakers: u8) -> Self {
        Self {
            style,
            speakers,
            light: speakers,
            aggregators: 1,
            add_path: true,
            speaker_restart: None,
            speaker_long_lived: None,
            router_long_lived: None,
            v4_over_v6: false,
            defer: 20,
            speaker: String::new(),
            document: "pools: [{name: vips, prefixes: [203.0.0.0/8, \"2001:db8::/32\"]}]\n".to_owned(),
            router: String::new(),
        }
    }

    pub fn local_as(&self) -> u32 {
        if self.style == Style::Reflector { ROUTER_AS } else { AGGREGATOR_AS }
    }

    /// The AS of speaker `n`.
    pub fn speaker_as(&self, n: u8) -> u32 {
        if self.style == Style::Reflector { ROUTER_AS } else { 65100 + u32::from(n) }
    }

    fn text(&self, n: u8, folder: &std::path::Path) -> String {
        let (_, router) = link(n);
        let remote = if self.style == Style::Reflector { "internal" } else { "external" };
        let mut text = format!(
            "local_as: {}\nrouter_id: 10.255.5.{n}\nadmin: {{socket: {}}}\nmetrics: {{listen: \"127.0.0.1:9472\"}}\n\
             bfd: {{socket: {}}}\nrestart: {{defer: {}s}}\n{}peers:\n",
            self.local_as(),
            folder.join("aggregator.sock").display(),
            folder.join("bfd.sock").display(),
            self.defer,
            self.document,
        );
        let long_lived = self.speaker_long_lived.map_or("off".to_owned(), |time| format!("{time}s"));
        let (extended, comma) = (self.v4_over_v6, if self.speaker.is_empty() { "" } else { ", " });
        let mut speaker = |who: String| {
            let _ = writeln!(
                text,
                "  - {{{who}, kind: speaker, remote_as: {remote}, multihop: 8, hold_time: 9s, families: [ipv4, ipv6], \
                 long_lived: {long_lived}, extended_next_hop: {extended}{comma}{}}}",
                self.speaker
            );
        };
        if self.light == 0 {
            speaker("name: fleet, range: 10.1.0.0/24".to_owned());
        }
        (1..=self.light).for_each(|n| speaker(format!("name: lb{n}, address: 10.1.0.{n}")));
        let mut router_kind = self.router.trim_end_matches(',').to_owned();
        if let Some(time) = self.router_long_lived {
            router_kind =
                format!("{router_kind}{}long_lived: {time}s", if router_kind.is_empty() { "" } else { ", " });
        }
        let comma = if router_kind.is_empty() { "" } else { ", " };
        let _ = writeln!(
            text,
            "  - {{name: tor, kind: router, address: {router}, remote_as: {ROUTER_AS}, hold_time: 9s, families: [ipv4, ipv6], extended_next_hop: {extended}{comma}{router_kind}}}"
        );
        text
    }
}

/// A running aggregator.
pub struct Aggregator {
    pub process: Process,
    folder: PathBuf,
    netns: Netns,
    runtime: Runtime,
}

impl Aggregator {
    /// Starts lb-bfd beside it.
    pub fn start_bfd(&self) -> Result<Process> {
        forwarder::start_bfd(&self.netns, &self.folder)
    }

    pub fn start(site: &Site, n: u8, plan: &Plan) -> Result<Self> {
        let folder = site.folder(&format!("agg{n}"))?;
        fs::write(folder.join("aggregator.yaml"), plan.text(n, &folder))?;
        let netns = site.aggregators[usize::from(n) - 1].clone();
        let mut command = netns.command(binaries::binary("bgp-aggregator")?);
        command.arg("run").arg("--config").arg(folder.join("aggregator.yaml"));
        command.arg("--state-dir").arg(folder.join("state"));
        let process = Process::spawn("bgp-aggregator", command, &folder)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut aggregator = Self { process, folder, netns, runtime };
        wait::until_true("the aggregator to serve its admin socket", PATIENCE, || {
            aggregator.process.check_running()?;
            Ok(aggregator.list().is_ok())
        })?;
        Ok(aggregator)
    }

    /// Another configuration, and SIGHUP.
    pub fn reload(&self, n: u8, plan: &Plan) -> Result<()> {
        fs::write(self.folder.join("aggregator.yaml"), plan.text(n, &self.folder))?;
        self.process.signal(Signal::SIGHUP)
    }

    pub fn list(&self) -> Result<v1::ListPeersResponse> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("aggregator.sock")).await?;
            Ok(SpeakerClient::new(channel).list_peers(ListPeersRequest {}).await?.into_inner())
        })
    }

    pub fn routes(&self) -> Result<Vec<v1::Route>> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("aggregator.sock")).await?;
            Ok(SpeakerClient::new(channel).list_routes(ListRoutesRequest {}).await?.into_inner().routes)
        })
    }

    pub fn explain(&self, target: &str) -> Result<v1::ExplainResponse> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("aggregator.sock")).await?;
            let request = v1::ExplainRequest { target: target.to_owned() };
            Ok(SpeakerClient::new(channel).explain(request).await?.into_inner())
        })
    }

    /// What a peer was told, or announces.
    pub fn told(&self, peer: &str) -> Result<Vec<v1::Path>> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("aggregator.sock")).await?;
            let request = v1::AdjRibRequest { peer: peer.to_owned(), prefix: String::new() };
            let mut parts = SpeakerClient::new(channel).adj_rib_out(request).await?.into_inner();
            let mut paths = Vec::new();
            while let Some(part) = parts.message().await? {
                paths.extend(part.paths);
            }
            Ok(paths)
        })
    }

    pub fn peer(&self, name: &str) -> Result<v1::Peer> {
        let mut peers = self.list()?.peers.into_iter();
        peers
            .find(|peer| peer.name == name || peer.address == name)
            .with_context(|| format!("no peer {name}"))
    }

    /// What `lbctl bgp ...` prints about it.
    pub fn lbctl(&self, words: &str) -> Result<String> {
        let lbctl = binaries::binary("lbctl")?.display().to_string();
        let socket = self.folder.join("aggregator.sock").display().to_string();
        let mut args = vec!["--bgp-socket", socket.as_str(), "bgp"];
        args.extend(words.split_whitespace());
        guideway_lab::command::run(&lbctl, &args)
    }

    pub fn http(&self, path: &str) -> Result<String> {
        self.netns.run("curl", &["-s", &format!("http://127.0.0.1:9472{path}")])
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// For people.
    pub fn describe(&self) -> String {
        let Ok(list) = self.list() else { return "no answer\n".to_owned() };
        let mut text = format!("{:?}\n", list.problems);
        for peer in list.peers {
            let _ = writeln!(text, "{} {} {} {:?}", peer.name, peer.state, peer.last_error, peer.problems);
        }
        text
    }
}
