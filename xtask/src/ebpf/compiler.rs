//! Stands between cargo and rustc while the objects are built, so that they do not depend on where the tree lies.
//!
//! Cargo puts a hash of a package's absolute path into `-C metadata`, and rustc puts that into the name of every symbol
//! that is not exported. Two clones in different folders would give objects that differ in these names alone. So cargo
//! calls us in place of rustc (`RUSTC_WRAPPER`), and we replace the hash by the package's name and version.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Set for cargo, and thus for us when cargo calls us.
pub(super) const SWITCH: &str = "GUIDEWAY_XTASK_IS_RUSTC_WRAPPER";
/// The target of the programs.
pub(super) const TARGET: &str = "bpfel-unknown-none";

/// When cargo called us in place of rustc: runs rustc and returns its status. Otherwise none.
pub(crate) fn act_as_compiler() -> Option<ExitCode> {
    std::env::var_os(SWITCH)?;
    let mut args = std::env::args_os().skip(1);
    let Some(rustc) = args.next() else {
        return Some(ExitCode::FAILURE);
    };
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    match Command::new(&rustc).args(without_place(args.collect(), &version)).status() {
        Ok(status) => Some(
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        ),
        Err(error) => {
            eprintln!("cannot start {}: {error}", rustc.to_string_lossy());
            Some(ExitCode::FAILURE)
        }
    }
}

/// Replaces `metadata=` when the target is ours.
fn without_place(mut args: Vec<OsString>, version: &str) -> Vec<OsString> {
    let for_target = args.windows(2).any(|pair| pair[0] == "--target" && pair[1] == TARGET);
    let name = args
        .windows(2)
        .find(|pair| pair[0] == "--crate-name")
        .map(|pair| pair[1].to_string_lossy().into_owned());
    if let (true, Some(name)) = (for_target, name) {
        for arg in &mut args {
            if arg.to_string_lossy().starts_with("metadata=") {
                *arg = format!("metadata={name}-{version}").into();
            }
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_the_metadata_of_the_target_is_replaced() {
        let line = "--crate-name abi --target bpfel-unknown-none -C metadata=0123 -C extra-filename=-0123";
        assert_eq!(
            without_place(words(line), "0.1.0"),
            words(
                "--crate-name abi --target bpfel-unknown-none -C metadata=abi-0.1.0 -C extra-filename=-0123"
            )
        );
        let host = "--crate-name build_script_build -C metadata=0123";
        assert_eq!(without_place(words(host), "0.1.0"), words(host));
    }
}
