//! A control plane in a lab: API servers, the controller, and what nodes need to follow them.
//!
//! All of it runs in the namespace of the ToR, which every node reaches by its own leg.

// Each test uses its part.
#![allow(dead_code, unreachable_pub, missing_docs)]

mod certificates;
pub mod network;
pub mod objects;
pub mod plane;
pub mod udp;
pub mod witness;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use guideway_lab::addresses::{Leg, UPLINK};
use guideway_lab::binaries::binary;
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{Lab, wait};
use nix::sys::signal::Signal;
use serde_json::Value;

pub use certificates::Authority;

/// How long something may take to become so on a machine that compiles at the same time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The port of the controller for forwarders.
pub const PORT: u16 = 9480;
/// That of the second one, where there are two.
pub const SECOND_PORT: u16 = 9482;
/// The port at which forwarders pass connections of others on, unless they are told another one.
pub const RELAY_PORT: u16 = 9490;
/// Where objects of the controller are.
pub const NAMESPACE: &str = "guideway";

/// An API server and its kubectl.
pub struct Cluster {
    pub name: &'static str,
    port: u16,
    netns: Netns,
    folder: PathBuf,
    process: Option<Process>,
}

impl Cluster {
    /// Starts one with an empty store.
    pub fn start(lab: &Lab, name: &'static str, port: u16) -> Result<Self> {
        let netns = lab.tor.netns().clone();
        let folder = lab.folder().node(&format!("cluster-{name}"))?;
        let mut cluster = Self { name, port, netns, folder, process: None };
        cluster.spawn()?;
        Ok(cluster)
    }

    /// Starts the server on the store that there is.
    pub fn spawn(&mut self) -> Result<()> {
        let _ = fs::remove_file(self.kubeconfig());
        let legs = (1..=8).map(Leg::forwarder).chain((1..=9).map(Leg::backend));
        let names: Vec<String> = legs.map(|leg| leg.tor_v4().to_string()).collect();
        let mut command = self.netns.command(binary("orchestrator")?);
        command.arg("server").arg("--data-dir").arg(self.folder.join("data"));
        command.arg("--listen").arg(format!("0.0.0.0:{}", self.port));
        command.arg("--advertise-address").arg(Leg::CLIENT.tor_v4().to_string());
        command.arg("--tls-san").arg(names.join(","));
        command.arg("--kubeconfig").arg(self.kubeconfig());
        command.args(["--service-cidr", "10.96.0.0/16,fd10:96::/112"]);
        let mut process = Process::spawn("orchestrator", command, &self.folder)?;
        wait::until_true(&format!("the API server of {}", self.name), PATIENCE, || {
            process.check_running()?;
            Ok(self.kubeconfig().is_file())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("the API server does not run")?.kill_hard()
    }

    /// Holds it, or lets it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.as_ref().context("the API server does not run")?.signal(signal)
    }

    /// Breaks the connections of the controller, which is beside it; that of a kubectl there would be, too.
    pub fn break_connections(&self) -> Result<()> {
        self.netns
            .run("ss", &["-K", "state", "established", "dport", "=", &format!(":{}", self.port)])
            .map(drop)
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The kubeconfig with the address under which a node of this leg reaches the server.
    pub fn kubeconfig_for(&self, leg: Leg) -> Result<PathBuf> {
        let text = fs::read_to_string(self.kubeconfig())?;
        let start = text.find("https://").context("the kubeconfig has no URL")?;
        let end =
            text[start..].find(&format!(":{}", self.port)).context("the kubeconfig has another port")?
                + start;
        let path = self.folder.join(format!("kubeconfig-{}", leg.0));
        fs::write(&path, format!("{}https://{}{}", &text[..start], leg.tor_v4(), &text[end..]))?;
        Ok(path)
    }

    /// Runs kubectl and gives what it printed.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_with(arguments, None)
    }

    /// `kubectl apply` of these objects.
    pub fn apply(&self, objects: &[Value]) -> Result<()> {
        self.send("apply", objects)
    }

    /// `kubectl create` of these objects: they may be larger than what can be applied.
    pub fn create(&self, objects: &[Value]) -> Result<()> {
        self.send("create", objects)
    }

    fn send(&self, verb: &str, objects: &[Value]) -> Result<()> {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let path = self.folder.join("objects.json");
        fs::write(&path, list.to_string())?;
        self.kubectl_with(&[verb, "-f", &path.to_string_lossy()], None).map(drop)
    }

    fn kubectl_with(&self, arguments: &[&str], input: Option<&Path>) -> Result<String> {
        let mut command: Command = self.netns.command("kubectl");
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        // Its caches belong to this run.
        command.env("HOME", &self.folder).env("KUBECACHEDIR", self.folder.join("cache"));
        command.stdin(input.map_or_else(|| Ok(Stdio::null()), |path| fs::File::open(path).map(Stdio::from))?);
        let output = command.output().context("cannot start kubectl")?;
        ensure!(
            output.status.success(),
            "kubectl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// An object as JSON.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", kind, "-n", namespace, name, "-o", "json"])?)?)
    }

    /// Whether an object is there.
    pub fn has(&self, kind: &str, namespace: &str, name: &str) -> Result<bool> {
        let found =
            self.kubectl(&["get", kind, "-n", namespace, name, "--ignore-not-found", "-o", "name"])?;
        Ok(!found.trim().is_empty())
    }

    /// Waits until a Service has an address, and gives all of them.
    pub fn addresses(&self, namespace: &str, name: &str) -> Result<Vec<String>> {
        let what = format!("an address of {namespace}/{name} in {}", self.name);
        let (addresses, _) = wait::until(&what, PATIENCE, || {
            let service = self.get("service", namespace, name)?;
            let ingress =
                service["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
            let addresses: Vec<String> =
                ingress.iter().filter_map(|element| element["ip"].as_str()).map(str::to_owned).collect();
            Ok(Some(addresses).filter(|addresses| !addresses.is_empty()))
        })?;
        Ok(addresses)
    }

    /// Messages of the Events about a Service.
    pub fn events(&self, namespace: &str, name: &str) -> Result<String> {
        self.kubectl(&[
            "get",
            "events",
            "-n",
            namespace,
            "--field-selector",
            &format!("involvedObject.name={name}"),
        ])
    }
}

/// A running lb-controller.
pub struct Controller {
    folder: PathBuf,
    port: u16,
    netns: Netns,
    process: Option<Process>,
    pub authority: Arc<Authority>,
}

impl Controller {
    /// Starts one whose own objects are in the first of the clusters, and which serves all of them.
    pub fn start(lab: &Lab, clusters: &[&Cluster], objects: &[Value]) -> Result<Self> {
        let folder = lab.folder().node("controller")?;
        let home = clusters.first().context("there is no cluster")?;
        install(home)?;
        if !objects.is_empty() {
            home.apply(objects)?;
        }
        let authority = Arc::new(Authority::create(&folder.join("ca"))?);
        let names: Vec<String> =
            (1..=8).map(|number| format!("\"{}\"", Leg::forwarder(number).tor_v4())).collect();
        let mut text = format!(
            "seed: '6775696465776179206c616220736565'
home: {{kubeconfig: {}, namespace: {NAMESPACE}, election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}}}
listen: ['0.0.0.0:{PORT}']
ca: {{folder: {}, names: [{}]}}
state_dir: {}
admin: {{socket: {}}}
metrics: {{listen: '127.0.0.1:9475'}}
clusters:
",
            home.kubeconfig().display(),
            folder.join("ca").display(),
            names.join(", "),
            folder.join("state").display(),
            folder.join("controller.sock").display(),
        );
        for cluster in clusters {
            text.push_str(&format!(
                "  - {{name: {}, kubeconfig: {}, default_class: true}}\n",
                cluster.name,
                cluster.kubeconfig().display()
            ));
        }
        fs::write(folder.join("controller.yaml"), text)?;
        let netns = lab.tor.netns().clone();
        let mut controller = Self { folder, port: PORT, netns, process: None, authority };
        controller.spawn()?;
        Ok(controller)
    }

    /// Starts a second one beside it, which stands by.
    pub fn start_second(&self, lab: &Lab) -> Result<Self> {
        let folder = lab.folder().node("controller-2")?;
        let mine = |name: &str| self.folder.join(name).display().to_string();
        let other = |name: &str| folder.join(name).display().to_string();
        let text = fs::read_to_string(self.folder.join("controller.yaml"))?
            .replace(&format!(":{PORT}"), &format!(":{SECOND_PORT}"))
            .replace(":9475", ":9476")
            .replace("listen: ['0.0.0.0", "enrolment: {listen: '127.0.0.1:9491'}\nlisten: ['0.0.0.0")
            .replace(&mine("state"), &other("state"))
            .replace(&mine("controller.sock"), &other("controller.sock"));
        fs::write(folder.join("controller.yaml"), text)?;
        let authority = Arc::clone(&self.authority);
        let netns = self.netns.clone();
        let mut second = Self { folder, port: SECOND_PORT, netns, process: None, authority };
        second.spawn()?;
        Ok(second)
    }

    /// Ends it and starts it with another seed.
    pub fn rotate_seed(&mut self) -> Result<()> {
        self.kill()?;
        let path = self.folder.join("controller.yaml");
        fs::write(&path, fs::read_to_string(&path)?.replacen("seed: '67", "seed: '68", 1))?;
        self.spawn()
    }

    /// Breaks the connections of forwarders.
    pub fn break_connections(&self) -> Result<()> {
        let port = format!(":{}", self.port);
        self.netns.run("ss", &["-K", "state", "established", "sport", "=", &port]).map(drop)
    }

    /// Starts the program on what there is.
    pub fn spawn(&mut self) -> Result<()> {
        let mut command = self.netns.command(binary("lb-controller")?);
        command.arg("run").arg("--config").arg(self.folder.join("controller.yaml"));
        command.env("RUST_LOG", "info,lb_controller::sources=debug");
        let mut process = Process::spawn("lb-controller", command, &self.folder)?;
        let listening = format!("sport = :{}", self.port);
        wait::until_true("lb-controller to listen", PATIENCE, || {
            process.check_running()?;
            Ok(!self.netns.run("ss", &["-Hltn", &listening])?.trim().is_empty())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().context("lb-controller does not run")?.kill_hard()
    }

    /// Holds it, or lets it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.as_ref().context("lb-controller does not run")?.signal(signal)
    }

    /// What all controllers of this lab have logged.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("lb-controller.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it logs `text` after the first `from` bytes. Looks often: the step after it follows at once.
    pub fn wait_for_log(&self, from: usize, text: &str) -> Result<()> {
        let start = Instant::now();
        while !self.log().get(from..).is_some_and(|log| log.contains(text)) {
            ensure!(start.elapsed() < PATIENCE, "lb-controller never logs `{text}`");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Runs lbctl with these words: its exit code and what it prints as JSON.
    pub fn lbctl(&self, words: &[&str]) -> Result<(i32, Value)> {
        let mut command = Command::new(binary("lbctl")?);
        command.arg("--controller-socket").arg(self.folder.join("controller.sock"));
        let output = command.args(["--timeout", "60s", "-o", "json"]).args(words).output()?;
        let code = output.status.code().context("lbctl was killed")?;
        let error = || format!("lbctl {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        ensure!(code < 2, error());
        Ok((code, serde_json::from_slice(&output.stdout).with_context(error)?))
    }

    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }
}

/// Definitions, the namespace and the objects that the lab needs.
fn install(home: &Cluster) -> Result<()> {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    home.kubectl(&["apply", "-f", &crds.to_string_lossy()])?;
    home.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"])?;
    home.kubectl(&["create", "namespace", NAMESPACE])?;
    home.apply(&objects::lab(NAMESPACE))
}

/// Makes a forwarder follow the controller and starts its daemons.
pub fn follow(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    start_agent(lab, at, controller, "", "")?;
    lab.forwarders[at].start_speaker()
}

/// As [`follow`], and there may be a second controller.
pub fn follow_either(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    start_agent_of(lab, at, controller, "", "", &[PORT, SECOND_PORT])?;
    lab.forwarders[at].start_speaker()
}

/// As [`follow`], without a speaker.
pub fn follow_without_routers(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    start_agent(lab, at, controller, "", "")
}

/// As [`follow`], with room for very little.
pub fn follow_with_little_room(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    start_agent(lab, at, controller, "limits: {vips: 2}\n", "")?;
    lab.forwarders[at].start_speaker()
}

/// As [`follow`], and the routers come from the controller: the speaker knows itself alone.
pub fn follow_with_routers(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    let folder = lab.forwarders[at].folder().to_path_buf();
    let included = folder.join("controller-bgp.yaml");
    start_agent(lab, at, controller, "", &format!("  bgp_config: {}\n", included.display()))?;
    lab.forwarders[at].start_speaker_with(&format!(
        "local_as: 64999
router_id: 10.255.1.{}
agent: {{socket: {}, hold: 60s}}
admin: {{socket: {}}}
metrics: {{listen: \"127.0.0.1:9471\"}}
include: {}
",
        at + 1,
        folder.join("dataplane.sock").display(),
        folder.join("bgp.sock").display(),
        included.display(),
    ))
}

/// `node` is added to the configuration, `more` to its section `controller`.
fn start_agent(lab: &mut Lab, at: usize, controller: &Controller, node: &str, more: &str) -> Result<()> {
    start_agent_of(lab, at, controller, node, more, &[PORT])
}

fn start_agent_of(
    lab: &mut Lab,
    at: usize,
    controller: &Controller,
    node: &str,
    more: &str,
    ports: &[u16],
) -> Result<()> {
    let forwarder = &mut lab.forwarders[at];
    let address = forwarder.leg().tor_v4();
    let addresses: Vec<String> = ports.iter().map(|port| format!("\"{address}:{port}\"")).collect();
    let (folder, name) = (forwarder.folder().to_path_buf(), forwarder.name().to_owned());
    let [certificate, key, ca] = controller.authority.forwarder(&name, &folder)?;
    forwarder.write_config_text(&format!(
        "interfaces:
  - {{name: {UPLINK}, mode: native}}
{node}next_hop: {{type: fib}}
admin: {{socket: {}}}
metrics: {{listen: \"127.0.0.1:9470\"}}
controller:
  addresses: [{}]
  name: {name}
  certificate: {}
  key: {}
  ca: {}
{more}",
        folder.join("dataplane.sock").display(),
        addresses.join(", "),
        certificate.display(),
        key.display(),
        ca.display(),
    ))?;
    forwarder.start_agent()
}

/// A Pod: an address of its own on a backend, whose nginx answers there too.
pub fn pod(lab: &Lab, at: usize, address: &str) -> Result<()> {
    let backend = &lab.backends[at];
    let address: IpAddr = address.parse()?;
    let leg = backend.leg();
    let (length, node) =
        if address.is_ipv4() { (32, IpAddr::from(leg.node_v4())) } else { (128, leg.node_v6().into()) };
    backend.netns().ip(&format!("addr replace {address}/{length} dev lo"))?;
    backend.netns().sysctl(&["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])?;
    lab.tor.netns().ip(&format!("route replace {address}/{length} via {node}")).map(drop)
}

/// lb-decap on a backend, which follows the Services of these clusters.
pub struct Decap {
    _process: Process,
}

impl Decap {
    pub fn start(lab: &Lab, at: usize, cluster: &Cluster) -> Result<Self> {
        let backend = &lab.backends[at];
        let folder = lab.folder().node(backend.name())?;
        let config = folder.join("decap.yaml");
        let kubeconfig = cluster.kubeconfig_for(backend.leg())?;
        fs::write(
            &config,
            format!(
                "interfaces:
  - {{name: {UPLINK}, mode: native}}
kubernetes: {{kubeconfig: {}, node: {}}}
admin: {{socket: {}}}
metrics: {{listen: \"127.0.0.1:9472\"}}
",
                kubeconfig.display(),
                backend.name(),
                folder.join("decap.sock").display()
            ),
        )?;
        let mut command = backend.netns().command(binary("lb-decap")?);
        command.arg("run").arg("--config").arg(&config).arg("--pin-root").arg(backend.pins());
        let mut process = Process::spawn("lb-decap", command, &folder)?;
        let socket = folder.join("decap.sock");
        wait::until_true(&format!("lb-decap of {}", backend.name()), PATIENCE, || {
            process.check_running()?;
            Ok(wait::listens(&socket))
        })?;
        Ok(Self { _process: process })
    }
}

/// The answer of a new connection of the client's curl: the name of the backend; `Err` when there is none within `seconds`.
pub fn curl(lab: &Lab, address: &str, port: u16, seconds: u32) -> Result<String> {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let limit = seconds.to_string();
    let url = format!("http://{host}:{port}/");
    let text = lab.client.netns().run("curl", &["-sS", "-g", "--max-time", &limit, &url])?;
    Ok(text.trim().to_owned())
}

/// Waits until a new connection is answered by one of `backends`, and every one of them answers some.
pub fn served_by(lab: &Lab, address: &str, port: u16, backends: &[&str]) -> Result<()> {
    let mut last = String::new();
    let what = format!("{address}:{port} to be served by exactly {backends:?}");
    let outcome = wait::until_true(&what, PATIENCE, || {
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..24 {
            match curl(lab, address, port, 2) {
                Ok(name) if seen.contains(&name) => {}
                Ok(name) => seen.push(name),
                Err(error) => {
                    last = format!("{error:#}");
                    return Ok(false);
                }
            }
        }
        seen.sort_unstable();
        last = format!("{seen:?}");
        Ok(seen == backends)
    });
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => bail!("{error:#}; at last: {last}"),
    }
}
