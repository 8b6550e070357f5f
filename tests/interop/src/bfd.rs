//! lb-bfd beside a speaker.

use anyhow::Result;
use guideway_lab::process::Process;
use guideway_lab::{binaries, wait};

use crate::{PATIENCE, Site};

/// Starts lb-bfd where speaker `number` of the site looks for it, counted from 1.
///
/// # Errors
/// When it does not come up.
pub fn start(site: &Site, number: usize) -> Result<Process> {
    let folder = site.folder(&format!("speaker{number}"))?;
    let socket = folder.join("bfd.sock");
    let mut command = site.speakers[number - 1].command(binaries::binary("lb-bfd")?);
    command.arg("run").arg("--socket").arg(&socket);
    let mut process = Process::spawn("lb-bfd", command, &folder)?;
    wait::until_true("lb-bfd to listen", PATIENCE, || {
        process.check_running()?;
        Ok(wait::listens(&socket))
    })?;
    Ok(process)
}
