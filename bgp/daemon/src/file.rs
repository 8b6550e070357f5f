//! Configuration files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use guideway_bgp_config::{Problem, ReadFile};
use thiserror::Error;

/// The longest configuration in octets: some five thousand peers.
const MAX_FILE: u64 = 1 << 20;
/// The longest password file in octets.
const MAX_PASSWORD_FILE: u64 = 4096;

/// Why a file is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is wrong; one line for each problem, as `file:line: field: reason`.
    #[error("{}", show(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of lines.
        problems: Vec<Problem>,
    },
}

/// Reads a file, and the password files that it names, with `parse`.
///
/// # Errors
/// Every problem of the file, each with its line.
pub fn load<C>(
    path: &Path,
    parse: impl FnOnce(&str, ReadFile<'_>) -> Result<C, Vec<Problem>>,
) -> Result<C, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = read_text(path, MAX_FILE).map_err(unreadable)?;
    let read = |file: &Path| read_text(file, MAX_PASSWORD_FILE).map_err(|error| error.to_string());
    parse(&text, &read).map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

/// The text of a file that is a part of a configuration.
///
/// # Errors
/// When it cannot be read, is no regular file, or is too long.
pub fn read(path: &Path) -> io::Result<String> {
    read_text(path, MAX_FILE)
}

/// The text of a regular file. Anything else (a pipe, a device) might never end, or stop the whole daemon at a reload.
fn read_text(path: &Path, max: u64) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    let read = File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if read as u64 > max {
        return Err(io::Error::other(format!("longer than {max} octets")));
    }
    Ok(text)
}

fn show(path: &Path, problems: &[Problem]) -> String {
    let one = |problem: &Problem| format!("{}:{problem}", path.display());
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_reasonable_length_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 5).unwrap(), "12345");
        assert!(read_text(&file, 4).unwrap_err().to_string().contains("longer than 4 octets"));
        assert!(read_text(folder.path(), 4).unwrap_err().to_string().contains("not a regular file"));
        let error = load(&folder.path().join("none"), |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().ends_with("none: cannot be read"));
    }
}
