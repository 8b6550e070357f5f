//! Clusters and controllers of a test.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use guideway_kube_tests::{Kubectl, Server, free_port, kubectl};
use guideway_lab::binaries::binary;
use guideway_test_forwarders::{Addresses, Fleet, identities};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);
const SEED: &str = "seed: '000102030405060708090a0b0c0d0e0f'\n";
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until there is something.
pub(crate) fn until(what: &str, mut look: impl FnMut() -> Option<()>) {
    let deadline = Instant::now() + PATIENCE;
    while look().is_none() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// A cluster.
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) server: Server,
    kubectl: Kubectl,
}

impl Site {
    pub(crate) fn new(name: &str) -> Self {
        let kubectl = kubectl::all().pop().expect("there is no kubectl: install kubernetes-client");
        Self { name: name.to_owned(), server: Server::start().unwrap(), kubectl }
    }

    /// One that has the controller's own objects, and serves Services as cluster `east`.
    pub(crate) fn home() -> Self {
        let site = Self::new("east");
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
        site.kubectl(&["create", "-f", crds.to_str().unwrap()], None).expect("the definitions are refused");
        site.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "guideway" } }));
        site.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], None)
            .expect("the definitions are not established");
        site
    }

    /// What it prints; `None` when it fails.
    pub(crate) fn kubectl(&self, arguments: &[&str], stdin: Option<&str>) -> Option<String> {
        let mut child = Command::new(&self.kubectl.path)
            .arg("--kubeconfig")
            .arg(self.server.kubeconfig())
            .args(arguments)
            .env("HOME", self.server.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        // A client that ends early has said why.
        let _ended = child.stdin.take().unwrap().write_all(stdin.unwrap_or_default().as_bytes());
        let output = child.wait_with_output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Creates or changes an object; the API server may just be starting.
    pub(crate) fn apply(&self, object: &Value) {
        until(&format!("applied: {object}"), || {
            self.kubectl(&["apply", "-f", "-"], Some(&object.to_string())).map(|_| ())
        });
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.get_in("default", kind, name)
    }

    pub(crate) fn get_in(&self, namespace: &str, kind: &str, name: &str) -> Option<Value> {
        let text = self.kubectl(&["get", kind, name, "-n", namespace, "-o", "json"], None)?;
        serde_json::from_str(&text).ok()
    }
}

/// A pool with everything in a range.
pub(crate) fn pool(name: &str, addresses: &str) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "guideway" },
        "spec": { "addresses": [addresses] },
    })
}

/// A Service that is ours.
pub(crate) fn service(name: &str, annotations: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": "default", "annotations": annotations },
        "spec": {
            "type": "LoadBalancer", "loadBalancerClass": "guideway.dev/load-balancer",
            "selector": { "app": name }, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }],
        },
    })
}

/// An endpoint of a Service.
pub(crate) fn slice(service: &str, address: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{service}-1"), "namespace": "default",
            "labels": { "kubernetes.io/service-name": service },
        },
        "endpoints": [{ "addresses": [address], "conditions": { "ready": true } }],
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
    })
}

/// Controllers of a home cluster, and forwarders. They are killed when it is dropped.
pub(crate) struct Controllers {
    folder: PathBuf,
    /// What of the configuration says where Services are.
    sources: String,
    /// Further clusters of the configuration, for controllers that are started later.
    pub(crate) also: Vec<(String, PathBuf)>,
    metrics: Vec<u16>,
    addresses: Addresses,
    pub(crate) fleet: Fleet,
    running: Vec<Option<Child>>,
}

impl Controllers {
    /// With one forwarder.
    pub(crate) fn new(home: &Site) -> Self {
        Self::with_forwarders(home, 1)
    }

    pub(crate) fn with_forwarders(home: &Site, count: usize) -> Self {
        let folder = home.server.folder().join("controllers");
        std::fs::create_dir_all(&folder).unwrap();
        // The server writes its own one again when it restarts.
        let kubeconfig = folder.join("home.kubeconfig");
        std::fs::copy(home.server.kubeconfig(), &kubeconfig).unwrap();
        let kubeconfig = kubeconfig.display();
        let sources = format!(
            "home:\n  kubeconfig: {kubeconfig}\n  \
             election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 200ms}}\n\
             clusters:\n- {{name: east, kubeconfig: {kubeconfig}}}\n"
        );
        Self::of(folder, sources, count, |name| {
            home.apply(&json!({
                "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder",
                "metadata": { "name": name, "namespace": "guideway" }, "spec": {},
            }));
        })
    }

    /// One that serves the Services of a file.
    pub(crate) fn without_kubernetes(folder: &Path, services: &Path) -> Self {
        let (services, state) = (services.display(), folder.join("state"));
        let sources = format!("services_file: {services}\nstate_dir: {}\n", state.display());
        Self::of(folder.to_owned(), sources, 1, |_| {})
    }

    fn of(folder: PathBuf, sources: String, count: usize, forwarder: impl Fn(&str)) -> Self {
        let (config, ..) = config(&folder, &sources, 0);
        let program = binary("lb-controller").unwrap();
        let init = Command::new(&program)
            .args(["ca", "init", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .status();
        assert!(init.unwrap().success());
        let authority = folder.join("ca/ca.crt");
        let identities = identities(&program, &config, authority, &folder.join("forwarders"), count).unwrap();
        for identity in &identities {
            forwarder(identity.name.as_str());
        }
        let addresses = Addresses::default();
        let fleet = Fleet::start(identities, &addresses).unwrap();
        let (also, metrics, running) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder, sources, also, metrics, addresses, fleet, running }
    }

    /// Where the authority is, and what else belongs to controllers.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// More forwarders that dial the same controllers.
    pub(crate) fn others(&self, identities: Vec<guideway_dataplane_config::Controller>) -> Fleet {
        Fleet::start(identities, &self.addresses).unwrap()
    }

    /// Where a controller listens for forwarders.
    pub(crate) fn address(&self, number: usize) -> String {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)[number].to_string()
    }

    /// The value of a metric of a controller.
    pub(crate) fn metric(&self, number: usize, name: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics[number])).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    }

    /// Writes the configuration of a controller with further clusters of the file, each as `name: west, kubeconfig: ...`, in
    /// place of those of [`also`](Self::also), and has the controller read it again.
    pub(crate) fn reconfigure(&self, number: usize, clusters: &[String]) {
        let path = self.folder.join(format!("{number}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap();
        // What is started with stays the same: the sources, then where it listens.
        let (_, rest) = text.split_once("listen: [").unwrap();
        let clusters: String = clusters.iter().map(|cluster| format!("- {{{cluster}}}\n")).collect();
        let text = format!("{SEED}{}{clusters}listen: [{rest}", self.sources);
        std::fs::write(&path, text).unwrap();
        self.reload(number);
    }

    /// Exit code and answer of `lbctl -o json` at a controller.
    pub(crate) fn lbctl(&self, number: usize, words: &[&str]) -> (i32, Value) {
        let output = self.run_lbctl(number, &[&["-o", "json"], words].concat());
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// What `lbctl` prints for people.
    pub(crate) fn lbctl_text(&self, number: usize, words: &[&str]) -> String {
        String::from_utf8(self.run_lbctl(number, words).stdout).unwrap()
    }

    fn run_lbctl(&self, number: usize, words: &[&str]) -> std::process::Output {
        let socket = self.folder.join(format!("{number}.sock"));
        let mut command = Command::new(binary("lbctl").unwrap());
        command.arg("--controller-socket").arg(socket).args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Has a controller read its files again.
    pub(crate) fn reload(&self, number: usize) {
        let child = self.running[number].as_ref().unwrap();
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
    }

    /// Starts one more.
    pub(crate) fn start(&mut self) {
        let number = self.running.len();
        let mut sources = self.sources.clone();
        for (name, kubeconfig) in &self.also {
            writeln!(sources, "- {{name: {name}, kubeconfig: {}}}", kubeconfig.display()).unwrap();
        }
        let (config, port, metrics) = config(&self.folder, &sources, number);
        self.metrics.push(metrics);
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).push(address);
        let log = std::fs::File::create(self.folder.join(format!("{number}.log"))).unwrap();
        let child = Command::new(binary("lb-controller").unwrap())
            .args(["run", "--config"])
            .arg(config)
            .env("RUST_LOG", "info,lb_controller=debug,guideway_election=debug")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running.push(Some(child));
    }

    /// What a controller has logged.
    pub(crate) fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.folder.join(format!("{number}.log"))).unwrap_or_default()
    }

    /// Those that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.running.len()).filter(|number| self.running[*number].is_some()).collect()
    }

    /// Kills one as a crash would.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(mut child) = self.running[number].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes the configuration of a controller; the ports for forwarders and for metrics beside it.
fn config(folder: &Path, sources: &str, number: usize) -> (PathBuf, u16, u16) {
    let [listen, enrolment, metrics] = [(); 3].map(|()| free_port().unwrap());
    let path = folder.join(format!("{number}.yaml"));
    let folder = folder.display();
    let text = format!(
        "{SEED}{sources}\
         listen: ['127.0.0.1:{listen}']\nenrolment: {{listen: '127.0.0.1:{enrolment}'}}\n\
         metrics: {{listen: '127.0.0.1:{metrics}'}}\n\
         ca: {{folder: {folder}/ca, names: [127.0.0.1]}}\nadmin: {{socket: {folder}/{number}.sock}}\n",
    );
    std::fs::write(&path, text).unwrap();
    (path, listen, metrics)
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for number in 0..self.running.len() {
            self.kill(number);
            if std::thread::panicking() {
                let log = self.log(number);
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("controller {number}:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
            }
        }
    }
}
