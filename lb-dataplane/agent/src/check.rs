//! `lb-dataplane check`.

use std::io::{self, Write};
use std::path::Path;

use guideway_dataplane_config::Config;

use crate::load::{Accept, load};

/// Whether a file is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be accepted.
    Good,
    /// It would be refused.
    Bad,
}

/// Checks `path`: a summary and warnings go to `out`, errors to `err`.
///
/// # Errors
///
/// When the output cannot be written.
pub fn check(path: &Path, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Verdict> {
    match load(path, Accept::Anything).config {
        Ok(config) => {
            for warning in config.warnings() {
                writeln!(out, "{warning} (warning)")?;
            }
            writeln!(out, "{}: good: {}", path.display(), summary(&config))?;
            Ok(Verdict::Good)
        }
        Err(errors) => {
            for error in &errors {
                writeln!(err, "{error}")?;
            }
            Ok(Verdict::Bad)
        }
    }
}

/// What a configuration has, in a line.
#[must_use]
pub fn summary(config: &Config) -> String {
    let backends: usize = config.backend_sets().iter().map(|set| set.backends.len()).sum();
    [
        count(config.vips().len(), "VIP"),
        count(config.backend_sets().len(), "backend set"),
        count(backends, "backend"),
        count(config.interfaces().len(), "interface"),
        count(config.warnings().len(), "warning"),
    ]
    .join(", ")
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> (Verdict, String, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.yaml");
        std::fs::write(&path, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let verdict = check(&path, &mut out, &mut err).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&path.display().to_string(), "FILE");
        (verdict, text(out), text(err))
    }

    #[test]
    fn good() {
        let (verdict, out, err) = run(crate::fixtures::CONFIG);
        assert_eq!(
            (verdict, out.as_str(), err.as_str()),
            (Verdict::Good, "FILE: good: 2 VIPs, 1 backend set, 2 backends, 1 interface, 0 warnings\n", "")
        );
    }

    #[test]
    fn bad_files_tell_every_error_with_its_place() {
        let (verdict, out, err) = run("seed: 1\ninterfaces: []\nnonsense: 2\n");
        assert_eq!((verdict, out.as_str()), (Verdict::Bad, ""));
        assert!(err.lines().count() >= 3, "{err}");
        for line in err.lines() {
            assert!(line.starts_with("FILE:"), "{line}");
        }
    }
}
