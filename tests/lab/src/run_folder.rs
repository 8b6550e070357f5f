//! The folder of one lab: configurations, sockets and the logs of every process.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::LabId;

/// Lines of each log that a failed run prints.
const TAIL: usize = 12;

/// The folder of one lab, `<temporary folder>/guideway-lab/gw-<id>`.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder and notes its owner in it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn create(id: LabId) -> Result<Self> {
        let path = base().join(id.prefix());
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let birth = crate::sweep::birth(id.owner).unwrap_or_default();
        // By rename: who sweeps at this moment must not take an empty file for that of a dead owner.
        let draft = path.join("owner.new");
        fs::write(&draft, format!("{birth}\n"))?;
        fs::rename(&draft, path.join("owner"))?;
        Ok(Self { path })
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for one node, made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn node(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Marks the lab as kept: it stays when its owner ends.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn mark_kept(&self) -> Result<()> {
        fs::write(self.path.join("keep"), "").context("cannot mark the lab as kept")
    }

    /// Moves the folder out of the way of the next sweep, so that the logs of a failure stay for a day.
    pub fn keep_logs(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let kept = base().join(format!("failed-{name}"));
        let _ = fs::remove_dir_all(&kept);
        match fs::rename(&self.path, &kept) {
            Ok(()) => kept,
            Err(_) => self.path.clone(),
        }
    }

    /// The last lines of every log, for the output of a failed run.
    #[must_use]
    pub fn tails(&self) -> String {
        let mut text = String::new();
        for log in logs(&self.path) {
            let content = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
            if content.trim().is_empty() {
                continue;
            }
            let lines: Vec<&str> = content.lines().collect();
            let first = lines.len().saturating_sub(TAIL);
            text.push_str(&format!("--- {} ({} lines)\n", log.display(), lines.len()));
            for line in &lines[first..] {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}

/// The folder of all labs.
#[must_use]
pub fn base() -> PathBuf {
    std::env::temp_dir().join("guideway-lab")
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(logs(&path));
        } else if path.extension().is_some_and(|extension| extension == "log") {
            found.push(path);
        }
    }
    found.sort();
    found
}
