//! The other kernel: Debian's package for clouds, unpacked into the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Packages of the oldest kernel that is supported.
const PACKAGES: &str = r"^linux-image-6\.1\.0-[0-9]+-cloud-amd64$";
const PREFIX: &str = "linux-image-";

/// An unpacked kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// As `uname -r` says.
    pub(super) release: String,
    /// What is booted.
    pub(super) image: PathBuf,
    /// The folder `lib/modules/RELEASE`, with the list of dependencies.
    pub(super) modules: PathBuf,
}

/// Downloads and unpacks the newest one, or takes the one that is there.
pub(super) fn fetch(folder: &Path) -> Result<Kernel> {
    if let Some(kernel) = unpacked(folder)? {
        return Ok(kernel);
    }
    let package = match newest()? {
        Some(package) => package,
        None => {
            eprintln!("==> read Debian's package lists (apt-get update)");
            process::run(apt().arg("update"))?;
            newest()?.with_context(|| format!("apt knows no package {PACKAGES}; is this Debian 12?"))?
        }
    };
    eprintln!("==> download {package} (apt-get download; it is only unpacked, not installed)");
    let download = folder.join("download");
    let _ = fs::remove_dir_all(&download);
    fs::create_dir_all(&download).with_context(|| format!("make {}", download.display()))?;
    process::run(apt().args(["-o", "APT::Sandbox::User=root", "download", &package]).current_dir(&download))?;
    let archive = fs::read_dir(&download)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get downloaded nothing")?;
    let tree = download.join("tree");
    process::run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&tree))?;
    let release = package.trim_start_matches(PREFIX);
    // The package leaves this to its installation.
    process::run(Command::new("busybox").args(["depmod", "-b"]).arg(&tree).arg(release))?;
    // Whole or not at all.
    fs::rename(&tree, folder.join(&package)).context("move the unpacked kernel")?;
    let _ = fs::remove_dir_all(&download);
    unpacked(folder)?.with_context(|| format!("{package} has no kernel in it"))
}

/// `apt-get`, which leaves standard output to our results.
fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "Acquire::Retries=3"]).stdout(std::io::stderr());
    command
}

/// The newest kernel in the folder.
fn unpacked(folder: &Path) -> Result<Option<Kernel>> {
    let mut packages: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    packages.sort_by_key(|package| number(package));
    let Some(package) = packages.pop() else { return Ok(None) };
    let release = package.trim_start_matches(PREFIX).to_owned();
    let tree = folder.join(&package);
    let image = tree.join(format!("boot/vmlinuz-{release}"));
    let modules = tree.join("lib/modules").join(&release);
    for path in [&image, &modules.join("modules.dep")] {
        if !path.exists() {
            bail!("{} is missing: remove {} and try again", path.display(), tree.display());
        }
    }
    Ok(Some(Kernel { release, image, modules }))
}

/// The newest package that apt knows.
fn newest() -> Result<Option<String>> {
    let found = process::output(Command::new("apt-cache").args(["search", "--names-only", PACKAGES]))?;
    let names = found.lines().filter_map(|line| line.split(' ').next());
    Ok(names.max_by_key(|name| number(name)).map(str::to_owned))
}

/// The number behind the version, which counts a kernel's changes.
fn number(package: &str) -> u32 {
    package.split('-').filter_map(|part| part.parse().ok()).next_back().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_one_with_the_greatest_number() {
        let names = ["linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-10-cloud-amd64"];
        assert_eq!(names.map(number), [9, 10]);
    }
}
