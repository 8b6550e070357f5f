//! Network namespaces of a test.

use std::fs::File;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, setns};

/// A named network namespace, removed when dropped.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes one, with its loopback up and source checks off.
    ///
    /// # Errors
    /// When `ip` or `sysctl` fails.
    pub fn new(role: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gwd-{}-{count}-{role}", std::process::id());
        command(&["ip", "netns", "add", &name])?;
        let netns = Self { name };
        netns.run("ip link set lo up")?;
        for setting in
            ["ipv4.conf.all.rp_filter=0", "ipv4.conf.default.rp_filter=0", "ipv6.conf.all.accept_dad=0"]
        {
            netns.run(&format!("sysctl -qw net.{setting}"))?;
        }
        netns.run("sysctl -qw net.ipv6.conf.default.accept_dad=0")?;
        Ok(netns)
    }

    /// The name, as `ip netns` lists it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command given by its words; gives its output.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, words: &str) -> Result<String> {
        let net = format!("--net=/run/netns/{}", self.name);
        let mut all = vec!["nsenter", &net, "--"];
        all.extend(words.split_whitespace());
        command(&all)
    }

    /// Runs something in this namespace, on a thread of its own: sockets and threads that it makes stay here.
    ///
    /// # Errors
    /// When the namespace cannot be entered, and those of `what`.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let file = File::open(format!("/run/netns/{}", self.name))?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET)?;
                what()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _gone = command(&["ip", "netns", "del", &self.name]);
    }
}

fn command(words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().context("no command")?;
    let output = Command::new(program).args(arguments).output().with_context(|| words.join(" "))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {error}", words.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
