//! What the kernel must offer and allow.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Mode, Need};
use crate::process;

const BPFFS: &str = "/sys/fs/bpf";

/// Capabilities by their bit in `/proc/self/status`, and why each is needed.
const CAPABILITIES: &[(u32, &str, &str)] = &[
    (12, "CAP_NET_ADMIN", "links and routes are set up and XDP programs are attached"),
    (21, "CAP_SYS_ADMIN", "network namespaces are made and entered"),
    (39, "CAP_BPF", "eBPF programs and maps are loaded"),
];

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    status_field("Uid:").is_some_and(|uids| uids.split_whitespace().nth(1) == Some("0"))
}

/// Mounts the bpffs if need be, and returns what the kernel lacks.
pub(super) fn satisfy(mode: Mode) -> Result<Vec<Need>> {
    if !is_root() {
        return Ok(vec![Need {
            name: "root".into(),
            why: "the lab makes network namespaces and loads eBPF programs \
                  (without root, `cargo xtask test --no-root` checks the rest)"
                .into(),
            remedy: Some(r#"sudo -E env "PATH=$PATH" cargo xtask …"#.into()),
        }]);
    }
    let mut needs = missing_capabilities(&status_field("CapEff:").unwrap_or_default());
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        needs.push(absent("BTF of the kernel (/sys/kernel/btf/vmlinux)", "CONFIG_DEBUG_INFO_BTF"));
    }
    if !Path::new("/proc/sys/net/core/bpf_jit_enable").exists() {
        needs.push(absent("the bpf system call", "CONFIG_BPF_SYSCALL and CONFIG_BPF_JIT"));
    }
    if needs.is_empty() {
        needs.extend(bpffs(mode)?);
        needs.extend(namespaces());
    }
    Ok(needs)
}

fn absent(name: &str, option: &str) -> Need {
    Need {
        name: name.into(),
        why: format!("this kernel is built without {option}; take another"),
        remedy: None,
    }
}

fn missing_capabilities(effective: &str) -> Vec<Need> {
    let effective = u64::from_str_radix(effective.trim(), 16).unwrap_or(0);
    CAPABILITIES
        .iter()
        .filter(|(bit, ..)| effective >> bit & 1 == 0)
        .map(|(_, name, why)| Need {
            name: (*name).into(),
            why: format!("{why}; in a container, allow it (or run privileged)"),
            remedy: None,
        })
        .collect()
}

/// Pins live there, and outlive the process that made them.
fn bpffs(mode: Mode) -> Result<Option<Need>> {
    let mounted =
        fs::read_to_string("/proc/self/mounts").is_ok_and(|mounts| mounts.lines().any(is_mount_of_bpffs));
    if mounted {
        return Ok(None);
    }
    let mut mount = Command::new("mount");
    mount.args(["-t", "bpf", "bpf", BPFFS]);
    if mode == Mode::Install {
        eprintln!("setup: mounting a bpffs at {BPFFS}: programs and maps are pinned there");
        process::run(&mut mount)?;
        return Ok(None);
    }
    Ok(Some(Need {
        name: format!("a bpffs at {BPFFS}"),
        why: "programs and maps are pinned there".into(),
        remedy: Some(process::command_line(&mount)),
    }))
}

fn is_mount_of_bpffs(line: &str) -> bool {
    let mut fields = line.split(' ').skip(1);
    fields.next() == Some(BPFFS) && fields.next() == Some("bpf")
}

/// Makes a namespace with a link in it and removes both.
fn namespaces() -> Option<Need> {
    let name = format!("gw-setup-{}", std::process::id());
    let ip = |args: &[&str]| process::output(Command::new("ip").args(args));
    if let Err(error) = ip(&["netns", "add", &name]) {
        return Some(Need {
            name: "network namespaces".into(),
            why: format!("every machine of the lab is one ({error})"),
            remedy: None,
        });
    }
    let link = ip(&["-n", &name, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"]);
    // Takes the links with it.
    let _ = ip(&["netns", "del", &name]);
    link.err().map(|error| Need {
        name: "veth links".into(),
        why: format!("every cable of the lab is one ({error})"),
        remedy: None,
    })
}

fn status_field(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_their_bits() {
        assert!(missing_capabilities("000001ffffffffff").is_empty());
        let missing = missing_capabilities("\t0000000000001000");
        assert_eq!(
            missing.iter().map(|need| need.name.as_str()).collect::<Vec<_>>(),
            ["CAP_SYS_ADMIN", "CAP_BPF"]
        );
        assert_eq!(missing_capabilities("").len(), CAPABILITIES.len());
    }

    #[test]
    fn a_bpffs_elsewhere_does_not_count() {
        assert!(is_mount_of_bpffs("bpf /sys/fs/bpf bpf rw,relatime 0 0"));
        assert!(!is_mount_of_bpffs("bpf /tmp/x bpf rw,relatime 0 0"));
        assert!(!is_mount_of_bpffs("sysfs /sys/fs/bpf sysfs rw 0 0"));
    }
}
