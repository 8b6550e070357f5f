//! Reads a configuration file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use guideway_abi::{Capacities, FLOW_WAYS};
use guideway_dataplane_config::{Config, MAX_FILE_BYTES};

use crate::desired::desired;
use crate::error::chain;
use crate::health::Health;

/// Entries of a bucket of the flow table.
#[allow(clippy::cast_possible_truncation)] // four
const ENTRIES: u32 = FLOW_WAYS as u32;

/// A file that was read, good or not.
#[derive(Debug)]
pub struct Loaded {
    /// What it says, or every error, one a line.
    pub config: Result<Config, Vec<String>>,
    /// What it holds, to tell whether it changed. Empty when it could not be read.
    pub text: String,
}

/// Reads and parses `path`. An unreadable file is refused like a wrong one.
#[must_use]
pub fn load(path: &Path, accept: Accept) -> Loaded {
    let name = path.display().to_string();
    let refused = |error: String| Loaded { config: Err(vec![error]), text: String::new() };
    let text = match read(path, accept) {
        Ok(bytes) => decode(bytes),
        Err(error) => return refused(format!("{name}: cannot be read: {error}")),
    };
    match text {
        Ok(text) => Loaded { config: parse(&name, &text), text },
        Err(error) => refused(format!("{name}:{error}")),
    }
}

/// The configuration that `text` is, or every error, one a line. `name` is what errors call it.
///
/// # Errors
///
/// As they are to be shown.
pub fn parse(name: &str, text: &str) -> Result<Config, Vec<String>> {
    Config::parse(name, text)
        .map_err(|errors| errors.problems().iter().map(ToString::to_string).collect())
        .and_then(|config| fits(name, config))
}

/// Refuses what no plan can be made for: more than the limits allow.
fn fits(name: &str, config: Config) -> Result<Config, Vec<String>> {
    let desired = desired(&config, 0, |_| Some(Health::Healthy), Vec::new());
    let errors = guideway_dataplane_plan::validate(&desired, &capacities(&config));
    if errors.is_empty() {
        return Ok(config);
    }
    Err(errors.iter().map(|error| format!("{name}:1:1: {}", chain(error))).collect())
}

/// How many elements the maps of `config` have.
#[must_use]
pub fn capacities(config: &Config) -> Capacities {
    let limits = config.limits();
    Capacities {
        vips: limits.vips,
        backends: limits.backends,
        tables_large: limits.tables_65537,
        tables_small: limits.tables_16381,
        flow_buckets: limits.flows / ENTRIES,
    }
}

/// A pipe or a device may keep its reader waiting for ever. `check` may read one, as its user can see that it waits; the
/// agent may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Nothing but a regular file.
    RegularFile,
    /// Whatever can be read.
    Anything,
}

fn read(path: &Path, accept: Accept) -> io::Result<Vec<u8>> {
    let mut options = File::options();
    options.read(true);
    if accept == Accept::RegularFile {
        // Without this, opening a pipe waits for its other end.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    if accept == Accept::RegularFile && !kind.is_file() && !kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file, or where it stops being one, as `LINE:COLUMN: reason`.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let (good, bad) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        let last = good.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = 1 + String::from_utf8_lossy(last).chars().count();
        let byte = bad.first().copied().unwrap_or_default();
        format!("{line}:{column}: byte {byte:#04x} is not UTF-8: save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_files_are_errors_with_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.yaml");
        let errors = load(&path, Accept::RegularFile).config.unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with(&format!("{}: cannot be read: No such file", path.display())),
            "{errors:?}"
        );
        std::fs::write(&path, b"# \xc3\xa9\n# \xc3\xa9 \xff").unwrap();
        let errors = load(&path, Accept::RegularFile).config.unwrap_err();
        let expected = format!("{}:2:5: byte 0xff is not UTF-8: save the file as UTF-8", path.display());
        assert_eq!(errors, [expected]);
    }

    /// An agent that waits for a pipe's other end follows neither health nor signals.
    #[test]
    fn a_pipe_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [path.as_path(), Path::new("/dev/zero")] {
            let errors = load(path, Accept::RegularFile).config.unwrap_err();
            assert_eq!(errors, [format!("{}: cannot be read: not a regular file", path.display())]);
        }
        let errors = load(dir.path(), Accept::RegularFile).config.unwrap_err();
        assert!(errors[0].contains("cannot be read: Is a directory"), "{errors:?}");
    }
}
