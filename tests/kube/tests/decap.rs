//! lb-decap takes its services from an API server, by the rights of its own role.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_kube_tests::{Server, kubectl};
use guideway_lab::wait;
use nix::sched::{CloneFlags, unshare};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const ROLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/rbac/decap.yaml");

/// Ends the daemon and takes its programs off, also by a panic.
struct Daemon {
    program: PathBuf,
    pins: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    fn start(&mut self, config: &Path) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("run").arg("--config").arg(config).arg("--pin-root").arg(&self.pins);
        self.child = Some(command.stdin(Stdio::null()).spawn().context("cannot start lb-decap")?);
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Each service in a line; nothing while nothing is set up.
    fn services(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.program)
            .args(["status", "-o", "json", "--pin-root"])
            .arg(&self.pins)
            .output()?;
        let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let services = status["services"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut services: Vec<String> = services.map(str::to_owned).collect();
        // What refuses the other ports of a VIP follows from the rest.
        services.retain(|service| service.contains("10.244."));
        services.sort();
        Ok(services)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        let _ = Command::new(&self.program).arg("detach").arg("--pin-root").arg(&self.pins).status();
    }
}

fn run(program: &str, words: &[&str]) -> Result<()> {
    let status = Command::new(program).args(words).status()?;
    ensure!(status.success(), "{program} {words:?}: {status}");
    Ok(())
}

struct Kubectl<'a>(PathBuf, &'a Server);

impl Kubectl<'_> {
    fn run(&self, words: &[&str]) -> Result<String> {
        let output =
            Command::new(&self.0).arg("--kubeconfig").arg(self.1.kubeconfig()).args(words).output()?;
        ensure!(
            output.status.success(),
            "kubectl {words:?}: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.1.log_end()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    fn apply(&self, name: &str, object: &Value) -> Result<()> {
        let file = self.1.folder().join(name);
        std::fs::write(&file, object.to_string())?;
        self.run(&["apply", "-f", &file.display().to_string()]).map(drop)
    }
}

fn slice(pods: &[(&str, &str)]) -> Value {
    let endpoint = |(address, node): &(&str, &str)| json!({"addresses": [address], "nodeName": node});
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        "endpoints": pods.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

mod needs_root {
    use super::*;

    #[test]
    fn services_follow_the_cluster() -> Result<()> {
        // Programs and addresses of this test alone; the API server lives in there, too.
        unshare(CloneFlags::CLONE_NEWNET)?;
        run("ip", &["link", "set", "lo", "up"])?;
        run("ip", &["link", "add", "up0", "type", "veth", "peer", "name", "peer0"])?;
        run("ip", &["link", "set", "up0", "up"])?;
        run("ip", &["addr", "add", "10.0.0.2/24", "dev", "up0"])?;
        let mut server = Server::start()?;
        let newest = kubectl::all().pop().context("no kubectl")?.path;
        let kubectl = Kubectl(newest.clone(), &server);
        kubectl.run(&["apply", "-f", ROLE])?;
        let token = kubectl.run(&["create", "token", "lb-decap", "-n", "guideway"])?;
        let admin = std::fs::read_to_string(server.kubeconfig())?;
        let own = server.folder().join("decap.kubeconfig");
        std::fs::write(&own, admin)?;
        let by_token = |words: &[&str]| {
            let own = own.display().to_string();
            run(&newest.display().to_string(), &[&["--kubeconfig", &own, "config"], words].concat())
        };
        by_token(&["set-credentials", "lb-decap", "--token", token.trim()])?;
        by_token(&["set-context", "--current", "--user", "lb-decap"])?;
        let folder = server.folder().to_owned();
        let config = folder.join("decap.yaml");
        std::fs::write(
            &config,
            format!(
                "interfaces: [{{name: up0}}]\nkubernetes: {{kubeconfig: {}, node: n1}}\nadmin: {{socket: {}}}\n\
             metrics: {{listen: \"127.0.0.1:9472\"}}\n",
                own.display(),
                folder.join("run/decap.sock").display()
            ),
        )?;
        kubectl.apply(
            "service.json",
            &json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "web", "namespace": "default", "finalizers": ["guideway.dev/vip"]},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}]},
            }),
        )?;
        let status = r#"{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.9","ipMode":"VIP"}]}}}"#;
        kubectl.run(&["patch", "service", "web", "--subresource=status", "--type=merge", "-p", status])?;
        kubectl.apply("slice.json", &slice(&[("10.244.1.7", "n1"), ("10.244.2.7", "n2")]))?;

        let pins = PathBuf::from(format!("/sys/fs/bpf/guideway-decap-kube-{}", std::process::id()));
        let mut daemon = Daemon { program: guideway_lab::binaries::binary("lb-decap")?, pins, child: None };
        daemon.start(&config)?;
        let line = |pod: &str| format!("203.0.113.9:80/tcp by {pod}: translated to {pod}:8080");
        let has = |daemon: &Daemon, wanted: &[&str]| -> Result<bool> {
            Ok(daemon.services()? == wanted.iter().map(|pod| line(pod)).collect::<Vec<_>>())
        };
        wait::until_true("the Pod of this node", PATIENCE, || has(&daemon, &["10.244.1.7"]))?;
        kubectl.apply("slice.json", &slice(&[("10.244.1.7", "n1"), ("10.244.1.8", "n1")]))?;
        wait::until_true("another Pod", PATIENCE, || has(&daemon, &["10.244.1.7", "10.244.1.8"]))?;

        // Without the API server what is known stays, over a restart of the daemon too.
        server.kill();
        daemon.kill();
        daemon.start(&config)?;
        let socket = folder.join("run/decap.sock");
        wait::until_true("the daemon", PATIENCE, || {
            Ok(std::os::unix::net::UnixStream::connect(&socket).is_ok())
        })?;
        wait::while_nothing_fails(Duration::from_secs(1), || {
            ensure!(has(&daemon, &["10.244.1.7", "10.244.1.8"])?, "now it has {:?}", daemon.services()?);
            Ok(())
        })?;
        server.spawn()?;
        let kubectl = Kubectl(newest, &server);
        kubectl.apply("slice.json", &slice(&[("10.244.1.8", "n1")]))?;
        // The flows that it has go on for the Service's drain window.
        let drains =
            "203.0.113.9:80/tcp by 10.244.1.7: translated to 10.244.1.7:8080, of flows that are there";
        wait::until_true("one Pod less", PATIENCE, || {
            Ok(daemon.services()? == [drains.to_owned(), line("10.244.1.8")])
        })?;
        kubectl.run(&[
            "patch",
            "service",
            "web",
            "--type=merge",
            "-p",
            r#"{"metadata":{"finalizers":null}}"#,
        ])?;
        wait::until_true("nothing", PATIENCE, || has(&daemon, &[]))?;
        Ok(())
    }
}
