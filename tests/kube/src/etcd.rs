//! A cluster of real etcd members, whose members change.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use guideway_lab::free_port;

const PATIENCE: Duration = Duration::from_secs(60);

/// Members on loopback, with a folder of their own. They are killed when it is dropped.
pub struct Etcd {
    folder: TempDir,
    members: Vec<Member>,
    started: usize,
}

struct Member {
    name: String,
    client: String,
    child: Child,
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Etcd {
    /// Starts a cluster of that many members, and waits until it serves.
    ///
    /// # Errors
    /// When etcd is not installed or does not come up.
    pub fn start(size: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("guideway-etcd-").tempdir()?;
        let mut etcd = Self { folder, members: Vec::new(), started: 0 };
        let mut names = Vec::new();
        for number in 0..size {
            names.push((format!("m{number}"), url()?, url()?));
        }
        let cluster: Vec<String> = names.iter().map(|(name, _, peer)| format!("{name}={peer}")).collect();
        for (name, client, peer) in names {
            etcd.run(name, client, peer, &cluster.join(","), "new")?;
        }
        etcd.wait("the cluster serves", |etcd| Ok(etcd.leader().is_ok()))?;
        Ok(etcd)
    }

    fn run(&mut self, name: String, client: String, peer: String, cluster: &str, state: &str) -> Result<()> {
        let log = std::fs::File::create(self.folder.path().join(format!("{name}.log")))?;
        let child = Command::new("etcd")
            .args(["--name", &name])
            .args(["--data-dir".as_ref(), self.folder.path().join(&name).as_os_str()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", cluster, "--initial-cluster-state", state])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start etcd: install the Debian package etcd-server")?;
        self.members.push(Member { name, client, child });
        self.started += 1;
        Ok(())
    }

    /// What `--etcd-servers` takes.
    #[must_use]
    pub fn endpoints(&self) -> String {
        let urls: Vec<&str> = self.members.iter().map(|member| member.client.as_str()).collect();
        urls.join(",")
    }

    fn etcdctl(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.endpoints(), "--write-out", "json", "--command-timeout", "3s"])
            .args(arguments)
            .output()
            .context("cannot start etcdctl: install the Debian package etcd-client")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() || !text.trim().is_empty(),
            "etcdctl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(text.trim()).with_context(|| format!("etcdctl {}: {text}", arguments.join(" ")))
    }

    fn wait(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match condition(self) {
                Ok(true) => return Ok(()),
                result if Instant::now() > deadline => {
                    bail!("never: {what} ({:?})", result.err());
                }
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// The place of the leader among the members.
    fn leader(&self) -> Result<usize> {
        let status = self.etcdctl(&["endpoint", "status"])?;
        let leader = status.as_array().into_iter().flatten().find(|member| {
            let status = &member["Status"];
            status["leader"].is_number() && status["leader"] == status["header"]["member_id"]
        });
        let endpoint = leader.and_then(|member| member["Endpoint"].as_str()).context("no leader")?;
        self.members.iter().position(|member| member.client == endpoint).context("an unknown leader")
    }

    /// Kills the leader; it stays a member. Its address stays in [`Etcd::endpoints`] no longer.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_leader(&mut self) -> Result<()> {
        let leader = self.leader()?;
        drop(self.members.remove(leader));
        Ok(())
    }

    /// Adds a member that only listens, and makes it a full one once it has caught up.
    ///
    /// # Errors
    /// When etcd refuses it for long.
    pub fn add(&mut self) -> Result<()> {
        let (name, client, peer) = (format!("m{}", self.started), url()?, url()?);
        self.wait("a learner is added", |etcd| {
            Ok(etcd.etcdctl(&["member", "add", &name, "--learner", "--peer-urls", &peer]).is_ok())
        })?;
        let list = self.etcdctl(&["member", "list"])?;
        let member = |member: &Value| -> Option<(String, String, u64)> {
            let url = member["peerURLs"][0].as_str()?.to_owned();
            let name = member["name"].as_str().filter(|name| !name.is_empty()).unwrap_or(&name).to_owned();
            Some((name, url, member["ID"].as_u64()?))
        };
        let all: Vec<_> = list["members"].as_array().into_iter().flatten().filter_map(member).collect();
        let id = all.iter().find(|(_, url, _)| *url == peer).map(|(.., id)| format!("{id:x}"));
        let id = id.context("the new member is not listed")?;
        let cluster: Vec<String> = all.iter().map(|(name, url, _)| format!("{name}={url}")).collect();
        self.run(name, client, peer, &cluster.join(","), "existing")?;
        self.wait("the learner is promoted", |etcd| {
            // It is refused until the learner has caught up, and once it is one no more.
            let _ = etcd.etcdctl(&["member", "promote", &id]);
            let list = etcd.etcdctl(&["member", "list"])?;
            let mut members = list["members"].as_array().into_iter().flatten();
            let it = members
                .find(|member| member["ID"].as_u64().map(|number| format!("{number:x}")) == Some(id.clone()));
            Ok(it.is_some_and(|member| member["isLearner"] != true))
        })
    }

    /// Takes the oldest running member out of the cluster, then ends it.
    ///
    /// # Errors
    /// When etcd refuses.
    pub fn remove_oldest(&mut self) -> Result<()> {
        let name = self.members.first().context("no member")?.name.clone();
        self.remove(&name)?;
        self.members.retain(|member| member.name != name);
        Ok(())
    }

    /// Takes the members that do not run out of the cluster.
    ///
    /// # Errors
    /// When etcd refuses.
    pub fn remove_dead(&mut self) -> Result<()> {
        let list = self.etcdctl(&["member", "list"])?;
        let names: Vec<String> = list["members"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|member| member["name"].as_str().map(str::to_owned))
            .filter(|name| self.members.iter().all(|member| member.name != *name))
            .collect();
        names.iter().try_for_each(|name| self.remove(name))
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.wait(&format!("{name} is removed"), move |etcd| {
            let list = etcd.etcdctl(&["member", "list"])?;
            let mut members = list["members"].as_array().into_iter().flatten();
            let Some(member) = members.find(|member| member["name"].as_str() == Some(&name)) else {
                return Ok(true);
            };
            let id = format!("{:x}", member["ID"].as_u64().context("a member without an identifier")?);
            etcd.etcdctl(&["member", "remove", &id])?;
            Ok(false)
        })
    }
}

fn url() -> Result<String> {
    Ok(format!("http://127.0.0.1:{}", free_port()?))
}
