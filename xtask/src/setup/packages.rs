//! Debian packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Mode, Need, Purpose, is_root};
use crate::process;

/// A Debian package, one of its programs, and why it is needed.
struct Package {
    name: &'static str,
    program: &'static str,
    why: &'static str,
    /// Services of systemd that it brings along and that nobody wants here.
    services: &'static [&'static str],
}

const fn package(name: &'static str, program: &'static str, why: &'static str) -> Package {
    Package { name, program, why, services: &[] }
}

impl Package {
    /// The package starts these services, now and at every boot, unless it is kept from it.
    const fn with_services(self, services: &'static [&'static str]) -> Self {
        Self { services, ..self }
    }
}

/// For a lab with traffic.
const LAB: &[Package] = &[
    package("iproute2", "ip", "makes the network namespaces, links and routes of the lab"),
    package("ethtool", "ethtool", "switches checksum and receive offloads of the lab's links"),
    package("procps", "sysctl", "switches forwarding and multipath hashing on in the lab's router"),
    package("bird2", "bird", "is the router that the speakers talk BGP to").with_services(&["bird"]),
    package("nginx-light", "nginx", "serves HTTP on the lab's backends").with_services(&["nginx"]),
    package("wrk", "wrk", "makes the HTTP load"),
    package("curl", "curl", "makes a single request, by a test or by hand in a lab that is kept"),
    package("tcpdump", "tcpdump", "shows the path of a request by capture"),
];

/// For measurements.
const BENCH: &[Package] = &[package("iproute2", "ip", "makes the link that test packets seem to come in by")];

/// For the end-to-end tests only.
const TEST: &[Package] = &[
    package("frr", "/usr/lib/frr/bgpd", "is the second router of the lab and a daemon of the interop matrix")
        .with_services(&["frr"]),
    package("gobgpd", "gobgpd", "is a daemon of the interop matrix").with_services(&["gobgpd"]),
    package("openbgpd", "/usr/sbin/bgpd", "is a daemon of the interop matrix")
        .with_services(&["openbgpd", "bgplgd"]),
    package("exabgp", "exabgp", "is a daemon of the interop matrix").with_services(&["exabgp"]),
    package("nftables", "nft", "cuts links silently and makes BGP connections collide"),
    package("etcd-server", "etcd", "is the store of an orchestrator with several servers")
        .with_services(&["etcd"]),
    package("etcd-client", "etcdctl", "adds and removes members of that store"),
    package("kubernetes-client", "kubectl", "is the client that types the commands of tests/kube"),
];

/// For building the programs of the kernel. `/usr/bin/cargo` and `/usr/bin/rustc` do not disturb a rustup.
const EBPF: &[Package] = &[
    package(
        "rustc-web",
        "/usr/bin/rustc",
        "compiles the eBPF programs; the version is part of the recorded toolchain",
    ),
    package("cargo-web", "/usr/bin/cargo", "drives it"),
    package(
        "rust-web-src",
        "/usr/lib/rustlib/src/rust/library/core/src/lib.rs",
        "is `core`, built for the eBPF target",
    ),
    package(
        "llvm-22-dev",
        "/usr/lib/llvm-22/bin/llvm-config",
        "generates the eBPF instructions (through bpf-linker)",
    ),
    package("clang-22", "/usr/lib/llvm-22/bin/clang", "builds bpf-linker against LLVM"),
    package("zlib1g-dev", "/usr/include/zlib.h", "builds bpf-linker against LLVM"),
];

/// For libFuzzer.
const FUZZ: &[Package] =
    &[package("g++", "g++", "compiles libFuzzer, which the fuzz targets are linked with")];

/// For programs without shared libraries.
const STATIC: &[Package] = &[
    package("musl-tools", "musl-gcc", "compiles the C parts of dependencies for musl"),
    package("binutils", "readelf", "shows whether a program is static"),
];

/// For the other kernel.
const VMTEST: &[Package] = &[
    package("qemu-system-x86", "qemu-system-x86_64", "emulates the machine that runs the other kernel"),
    package("busybox-static", "busybox", "is the shell in it and finds the dependencies of kernel modules"),
    package("ipvsadm", "ipvsadm", "sets up the kernel's own load balancer, for comparison"),
    package("binutils", "strip", "makes the programs smaller that go into it"),
];

fn packages(purpose: Purpose) -> Vec<&'static Package> {
    let groups: &[&[Package]] = match purpose {
        Purpose::Demo => &[LAB],
        Purpose::Test => &[LAB, TEST, EBPF, FUZZ],
        Purpose::TestNoRoot => &[],
        Purpose::Bench => &[BENCH],
        Purpose::BenchBgp => &[LAB, TEST],
        Purpose::Ebpf => &[EBPF],
        Purpose::Fuzz => &[FUZZ],
        Purpose::Static => &[STATIC],
        Purpose::Vmtest => &[LAB, VMTEST],
        Purpose::All => &[LAB, TEST, EBPF, FUZZ, STATIC, VMTEST],
    };
    groups.iter().flat_map(|group| group.iter()).collect()
}

/// Installs what is missing, or returns it.
pub(super) fn satisfy(purpose: Purpose, mode: Mode) -> Result<Vec<Need>> {
    let missing: Vec<&Package> = packages(purpose).into_iter().filter(|package| !is_there(package)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let debian = is_debian();
    if mode == Mode::Install && debian && is_root() {
        for package in &missing {
            eprintln!("setup: installing {}: it {}", package.name, package.why);
        }
        install(&names)?;
        keep_from_boot(missing.iter().flat_map(|package| package.services));
        return Ok(Vec::new());
    }
    let typed = format!("apt-get update && apt-get install -y --no-install-recommends {}", names.join(" "));
    let mut needs: Vec<Need> = missing
        .iter()
        .map(|package| {
            let name = if debian {
                format!("package {}", package.name)
            } else {
                format!("program {} (package {} in Debian 12)", package.program, package.name)
            };
            Need { name, why: format!("it {}", package.why), remedy: None }
        })
        .collect();
    if let (true, Some(last)) = (debian, needs.last_mut()) {
        last.remedy = Some(typed);
    }
    Ok(needs)
}

/// Whether the package is installed, or somebody installed its program in another way.
fn is_there(package: &Package) -> bool {
    let status =
        process::output(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package.name]));
    match status {
        Ok(status) if status == "installed" => return true,
        // A path stands for this very package: another rustc in its place would be another toolchain.
        _ if package.program.starts_with('/') => return !is_debian() && Path::new(package.program).exists(),
        _ => {}
    }
    // Debian keeps the programs of administrators out of the PATH of others.
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .any(|folder| folder.join(package.program).is_file())
}

fn is_debian() -> bool {
    Path::new("/usr/bin/dpkg-query").exists()
}

fn install(names: &[&str]) -> Result<()> {
    let _quiet = NoServiceStarts::begin()?;
    let apt = |args: &[&str]| {
        process::run(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"])
                .args(args)
                // Standard output is the command's own, which may be JSON.
                .stdout(std::io::stderr()),
        )
    };
    apt(&["update"]).context("cannot read the package lists; is the network there?")?;
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(names);
    apt(&args).with_context(|| format!("cannot install {}", names.join(" ")))
}

/// [`NoServiceStarts`] is over by the next boot. Only packages that were just installed are treated so.
fn keep_from_boot<'a>(services: impl Iterator<Item = &'a &'static str>) {
    for service in services {
        let disabled = process::output(Command::new("systemctl").args(["disable", "--quiet", service]));
        if let (Err(error), true) = (disabled, Path::new("/run/systemd/system").exists()) {
            eprintln!("setup: {service} may start at the next boot: {error:#}");
        }
    }
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_MARK: &str = "# made by `cargo xtask setup`";

/// While it lives, packages do not start their services: a BIRD or nginx of the machine's own would be in the way.
///
/// The policy script denies only while our process lives, so that it harms nobody when we are killed.
struct NoServiceStarts;

impl NoServiceStarts {
    fn begin() -> Result<Option<Self>> {
        match std::fs::read_to_string(POLICY) {
            Ok(text) if !text.contains(POLICY_MARK) => return Ok(None),
            _ => {}
        }
        let script =
            format!("#!/bin/sh\n{POLICY_MARK}\n[ -d /proc/{} ] && exit 101\nexit 0\n", std::process::id());
        std::fs::write(POLICY, script).with_context(|| format!("cannot write {POLICY}"))?;
        process::run(Command::new("chmod").args(["755", POLICY]))?;
        Ok(Some(Self))
    }
}

impl Drop for NoServiceStarts {
    fn drop(&mut self) {
        // If it stays, it allows everything once we are gone.
        let _ = std::fs::remove_file(POLICY);
    }
}
