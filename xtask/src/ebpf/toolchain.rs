//! The toolchain that makes the objects.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// The version of bpf-linker that understands [`LLVM`].
const LINKER_VERSION: &str = "0.13.0";
/// Where Debian's LLVM 22 lies; rustc-web has the same.
const LLVM: &str = "/usr/lib/llvm-22";

/// Variables by which another toolchain, or flags that change what is compiled, would get in.
const FOREIGN: &[&str] = &[
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_",
];

/// A toolchain that is there.
pub(crate) struct Toolchain {
    versions: String,
}

impl Toolchain {
    /// Debian's, which is not the one that builds the rest.
    pub(crate) fn installed() -> Result<Self> {
        let rustc = process::output(Command::new("/usr/bin/rustc").arg("-V"))?;
        let llvm = process::output(Command::new(Path::new(LLVM).join("bin/llvm-config")).arg("--version"))?;
        let linker = process::output(Command::new("bpf-linker").arg("--version"))?;
        if linker.trim() != format!("bpf-linker {LINKER_VERSION}") {
            bail!("the bpf-linker in the PATH is {}, not {LINKER_VERSION}", linker.trim());
        }
        // "rustc 1.96.0 (hash date) (built from ...)": what follows the date says nothing about the code it makes.
        let rustc = rustc.trim().split_inclusive(')').next().unwrap_or_default().to_owned();
        Ok(Self { versions: format!("{rustc}, LLVM {}, {}", llvm.trim(), linker.trim()) })
    }

    /// Versions of everything that the bytes of an object depend on.
    pub(crate) fn versions(&self) -> &str {
        &self.versions
    }

    /// Cargo with this toolchain and nothing of the one that runs us. Settings of registries and proxies stay.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("/usr/bin/cargo");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text == "CARGO" || FOREIGN.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .env("RUSTC", "/usr/bin/rustc")
            // `-Z build-std` on a stable toolchain: `core` for the eBPF target is not shipped.
            .env("RUSTC_BOOTSTRAP", "1");
        command
    }

    /// A program of LLVM.
    pub(crate) fn llvm(&self, program: &str) -> Command {
        Command::new(Path::new(LLVM).join("bin").join(program))
    }
}

/// Whether bpf-linker is there in the version that we need.
pub(crate) fn linker_is_there() -> bool {
    process::output(Command::new("bpf-linker").arg("--version"))
        .is_ok_and(|version| version.trim() == format!("bpf-linker {LINKER_VERSION}"))
}

/// Installs bpf-linker, linked with Debian's LLVM. Uses the Rust that runs us.
pub(crate) fn linker_install_command() -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(PathBuf::from(LLVM).join("bin")).chain(std::env::split_paths(&path));
    let mut command = Command::new("cargo");
    command
        .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked", "--force"])
        .args(["--no-default-features", "--features", "llvm-22"])
        .env_remove("CARGO_TARGET_DIR")
        .env("LLVM_SYS_221_PREFIX", LLVM)
        .env("LLVM_PREFIX", LLVM);
    if let Ok(path) = std::env::join_paths(path) {
        command.env("PATH", path);
    }
    command
}
