//! The commands around certificates.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use guideway_controller_core::ForwarderName;

use crate::ca::{Authority, FORWARDER_LIFE, Tokens};
use crate::cli::Ca;
use crate::config::Config;
use crate::files;

/// Does what the command says.
///
/// # Errors
///
/// When the configuration is wrong or the folder cannot be read or written.
pub fn ca(command: Ca) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let folder = |path: &Path| Ok::<_, anyhow::Error>(Config::load(path)?.ca.folder);
    let mut out = std::io::stdout();
    match command {
        Ca::Init { config } => {
            let folder = folder(&config)?;
            Authority::init(&folder, now)?;
            writeln!(out, "{}: the authority is made; all controllers need this folder", folder.display())?;
        }
        Ca::Token { config, name, minutes } => {
            let life = Duration::from_secs(u64::from(minutes) * 60);
            let token = Tokens::new(&folder(&config)?).make(&ForwarderName::new(&name)?, now, life)?;
            writeln!(out, "{token}")?;
        }
        Ca::Forwarder { config, name, out: to } => {
            let name = ForwarderName::new(&name)?;
            let authority =
                Authority::open(&folder(&config)?)?.context("this folder has no key that signs")?;
            let leaf = authority.forwarder(&name, now, FORWARDER_LIFE)?;
            files::write(&to.join(format!("{name}.key")), &leaf.key)?;
            files::write(&to.join(format!("{name}.crt")), &leaf.certificate)?;
            writeln!(out, "{}: {name}.crt and {name}.key", to.display())?;
        }
    }
    Ok(())
}
