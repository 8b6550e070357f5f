//! Reads a configuration file.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use guideway_abi::Capacities;
use guideway_dataplane_config::{Config, MAX_FILE_BYTES};

use crate::desired::{Link, desired};
use crate::error::chain;
use crate::health::Health;

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
pub fn load(path: &Path) -> Loaded {
    let name = path.display().to_string();
    match read(path) {
        Ok(text) => {
            let config = Config::parse(&name, &text)
                .map_err(|errors| errors.problems().iter().map(ToString::to_string).collect())
                .and_then(|config| fits(&name, config));
            Loaded { config, text }
        }
        Err(error) => {
            Loaded { config: Err(vec![format!("{name}: cannot be read: {error}")]), text: String::new() }
        }
    }
}

/// Refuses what no plan can be made for: more than the limits allow.
fn fits(name: &str, config: Config) -> Result<Config, Vec<String>> {
    let any_link = |_: &str| Ok::<_, Infallible>(Link { ifindex: 1, mac: [0; 6] });
    let Ok(desired) = desired(&config, |_| Some(Health::Healthy), any_link);
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
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    // One more than is allowed, so that the parser can tell that there is too much.
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} is not UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_files_are_errors_with_their_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.yaml");
        let errors = load(&path).config.unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with(&format!("{}: cannot be read: No such file", path.display())),
            "{errors:?}"
        );
        std::fs::write(&path, b"seed: \xff").unwrap();
        let errors = load(&path).config.unwrap_err();
        assert!(errors[0].ends_with("byte 6 is not UTF-8"), "{errors:?}");
    }
}
