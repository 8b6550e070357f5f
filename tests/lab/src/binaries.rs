//! Where the daemons under test are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Takes our binaries from this folder from now on; the first call counts.
pub fn use_folder(folder: PathBuf) {
    let _ = FOLDER.set(folder);
}

/// The path of one of our binaries: in the folder of [`use_folder`], else in `GUIDEWAY_BIN_DIR`, else beside the running program (a test runs in `deps/` of the
/// same profile).
///
/// # Errors
/// When it is in neither place; the text says how to build it.
pub fn binary(name: &str) -> Result<PathBuf> {
    let folders = folders()?;
    for folder in &folders {
        let path = folder.join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    let looked = folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
    let package = if name == "guideway-load" { "guideway-lab" } else { name };
    bail!(
        "{name} is not built (looked in {looked}): run `cargo build -p {package}`, or set GUIDEWAY_BIN_DIR to the \
         folder that holds it"
    )
}

fn folders() -> Result<Vec<PathBuf>> {
    if let Some(folder) = FOLDER.get() {
        return Ok(vec![folder.clone()]);
    }
    if let Some(folder) = std::env::var_os("GUIDEWAY_BIN_DIR") {
        return Ok(vec![PathBuf::from(folder)]);
    }
    let exe = std::env::current_exe().context("cannot tell where the running program is")?;
    let folder = exe.parent().unwrap_or(Path::new("/"));
    Ok(match folder.file_name() {
        Some(name) if name == "deps" => vec![folder.parent().unwrap_or(folder).to_path_buf()],
        _ => vec![folder.to_path_buf()],
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_missing_binary_is_named_with_the_way_to_build_it() {
        let error = super::binary("no-such-daemon").unwrap_err().to_string();
        assert!(error.contains("no-such-daemon is not built") && error.contains("cargo build -p"), "{error}");
    }
}
