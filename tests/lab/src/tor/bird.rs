//! BIRD 2 as the ToR.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses::{TOR_AS, TOR_ROUTER_ID};
use crate::netns::Netns;
use crate::process::Process;
use crate::tor::Neighbour;
use crate::{command, wait};

#[derive(Debug)]
pub(super) struct Bird {
    socket: PathBuf,
    _process: Process,
}

impl Bird {
    pub(super) fn start(netns: &Netns, folder: &Path, neighbours: &[Neighbour]) -> Result<Self> {
        let config = folder.join("bird.conf");
        let socket = folder.join("bird.ctl");
        std::fs::write(&config, text(neighbours))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let mut bird = netns.command("bird");
        bird.arg("-f").arg("-c").arg(&config).arg("-s").arg(&socket);
        bird.arg("-P").arg(folder.join("bird.pid"));
        let mut process = Process::spawn("bird", bird, folder)?;
        wait::until_true("BIRD to listen on its socket", Duration::from_secs(10), || {
            process.check_running()?;
            Ok(socket.exists())
        })?;
        Ok(Self { socket, _process: process })
    }

    pub(super) fn command(&self, words: &str) -> Result<String> {
        let socket = self.socket.to_string_lossy().into_owned();
        let mut args = vec!["-s", socket.as_str()];
        args.extend(words.split_whitespace());
        command::run("birdc", &args)
    }
}

/// Both families over one session; learnt routes go to the kernel, all equal ones merged into one multipath route.
fn text(neighbours: &[Neighbour]) -> String {
    let mut text = format!(
        "log stderr all;
router id {TOR_ROUTER_ID};
protocol device {{ scan time 10; }}
protocol direct {{ ipv4; ipv6; }}
protocol kernel k4 {{ ipv4 {{ import none; export where source = RTS_BGP; }}; merge paths on limit 64; }}
protocol kernel k6 {{ ipv6 {{ import none; export where source = RTS_BGP; }}; merge paths on limit 64; }}
template bgp forwarder {{
  local as {TOR_AS};
  hold time 9; connect retry time 1; connect delay time 1; error wait time 1, 5;
  ipv4 {{ import all; export none; }};
  ipv6 {{ import all; export none; }};
}}
"
    );
    for Neighbour { name, address, remote_as, password } in neighbours {
        let password = password.as_ref().map(|word| format!(" password \"{word}\";")).unwrap_or_default();
        text.push_str(&format!(
            "protocol bgp {name} from forwarder {{ neighbor {address} as {remote_as};{password} }}\n"
        ));
    }
    text
}
