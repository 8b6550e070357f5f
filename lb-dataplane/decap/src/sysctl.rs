//! Settings of the receiving interface that direct server return needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A setting that must be in a certain state. For all three, the kernel takes the larger of the values of the interface
/// and of `all` (ip-sysctl of the kernel's documentation), so that setting the interface is enough.
pub(crate) struct Rule {
    setting: &'static str,
    /// Whether the value in force will do.
    suffices: fn(u8) -> bool,
    /// What the interface gets otherwise.
    value: u8,
    /// For the operator.
    pub(crate) why: &'static str,
}

/// For IPv4 VIPs; IPv6 needs none: the kernel answers neighbour solicitations only for addresses of the interface, and
/// has no source check.
pub(crate) const RULES: [Rule; 3] = [
    Rule {
        setting: "arp_ignore",
        suffices: |value| value >= 1,
        value: 1,
        why: "ARP is not answered for the VIPs on lo: the routers lead to them, not this machine",
    },
    Rule {
        setting: "arp_announce",
        suffices: |value| value >= 2,
        value: 2,
        why: "ARP requests for the way back do not claim a VIP as their sender",
    },
    Rule {
        setting: "rp_filter",
        suffices: |value| value != 1,
        value: 2,
        why: "packets of clients are not dropped where the way back to them leaves by another interface",
    },
];

/// The settings below a root, `/proc/sys` but in tests.
pub(crate) struct Sysctl {
    root: PathBuf,
}

/// A setting and the value that it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its path below `/proc/sys`.
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Sysctl {
    /// Of this network namespace.
    pub(crate) fn new() -> Self {
        Self { root: PathBuf::from("/proc/sys") }
    }

    /// The setting of `interface` as it is, if the rule asks for another value.
    pub(crate) fn violated(&self, rule: &Rule, interface: &str) -> anyhow::Result<Option<Present>> {
        let name = name_of(rule, interface);
        let value = self.read(&name)?;
        let in_force = parse(&value, &name)?.max(self.number(&name_of(rule, "all"))?);
        Ok((!(rule.suffices)(in_force)).then_some(Present { name, value }))
    }

    /// Makes the setting of `interface` what the rule asks for; gives the name and the value.
    pub(crate) fn apply(&self, rule: &Rule, interface: &str) -> anyhow::Result<(String, u8)> {
        let name = name_of(rule, interface);
        self.write(&name, &rule.value.to_string())?;
        Ok((name, rule.value))
    }

    /// Gives a setting a value back; false when it is gone with its interface.
    pub(crate) fn restore(&self, name: &str, value: &str) -> anyhow::Result<bool> {
        if !self.path(name).exists() {
            return Ok(false);
        }
        self.write(name, value)?;
        Ok(true)
    }

    fn number(&self, name: &str) -> anyhow::Result<u8> {
        parse(&self.read(name)?, name)
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let text =
            fs::read_to_string(self.path(name)).with_context(|| format!("cannot read {name} of sysctl"))?;
        Ok(text.trim().to_owned())
    }

    fn write(&self, name: &str, value: &str) -> anyhow::Result<()> {
        write(&self.path(name), value).with_context(|| format!("cannot set {name} of sysctl to {value}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Whether a setting is one that the rules give `interface`.
pub(crate) fn belongs_to(name: &str, interface: &str) -> bool {
    RULES.iter().any(|rule| name_of(rule, interface) == name)
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    fs::write(path, value)
}

fn name_of(rule: &Rule, interface: &str) -> String {
    format!("net/ipv4/conf/{interface}/{}", rule.setting)
}

fn parse(value: &str, name: &str) -> anyhow::Result<u8> {
    value.parse().with_context(|| format!("{name} of sysctl is {value:?}, not a small number"))
}

#[cfg(test)]
mod tests {
    use super::{RULES, Sysctl, belongs_to};
    use std::fs;
    use tempfile::TempDir;

    fn sysctl(all: [u8; 3], interface: [u8; 3]) -> (TempDir, Sysctl) {
        let directory = tempfile::tempdir().unwrap();
        for (name, values) in [("all", all), ("eth0.7", interface)] {
            let conf = directory.path().join("net/ipv4/conf").join(name);
            fs::create_dir_all(&conf).unwrap();
            for (setting, value) in ["arp_ignore", "arp_announce", "rp_filter"].iter().zip(values) {
                fs::write(conf.join(setting), format!("{value}\n")).unwrap();
            }
        }
        let sysctl = Sysctl { root: directory.path().to_owned() };
        (directory, sysctl)
    }

    #[test]
    fn only_what_does_not_do_is_changed() {
        for (all, interface, violated) in [
            ([0, 0, 0], [0, 0, 0], [true, true, false]),
            ([0, 0, 1], [0, 1, 0], [true, true, true]),
            ([0, 0, 0], [0, 0, 1], [true, true, true]),
            ([1, 2, 1], [0, 0, 2], [false, false, false]),
            ([0, 0, 0], [2, 2, 2], [false, false, false]),
        ] {
            let (_directory, sysctl) = sysctl(all, interface);
            let found: Vec<bool> =
                RULES.iter().map(|rule| sysctl.violated(rule, "eth0.7").unwrap().is_some()).collect();
            assert_eq!(found, violated, "all {all:?}, interface {interface:?}");
        }
    }

    #[test]
    fn a_change_can_be_undone() {
        let (_directory, sysctl) = sysctl([0; 3], [0, 1, 0]);
        let before = sysctl.violated(&RULES[1], "eth0.7").unwrap().unwrap();
        assert_eq!((before.name.as_str(), before.value.as_str()), ("net/ipv4/conf/eth0.7/arp_announce", "1"));
        sysctl.apply(&RULES[1], "eth0.7").unwrap();
        assert_eq!(sysctl.violated(&RULES[1], "eth0.7").unwrap(), None);
        assert!(sysctl.restore(&before.name, &before.value).unwrap());
        assert_eq!(sysctl.violated(&RULES[1], "eth0.7").unwrap(), Some(before));
        assert!(!sysctl.restore("net/ipv4/conf/gone/arp_announce", "0").unwrap());
    }

    #[test]
    fn settings_are_told_by_interface() {
        assert!(belongs_to("net/ipv4/conf/eth0/rp_filter", "eth0"));
        assert!(!belongs_to("net/ipv4/conf/eth0/rp_filter", "eth1"));
    }
}
