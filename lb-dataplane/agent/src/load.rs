//! Reads a configuration file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use guideway_dataplane_config::{Config, MAX_FILE_BYTES};

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
                .map_err(|errors| errors.problems().iter().map(ToString::to_string).collect());
            Loaded { config, text }
        }
        Err(error) => {
            Loaded { config: Err(vec![format!("{name}: cannot be read: {error}")]), text: String::new() }
        }
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
