//! Clusters, controller, Pods and forwarders, all up.

use anyhow::{Result, ensure};
use guideway_lab::process::Process;
use guideway_lab::scenario::in_bare_lab;
use guideway_lab::{Lab, LabSpec, wait};
use serde_json::Value;

use super::objects::{Endpoint, service, slice_of};
use super::{Cluster, Controller, Decap, follow, pod};

/// A Pod on each of be1, be2 and be3.
pub const PODS: [&str; 3] = ["10.244.1.10", "10.244.2.10", "10.244.3.10"];
/// The same Pods' other addresses.
pub const PODS_V6: [&str; 3] = ["fd44:1::10", "fd44:2::10", "fd44:3::10"];

/// How a forwarder is started.
pub type Follow = fn(&mut Lab, usize, &Controller) -> Result<()>;

/// Two clusters: Pods on be1 and be2 belong to east, the one on be3 to west. Or east alone, which has all.
pub struct Plane {
    pub east: Cluster,
    west: Option<Cluster>,
    pub controller: Controller,
    _decaps: Vec<Decap>,
}

impl Plane {
    /// With this many clusters, one or two, and these objects in place of or besides those of every lab.
    pub fn start(lab: &mut Lab, clusters: usize, objects: &[Value], follow: Follow) -> Result<Self> {
        let east = Cluster::start(lab, "east", 6443)?;
        let west = if clusters > 1 { Some(Cluster::start(lab, "west", 6444)?) } else { None };
        let all: Vec<&Cluster> = std::iter::once(&east).chain(&west).collect();
        let controller = Controller::start(lab, &all, objects)?;
        let mut decaps = Vec::new();
        for (at, (v4, v6)) in PODS.iter().zip(PODS_V6).enumerate() {
            pod(lab, at, v4)?;
            pod(lab, at, v6)?;
            decaps.push(Decap::start(lab, at, west.as_ref().filter(|_| at == 2).unwrap_or(&east))?);
        }
        for at in 0..lab.forwarders.len() {
            follow(lab, at, &controller)?;
        }
        Ok(Self { east, west, controller, _decaps: decaps })
    }

    /// The second cluster.
    ///
    /// # Panics
    /// When there is none: a mistake in the test.
    pub fn west(&self) -> &Cluster {
        self.west.as_ref().expect("there is one cluster only")
    }

    /// [`west`](Self::west), to end and start it.
    ///
    /// # Panics
    /// When there is none: a mistake in the test.
    pub fn west_mut(&mut self) -> &mut Cluster {
        self.west.as_mut().expect("there is one cluster only")
    }

    /// The Service `web` on be1 and be2, announced by all forwarders; its address.
    pub fn web(&self, lab: &Lab) -> Result<String> {
        self.east.apply(&[service("web"), web_on(&[0, 1])])?;
        let address = self.east.addresses("default", "web")?.remove(0);
        lab.wait_for_all_legs(address.parse()?)?;
        Ok(address)
    }
}

/// The slice of `web`, with the Pods on these backends; those on the others drain, as they do when Kubernetes is about to end
/// them: who does not know yet may send them more.
pub fn web_on(backends: &[usize]) -> Value {
    const NODES: [&str; 3] = ["be1", "be2", "be3"];
    let endpoint = |at| if backends.contains(&at) { Endpoint::Ready } else { Endpoint::Drains };
    let pods: Vec<_> = (0..3).map(|at| (PODS[at], NODES[at], endpoint(at))).collect();
    slice_of("web", "a", &pods)
}

/// Runs a scenario with two clusters.
pub fn in_two_clusters(scenario: impl FnOnce(&mut Lab, &mut Plane) -> Result<()>) {
    in_plane_with(2, follow, scenario);
}

/// Runs a scenario with one cluster.
pub fn in_plane(scenario: impl FnOnce(&mut Lab, &mut Plane) -> Result<()>) {
    in_plane_with(1, follow, scenario);
}

/// Runs a scenario with one cluster, which has these objects from the beginning.
pub fn in_plane_of(objects: &[Value], scenario: impl FnOnce(&mut Lab, &mut Plane) -> Result<()>) {
    in_bare_lab(&LabSpec::default(), |lab| {
        let mut plane = Plane::start(lab, 1, objects, follow)?;
        scenario(lab, &mut plane)
    });
}

/// Runs a scenario with forwarders that are started otherwise.
pub fn in_plane_with(
    clusters: usize,
    follow: Follow,
    scenario: impl FnOnce(&mut Lab, &mut Plane) -> Result<()>,
) {
    in_bare_lab(&LabSpec::default(), |lab| {
        let mut plane = Plane::start(lab, clusters, &[], follow)?;
        scenario(lab, &mut plane)
    });
}

/// Requests that go on while something else happens: curl again and again, each time from another port. (One that is used
/// again on another backend, and was given up by the client, is taken for the earlier connection there.)
pub struct Requests(Vec<Process>);

impl Requests {
    /// New connections to port 8080 of an address. The name is that of their output.
    pub fn start(lab: &Lab, name: &str, address: &str) -> Result<Self> {
        let script = format!(
            "while :; do curl -sS --max-time 20 http://{address}:8080/ || echo failed: $?; sleep 0.02; done"
        );
        let folder = lab.folder().node("client")?;
        let start = |number| {
            let mut command = lab.client.netns().command("sh");
            command.args(["-c", &script]);
            Process::spawn_with_output(&format!("{name}-{number}"), command, &folder)
        };
        let mut requests = Self((0..2).map(start).collect::<Result<_>>()?);
        requests.wait_round()?;
        Ok(requests)
    }

    fn counts(&self) -> Vec<usize> {
        self.0.iter().map(|process| process.stdout().lines().count()).collect()
    }

    /// Waits until some more have begun and ended.
    pub fn wait_round(&mut self) -> Result<()> {
        let before = self.counts();
        let is_over = || self.counts().iter().zip(&before).all(|(now, before)| *now >= before + 10);
        wait::until_true("more requests", super::PATIENCE, || Ok(is_over())).map(drop)
    }

    /// Ends them; each was answered, by one of `backends`.
    pub fn expect_answered(self, what: &str, backends: &[&str]) -> Result<()> {
        for process in &self.0 {
            let text = process.stdout();
            let strange: Vec<&str> = text.lines().filter(|line| !backends.contains(line)).collect();
            let count = text.lines().count();
            ensure!(strange.is_empty(), "{what}: of {count} requests: {strange:?}; {}", process.log_text());
        }
        Ok(())
    }
}
