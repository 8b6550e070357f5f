//! Clusters and controllers of a test.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guideway_kube_tests::{Kubectl, Server, free_port, kubectl};
use guideway_lab::binaries::binary;
use serde_json::{Value, json};

use crate::forwarder::Forwarder;

const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until there is something.
pub fn until(what: &str, mut look: impl FnMut() -> Option<()>) {
    let deadline = Instant::now() + PATIENCE;
    while look().is_none() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// A cluster.
pub struct Site {
    pub name: String,
    pub server: Server,
    kubectl: Kubectl,
}

impl Site {
    pub fn new(name: &str) -> Self {
        let kubectl = kubectl::all().pop().expect("there is no kubectl: install kubernetes-client");
        Self { name: name.to_owned(), server: Server::start().unwrap(), kubectl }
    }

    /// One that has the controller's own objects, and serves Services as cluster `east`.
    pub fn home() -> Self {
        let site = Self::new("east");
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
        site.kubectl(&["create", "-f", crds.to_str().unwrap()], None).expect("the definitions are refused");
        site.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "guideway" } }));
        site.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], None)
            .expect("the definitions are not established");
        site
    }

    /// What it prints; `None` when it fails.
    pub fn kubectl(&self, arguments: &[&str], stdin: Option<&str>) -> Option<String> {
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
    pub fn apply(&self, object: &Value) {
        until(&format!("applied: {object}"), || {
            self.kubectl(&["apply", "-f", "-"], Some(&object.to_string())).map(|_| ())
        });
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.get_in("default", kind, name)
    }

    pub fn get_in(&self, namespace: &str, kind: &str, name: &str) -> Option<Value> {
        let text = self.kubectl(&["get", kind, name, "-n", namespace, "-o", "json"], None)?;
        serde_json::from_str(&text).ok()
    }
}

/// A pool with everything in a range.
pub fn pool(name: &str, addresses: &str) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "guideway" },
        "spec": { "addresses": [addresses] },
    })
}

/// A Service that is ours.
pub fn service(name: &str, annotations: Value) -> Value {
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
pub fn slice(service: &str, address: &str) -> Value {
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

/// The forwarder of every test.
const FORWARDER: &str = "f1";

/// Controllers of a home cluster, and a forwarder. They are killed when it is dropped.
pub struct Controllers {
    folder: PathBuf,
    kubeconfig: PathBuf,
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    pub forwarder: Forwarder,
    running: Vec<Option<Child>>,
}

impl Controllers {
    pub fn new(home: &Site) -> Self {
        let folder = home.server.folder().join("controllers");
        std::fs::create_dir_all(&folder).unwrap();
        // The server writes its own one again when it restarts.
        let kubeconfig = folder.join("home.kubeconfig");
        std::fs::copy(home.server.kubeconfig(), &kubeconfig).unwrap();
        let (config, _) = config(&folder, &kubeconfig, 0);
        let ca = |arguments: &[&str]| {
            let mut command = Command::new(binary("lb-controller").unwrap());
            command.arg("ca").args(arguments).arg("--config").arg(&config).stdout(Stdio::null());
            assert!(command.status().unwrap().success());
        };
        ca(&["init"]);
        let certificates = folder.join("ca");
        ca(&["forwarder", FORWARDER, "--out", certificates.to_str().unwrap()]);
        home.apply(&json!({
            "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder",
            "metadata": { "name": FORWARDER, "namespace": "guideway" }, "spec": {},
        }));
        let addresses = Arc::default();
        let forwarder = Forwarder::start(&certificates, FORWARDER, Arc::clone(&addresses));
        Self { folder, kubeconfig, addresses, forwarder, running: Vec::new() }
    }

    /// Starts one more.
    pub fn start(&mut self) {
        let number = self.running.len();
        let (config, address) = config(&self.folder, &self.kubeconfig, number);
        self.addresses.lock().unwrap().push(address);
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

    /// Kills one as a crash would.
    pub fn kill(&mut self, number: usize) {
        if let Some(mut child) = self.running[number].take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes the configuration of a controller; the address for forwarders beside it.
fn config(folder: &Path, kubeconfig: &Path, number: usize) -> (PathBuf, SocketAddr) {
    let address = || SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let (listen, enrolment, metrics) = (address(), address(), address());
    let path = folder.join(format!("{number}.yaml"));
    let (folder, kubeconfig) = (folder.display(), kubeconfig.display());
    let text = format!(
        "seed: '000102030405060708090a0b0c0d0e0f'\n\
         home:\n  kubeconfig: {kubeconfig}\n  \
         election: {{lease_duration: 3s, renew_deadline: 2s, retry_period: 200ms}}\n\
         clusters:\n- {{name: east, kubeconfig: {kubeconfig}}}\n\
         listen: ['{listen}']\nenrolment: {{listen: '{enrolment}'}}\nmetrics: {{listen: '{metrics}'}}\n\
         ca: {{folder: {folder}/ca, names: [127.0.0.1]}}\nadmin: {{socket: {folder}/{number}.sock}}\n",
    );
    std::fs::write(&path, text).unwrap();
    (path, listen)
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for number in 0..self.running.len() {
            self.kill(number);
            if std::thread::panicking() {
                let log = std::fs::read_to_string(self.folder.join(format!("{number}.log")));
                let log = log.unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                eprintln!("controller {number}:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
            }
        }
    }
}
