//! The machine's only file system.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use guideway_vm::plan::Plan;

use super::archive::Archive;
use super::binaries::{self, Binaries};
use super::kernel::Kernel;
use super::{libraries, modules};
use crate::{process, repo};

/// Commands that tests and traffic call. The others are BusyBox's, whose shell and `nsenter` would take its own before
/// any of these.
const COMMANDS: [&str; 15] = [
    "sh", "nsenter", "ip", "ss", "tc", "ethtool", "sysctl", "bird", "birdc", "nginx", "wrk", "curl",
    "tcpdump", "ipvsadm", "bpftool",
];

/// Folders of Debian's that are links into `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// The first process. What it says goes to the console, events to the second serial port. The first tests ask for devices at the
/// same time: whoever asks while the module for it is being loaded would be told that there is none.
const INIT: &str = "#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mkdir -p /run/lock /tmp/nginx
hostname guideway
ip link set lo up
for module in veth dummy tun; do modprobe $module; done
stty -F /dev/ttyS1 raw -echo
GUIDEWAY_VM /plan.json >/dev/ttyS1
echo \"guideway-vm ended with $?\"
poweroff -f
";

/// Writes the image.
pub(super) fn build(image: &Path, kernel: &Kernel, binaries: &Binaries, plan: &Plan) -> Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(image).context("make the image")?));
    for folder in MERGED {
        archive.directory(&Path::new("usr").join(folder))?;
        archive.link(Path::new(folder), &format!("usr/{folder}"))?;
    }
    for folder in ["dev", "proc", "sys", "tmp", "run", "root", "var/log/nginx", "var/lib/nginx", "var/tmp"] {
        archive.directory(Path::new(folder))?;
    }
    archive.link(Path::new("var/run"), "/run")?;
    archive.console()?;
    archive.file(
        Path::new("etc/passwd"),
        0o644,
        b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    )?;
    archive.file(Path::new("etc/group"), 0o644, b"root:x:0:\nnogroup:x:65534:\n")?;
    archive.file(Path::new("etc/hosts"), 0o644, b"127.0.0.1 localhost\n")?;

    let commands = COMMANDS.iter().filter_map(|name| find(name)).collect::<Vec<_>>();
    for command in &commands {
        archive.copy(&merged(command), command)?;
    }
    busybox(&mut archive)?;
    let ours = own(&mut archive, image, binaries)?;
    for library in libraries::of(&[commands, ours].concat())? {
        archive.copy(&merged(&library), &library)?;
    }
    packages(&mut archive)?;

    let target = Path::new("usr/lib/modules").join(&kernel.release);
    for module in modules::wanted(&kernel.modules)? {
        archive.copy(&target.join(&module), &kernel.modules.join(&module))?;
    }
    for list in ["modules.dep", "modules.alias", "modules.symbols"] {
        archive.copy(&target.join(list), &kernel.modules.join(list))?;
    }

    let program = binaries.folder.join("guideway-vm");
    let init = INIT.replace("GUIDEWAY_VM", &program.to_string_lossy());
    archive.file(Path::new("init"), 0o755, init.as_bytes())?;
    archive.file(Path::new("plan.json"), 0o644, &serde_json::to_vec(plan)?)?;
    let size = archive.end()?;
    eprintln!("    {} MB", size / 1_000_000);
    Ok(())
}

/// Our programs and tests with their files, all where they are on the host: tests have that path compiled in.
fn own<W: std::io::Write>(
    archive: &mut Archive<W>,
    image: &Path,
    binaries: &Binaries,
) -> Result<Vec<PathBuf>> {
    let folder = image.with_file_name("stripped");
    let mut ours = binaries.programs();
    ours.extend(binaries.packet.iter().chain(&binaries.e2e).map(|test| test.binary.clone()));
    for binary in &ours {
        archive.copy(binary, &binaries::stripped(binary, &folder)?)?;
    }
    let root = repo::root();
    for folder in ["tests/packet", "tests/decap", "ebpf/obj", "deploy/pktgen"] {
        for file in repo::files_below(&root.join(folder), &["src", "target"])? {
            if file.extension().is_none_or(|extension| extension != "rs") {
                archive.copy(&file, &file)?;
            }
        }
    }
    // A test may be run in the folder of its package.
    for test in binaries.packet.iter().chain(&binaries.e2e) {
        archive.directory(&test.directory)?;
    }
    Ok(ours)
}

/// BusyBox under every name that it has and nobody took before.
fn busybox<W: std::io::Write>(archive: &mut Archive<W>) -> Result<()> {
    let path = find("busybox").context("busybox is not installed")?;
    archive.copy(Path::new("usr/bin/busybox"), &path)?;
    for name in process::output(Command::new(path).arg("--list"))?.lines() {
        archive.link(&Path::new("usr/bin").join(name), "busybox")?;
    }
    // Here the kernel looks for it.
    archive.link(Path::new("usr/sbin/modprobe"), "/usr/bin/busybox")
}

/// Files that the commands read.
fn packages<W: std::io::Write>(archive: &mut Archive<W>) -> Result<()> {
    for folder in ["/usr/lib/tc", "/etc/iproute2"] {
        let folder = Path::new(folder);
        if folder.is_dir() {
            for file in repo::files_below(folder, &[])? {
                archive.copy(&file, &file)?;
            }
        }
    }
    Ok(())
}

/// A command of this host.
fn find(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}

/// The path without the links of [`MERGED`].
fn merged(path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap_or(path);
    let first = inside.components().next().map(|part| part.as_os_str().to_owned());
    if first.is_some_and(|first| MERGED.iter().any(|folder| first == *folder)) {
        Path::new("usr").join(inside)
    } else {
        inside.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_do_not_go_through_links() {
        assert_eq!(merged(Path::new("/lib64/ld.so")), Path::new("usr/lib64/ld.so"));
        assert_eq!(merged(Path::new("/usr/lib/x.so")), Path::new("usr/lib/x.so"));
        assert_eq!(merged(Path::new("/library/x")), Path::new("library/x"));
    }
}
