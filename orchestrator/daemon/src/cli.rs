//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use ipnet::IpNet;

use crate::log::LogFormat;
use crate::pki::CA_LIFE;

/// A Kubernetes control plane in one process.
#[derive(Debug, Parser)]
#[command(name = "orchestrator", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the Kubernetes API and run its controllers
    Server(Box<ServerArgs>),
    /// Write a kubeconfig for a user, with a client certificate of the cluster's authority
    Kubeconfig(KubeconfigArgs),
    /// Write all objects to a file. A server that runs in the folder does it itself and goes on serving
    Backup(BackupArgs),
    /// Make a store from a backup
    Restore(RestoreArgs),
    /// Give space that the store does not need back to the file system
    Defragment(DefragmentArgs),
    /// Print a completion script
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// Where the files of a server are.
#[derive(Clone, Debug, Args)]
pub struct FolderArgs {
    /// Folder of everything that the server keeps: its store, its keys, the kubeconfig
    #[arg(long, env = "ORCHESTRATOR_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Folder of the authority and of the key of service-account tokens [default: DIR/pki]. Servers of one cluster need the
    /// same files
    #[arg(long, value_name = "DIR")]
    pub pki_dir: Option<PathBuf>,
}

/// Where the objects are, if not in the folder.
#[derive(Clone, Debug, Args)]
pub struct EtcdArgs {
    /// Members of an etcd cluster, with commas between them: `https://10.0.0.1:2379,...`. Without it objects are kept in the
    /// data folder
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    pub etcd_servers: Vec<String>,
    /// Certificate of the authority that signs those of the members, PEM
    #[arg(long, value_name = "FILE", requires = "etcd_servers")]
    pub etcd_cafile: Option<PathBuf>,
    /// Client certificate for the members, PEM
    #[arg(long, value_name = "FILE", requires = "etcd_keyfile")]
    pub etcd_certfile: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "etcd_certfile")]
    pub etcd_keyfile: Option<PathBuf>,
    /// Before all keys. Clusters that share an etcd need different ones
    #[arg(long, default_value = "/guideway", value_name = "PREFIX")]
    pub etcd_prefix: String,
}

/// Settings of a server.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Where the files are.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Where the objects are.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// Address that clients connect to
    #[arg(long, default_value = "0.0.0.0:6443", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Address under which other machines and pods reach this server [default: that of --listen, or of the machine's way
    /// out]
    #[arg(long, value_name = "ADDRESS")]
    pub advertise_address: Option<IpAddr>,
    /// More names and addresses for the server's certificate
    #[arg(long, value_delimiter = ',', value_parser = host, value_name = "NAME")]
    pub tls_san: Vec<String>,
    /// Where the kubeconfig of the administrator is written [default: DIR/kubeconfig]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Network of ClusterIPs; a second one of the other family after a comma
    #[arg(long, default_value = "10.96.0.0/16", value_delimiter = ',', value_name = "NETWORK")]
    pub service_cidr: Vec<IpNet>,
    /// Ports of Services of type NodePort
    #[arg(long, default_value = "30000-32767", value_parser = ports, value_name = "FIRST-LAST")]
    pub node_port_range: RangeInclusive<u16>,
    /// How long Events are kept
    #[arg(long, default_value = "1h", value_parser = event_life, value_name = "TIME")]
    pub event_ttl: Duration,
    /// How long requests may take to end when the server stops
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub drain: Duration,
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged, as `info` or `warn,guideway_apiserver=debug`
    #[arg(long, default_value = "info", env = "ORCHESTRATOR_LOG", value_name = "FILTER")]
    pub log: String,
}

/// Whom a kubeconfig is for.
#[derive(Clone, Debug, Args)]
pub struct KubeconfigArgs {
    /// Where the files are.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Name of the user
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub user: String,
    /// Group of the user; can be given twice
    #[arg(long)]
    pub group: Vec<String>,
    /// URL of the server [default: that in the administrator's kubeconfig]
    #[arg(long, value_parser = url, value_name = "URL")]
    pub server: Option<String>,
    /// For how long it is good
    #[arg(long, default_value = "365days", value_parser = life, value_name = "TIME")]
    pub ttl: Duration,
    /// Where it is written [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What to write where.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// Where the files are.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Where the objects are.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// File to write, which must not be there
    pub file: PathBuf,
}

/// What to make from what.
#[derive(Clone, Debug, Args)]
pub struct RestoreArgs {
    /// Where the files are.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Where the objects are to be.
    #[command(flatten)]
    pub etcd: EtcdArgs,
    /// The backup
    pub file: PathBuf,
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub struct DefragmentArgs {
    /// Where the files are.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Where the objects are.
    #[command(flatten)]
    pub etcd: EtcdArgs,
}

impl FolderArgs {
    /// Folder of the authority.
    #[must_use]
    pub fn pki(&self) -> PathBuf {
        self.pki_dir.clone().unwrap_or_else(|| self.data_dir.join("pki"))
    }
}

impl ServerArgs {
    /// Where the administrator's kubeconfig is.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.kubeconfig.clone().unwrap_or_else(|| self.folder.data_dir.join("kubeconfig"))
    }
}

/// The life of a certificate.
fn life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if life.is_zero() || life > CA_LIFE {
        return Err(
            "write a time of 20 years at most, as in 90days: the authority is good for no longer".to_owned()
        );
    }
    Ok(life)
}

fn event_life(text: &str) -> Result<Duration, String> {
    let life = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if life < Duration::from_secs(1) {
        return Err(
            "write a second or more, as in 1h: Events would be gone before anybody sees them".to_owned()
        );
    }
    Ok(life)
}

/// An address, or a name of DNS, which may begin with `*.` in a certificate.
fn host(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_prefix("*.").unwrap_or(text);
    if text.parse::<IpAddr>().is_ok() || text.len() <= 253 && name.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err("write an address or a name of DNS, as in api.example.net".to_owned())
}

fn url(text: &str) -> Result<String, String> {
    let parsed = text.parse::<http::Uri>().ok();
    let is_whole = parsed.is_some_and(|url| url.scheme_str() == Some("https") && url.host().is_some());
    if is_whole {
        Ok(text.to_owned())
    } else {
        Err("write a URL, as in https://api.example.net:6443".to_owned())
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parsed = text
        .split_once('-')
        .and_then(|(first, last)| Some(first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?));
    match parsed {
        Some(range) if *range.start() > 0 && range.start() <= range.end() => Ok(range),
        _ => Err("write the first and the last port, as in 30000-32767".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn certificates_do_not_outlive_their_authority() {
        assert_eq!(life("90days"), Ok(Duration::from_secs(90 * 24 * 3600)));
        for bad in ["", "0s", "21years", "9999years", "1"] {
            assert!(life(bad).is_err(), "{bad}");
        }
        let nobody = ["orchestrator", "kubeconfig", "--data-dir", "x", "--user", ""];
        assert!(Cli::try_parse_from(nobody).is_err());
    }

    #[test]
    fn names_urls_and_lives_of_events() {
        for good in ["api", "api.example.net", "*.example.net", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(host(good), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "-a", "a..b", "a.example.net.", "*.", "a_b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
        assert!(url("https://api.example.net:6443").is_ok());
        for bad in ["", "foo", "http://a", "https://", "https:/a"] {
            assert!(url(bad).is_err(), "{bad}");
        }
        assert!(event_life("1s").is_ok());
        for bad in ["0s", "999ms", "x"] {
            assert!(event_life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn port_ranges() {
        assert_eq!(ports("30000-32767"), Ok(30000..=32767));
        for bad in ["", "1", "2-1", "0-5", "1-70000"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }
}
