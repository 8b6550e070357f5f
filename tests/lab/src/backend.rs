//! A backend: real nginx that names itself in every answer, and the decap program with the VIPs on `lo`.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses::{Leg, UPLINK};
use crate::binaries::binary;
use crate::netns::{LinkState, Netns, add_address};
use crate::process::Process;
use crate::{LabId, sweep, wait};

/// Size in bytes of `/large`, for throughput.
pub const LARGE: u64 = 32 << 20;

/// The response header with the backend's name.
pub const HEADER: &str = "X-Backend";

/// One backend node.
#[derive(Debug)]
pub struct Backend {
    name: String,
    number: u8,
    netns: Netns,
    folder: PathBuf,
    pins: PathBuf,
    nginx: Option<Process>,
}

impl Backend {
    /// Sets a backend up in its namespace and starts nginx. The decap program comes with [`Backend::decap_up`].
    ///
    /// # Errors
    /// When nginx does not come up.
    pub fn start(id: LabId, number: u8, netns: Netns, folder: PathBuf) -> Result<Self> {
        let name = format!("be{number}");
        let pins = Path::new(sweep::BPFFS).join(id.prefix()).join(&name);
        let mut backend = Self { name, number, netns, folder, pins, nginx: None };
        backend.write_site()?;
        backend.start_nginx()?;
        Ok(backend)
    }

    /// `be1`, `be2`, ...
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its leg.
    #[must_use]
    pub fn leg(&self) -> Leg {
        Leg::backend(self.number)
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Where `lb-decap` pins.
    #[must_use]
    pub fn pins(&self) -> &Path {
        &self.pins
    }

    /// Makes the node accept encapsulated packets for these VIPs, with the product's own command.
    ///
    /// # Errors
    /// When `lb-decap` is missing or fails.
    pub fn decap_up(&self, vips: &[IpAddr]) -> Result<()> {
        let program = binary("lb-decap")?;
        let vips: Vec<String> = vips.iter().map(ToString::to_string).collect();
        let pins = self.pins.to_string_lossy();
        let mut args = vec!["up", "--interface", UPLINK, "--pin-root", &pins];
        for vip in &vips {
            args.extend(["--vip", vip]);
        }
        self.netns.run(&program.to_string_lossy(), &args).map(drop)
    }

    /// Puts VIPs on `lo` without the decap program, for tests of the lab itself.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn vips_on_lo(&self, vips: &[IpAddr]) -> Result<()> {
        for vip in vips {
            let length = if vip.is_ipv4() { 32 } else { 128 };
            add_address(&self.netns, "lo", &format!("{vip}/{length}"))?;
        }
        Ok(())
    }

    /// Starts nginx and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn start_nginx(&mut self) -> Result<()> {
        let mut command = self.netns.command("nginx");
        command.arg("-p").arg(&self.folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let mut nginx = Process::spawn("nginx", command, &self.folder)?;
        let netns = self.netns.clone();
        wait::until_true(&format!("nginx of {} to listen", self.name), Duration::from_secs(10), || {
            nginx.check_running()?;
            Ok(netns.run("ss", &["-Hltn", "sport = :80"])?.lines().count() >= 2)
        })?;
        self.nginx = Some(nginx);
        Ok(())
    }

    /// Kills nginx: new connections are refused, established ones are reset.
    ///
    /// # Errors
    /// When its worker does not end.
    pub fn kill_nginx(&mut self) -> Result<()> {
        let Some(nginx) = self.nginx.take() else { return Ok(()) };
        // SIGTERM to the master is nginx's fast shutdown: it ends the worker at once, open connections or not.
        nginx.stop().with_context(|| format!("nginx of {} did not end", self.name))?;
        Ok(())
    }

    /// Sets the backend's link up or down; up adds the IPv6 addresses and the routes again, which the kernel drops.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn set_link(&self, state: LinkState) -> Result<()> {
        crate::lab::set_uplink(&self.netns, self.leg(), state)
    }

    /// nginx runs as root with one worker and no access log; everything lives in the backend's own folder.
    fn write_site(&self) -> Result<()> {
        let site = self.folder.join("site");
        fs::create_dir_all(&site)?;
        fs::create_dir_all(self.folder.join("tmp"))?;
        fs::write(site.join("index.html"), format!("{}\n", self.name))?;
        // Without content on disk: a file of zeros that takes no space.
        fs::File::create(site.join("large"))?.set_len(LARGE)?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("  {kind}_temp_path tmp/{kind};\n"))
            .collect();
        let text = format!(
            "daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_timeout 3600;
  keepalive_requests 1000000;
{temporary}  server {{
    listen 80 backlog=4096;
    listen [::]:80 ipv6only=on backlog=4096;
    root site;
    add_header {HEADER} {} always;
  }}
}}
",
            self.name
        );
        fs::write(self.folder.join("nginx.conf"), text).context("cannot write nginx.conf")
    }
}
