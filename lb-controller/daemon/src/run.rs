//! Everything together.

use std::path::Path;

use crate::config::Config;

/// Runs until SIGTERM.
///
/// # Errors
///
/// When the configuration is wrong, or something that is needed at the start cannot be had.
pub async fn run(path: &Path) -> anyhow::Result<()> {
    let _config = Config::load(path)?;
    Ok(())
}
