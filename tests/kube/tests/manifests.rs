//! The manifests of deploy/ at the API server, by kubectl: definitions of custom resources, and roles.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guideway_kube_tests::{Kubectl, Server, kubectl};

/// Roles and CEL are asked about in words that older ones do not have.
const FIRST: u32 = 27;
/// How long a definition may take to be served.
const PATIENCE: Duration = Duration::from_secs(30);

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

struct Client<'a> {
    kubectl: &'a Kubectl,
    server: &'a Server,
}

impl Client<'_> {
    /// Runs kubectl: whether it succeeded, and all that it printed.
    fn run(&self, args: &[&str], input: &str) -> (bool, String) {
        let mut child = Command::new(&self.kubectl.path)
            .args(args)
            .env("HOME", self.server.folder())
            .env("KUBECONFIG", self.server.kubeconfig())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that does not read its input may have closed it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), said.concat())
    }

    fn must(&self, args: &[&str], input: &str) -> String {
        let (done, said) = self.run(args, input);
        assert!(done, "kubectl 1.{} {args:?}: {said}\n{input}", self.kubectl.minor);
        said
    }

    /// Refused, and the answer names each of these.
    fn must_not(&self, input: &str, names: &[&str]) {
        // What begins with a brace is JSON to kubectl.
        let (done, said) = self.run(&["apply", "-f", "-"], &format!("---\n{input}\n"));
        assert!(!done, "kubectl 1.{}: taken:\n{input}", self.kubectl.minor);
        for name in names {
            assert!(
                said.contains(name),
                "kubectl 1.{}: {name} is not in: {said}\n{input}",
                self.kubectl.minor
            );
        }
    }

    fn may(&self, account: &str, verb: &str, what: &str, namespace: &str) -> bool {
        let account = format!("--as=system:serviceaccount:{account}");
        let mut args = vec!["auth", "can-i", verb, what, &account];
        match namespace {
            "*" => args.push("-A"),
            namespace => args.extend(["-n", namespace]),
        }
        let (_, said) = self.run(&args, "");
        said.lines().any(|line| line.trim() == "yes")
    }
}

/// The manifests are the same for every kubectl: the newest one is enough.
fn with_kubectl(test: impl Fn(&Client<'_>)) {
    let versions = kubectl::all();
    let kubectl = versions.last();
    let kubectl = kubectl.expect("there is no kubectl: install the Debian package kubernetes-client");
    assert!(kubectl.minor >= FIRST, "kubectl 1.{} is older than 1.{FIRST}", kubectl.minor);
    let server = Server::start().unwrap();
    test(&Client { kubectl, server: &server });
}

fn install(client: &Client<'_>) {
    let crds = deploy("crds");
    client.must(&["apply", "--server-side", "-f", crds.to_str().unwrap()], "");
    // The other way of applying takes them, too: they are small enough for its annotation.
    client.must(&["apply", "-f", crds.to_str().unwrap()], "");
    client.must(&["create", "namespace", "guideway"], "");
    let timeout = format!("--timeout={}s", PATIENCE.as_secs());
    client.must(&["wait", "--for=condition=Established", "crd", "--all", &timeout], "");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, said) =
            client.run(&["api-resources", "--categories=guideway", "--cached=false", "-o", "name"], "");
        if said.lines().count() == 11 {
            return;
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn definitions_take_what_people_write_and_refuse_the_rest() {
    with_kubectl(|client| {
        install(client);
        let said = client.must(&["apply", "-n", "guideway", "-f", "-"], GOOD);
        assert_eq!(said.matches(" created").count(), GOOD.matches("kind: ").count(), "{said}");
        // Columns find their values.
        let said =
            client.must(&["get", "-n", "guideway", "clusters.guideway.dev,bgppeers,ipaddresspools"], "");
        for word in ["ENDPOINTS", "Pod", "10.0.0.1", "64513", "AUTO ASSIGN"] {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
        // Both versions of a peer are the same object.
        let said =
            client.must(&["get", "-n", "guideway", "bgppeers.v1beta1.metallb.io", "tor1", "-o", "yaml"], "");
        assert!(said.contains("apiVersion: metallb.io/v1beta1") && said.contains("peerASN: 64513"), "{said}");
        for (object, names) in BAD {
            client.must_not(object, names);
        }
        // Conditions are written by the status alone.
        let patch = r#"{"status":{"conditions":[{"type":"Valid","status":"True","reason":"Read","message":"","lastTransitionTime":"2026-11-20T22:00:00Z"}]}}"#;
        client.must(
            &[
                "patch",
                "-n",
                "guideway",
                "cluster.guideway.dev",
                "east",
                "--subresource=status",
                "--type=merge",
                "-p",
                patch,
            ],
            "",
        );
        client.must(
            &[
                "wait",
                "-n",
                "guideway",
                "cluster.guideway.dev/east",
                "--for=condition=Valid",
                "--timeout=10s",
            ],
            "",
        );
    });
}

#[test]
fn roles_allow_what_the_controller_does_and_no_more() {
    with_kubectl(|client| {
        install(client);
        for file in ["rbac/workload.yaml", "rbac/home.yaml"] {
            client.must(&["apply", "-f", deploy(file).to_str().unwrap()], "");
        }
        let account = "guideway:lb-controller";
        let allowed = [
            ("watch", "services", "*"),
            ("patch", "services", "default"),
            ("patch", "services/status", "default"),
            ("list", "endpointslices.discovery.k8s.io", "*"),
            ("watch", "nodes", "*"),
            ("list", "namespaces", "*"),
            ("create", "events.events.k8s.io", "default"),
            ("get", "secrets", "guideway"),
            ("watch", "ipaddresspools.metallb.io", "guideway"),
            ("patch", "rollouts.guideway.dev/status", "guideway"),
            ("create", "leases.coordination.k8s.io", "guideway"),
            ("update", "leases.coordination.k8s.io/lb-controller", "guideway"),
        ];
        for (verb, what, namespace) in allowed {
            // A name and a subresource look the same to kubectl.
            let (what, subresource) = split(what);
            assert!(
                may(client, account, verb, &what, subresource.as_deref(), namespace),
                "{verb} {what} {namespace}"
            );
        }
        let forbidden = [
            ("get", "secrets", "default"),
            ("create", "services", "default"),
            ("delete", "services", "default"),
            ("patch", "nodes", "*"),
            ("list", "pods", "*"),
            ("get", "configmaps", "guideway"),
            ("create", "secrets", "guideway"),
            ("delete", "leases.coordination.k8s.io", "guideway"),
            ("update", "ipaddresspools.metallb.io", "guideway"),
            ("update", "leases.coordination.k8s.io", "default"),
        ];
        for (verb, what, namespace) in forbidden {
            assert!(!client.may(account, verb, what, namespace), "{verb} {what} {namespace}");
        }
        for verb in ["watch", "patch"] {
            assert!(!client.may("default:default", verb, "services", "default"), "{verb}");
        }
    });
}

/// `a/status` is a subresource for `--subresource`, `a/name` an object.
fn split(what: &str) -> (String, Option<String>) {
    match what.split_once('/') {
        Some((kind, "status")) => (kind.to_owned(), Some("--subresource=status".to_owned())),
        _ => (what.to_owned(), None),
    }
}

fn may(
    client: &Client<'_>,
    account: &str,
    verb: &str,
    what: &str,
    subresource: Option<&str>,
    namespace: &str,
) -> bool {
    match subresource {
        None => client.may(account, verb, what, namespace),
        Some(flag) => {
            let account = format!("--as=system:serviceaccount:{account}");
            let (_, said) = client.run(&["auth", "can-i", verb, what, flag, &account, "-n", namespace], "");
            said.lines().any(|line| line.trim() == "yes")
        }
    }
}

/// As in MetalLB's and this project's own documentation.
const GOOD: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: web, labels: {tier: gold}}
spec:
  addresses: [192.0.2.0/26, 192.0.2.100-192.0.2.120, "2001:db8::/120"]
  avoidBuggyIPs: true
  serviceAllocation:
    priority: 50
    namespaces: [web]
    namespaceSelectors: [{matchLabels: {tier: gold}}]
    serviceSelectors: [{matchExpressions: [{key: app, operator: In, values: [web]}]}]
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor1}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: 10.0.0.1
  holdTime: 1m30s
  connectTime: 10s
  nodeSelectors: [{matchLabels: {rack: a}}]
  passwordSecret: {name: tor}
  bfdProfile: fast
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor2}
spec: {myASN: 64512, dynamicASN: external, interface: up0, password: ""}
---
apiVersion: metallb.io/v1beta1
kind: BGPPeer
metadata: {name: tor3}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: "2001:db8::1"
  nodeSelectors: [{matchExpressions: [{key: rack, operator: In, values: [a]}]}]
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: web}
spec:
  ipAddressPools: [web]
  aggregationLength: 26
  localPref: 100
  communities: [65535:65282, "large:1:2:3", vpn-only]
  peers: [tor1]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all}
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
spec: {receiveInterval: 100, transmitInterval: 100, detectMultiplier: 3, echoMode: true, minimumTtl: 254}
---
apiVersion: metallb.io/v1beta1
kind: Community
metadata: {name: communities}
spec: {communities: [{name: vpn-only, value: "1234:1"}]}
---
apiVersion: guideway.dev/v1alpha1
kind: Cluster
metadata: {name: east}
spec: {kubeconfigSecret: {name: east}, defaultClass: true, namespaces: [web]}
---
apiVersion: guideway.dev/v1alpha1
kind: Forwarder
metadata: {name: fw1, labels: {rack: a}}
spec: {zone: a}
---
apiVersion: guideway.dev/v1alpha1
kind: Shard
metadata: {name: tenants}
spec: {selector: {matchLabels: {rack: a}}, zone: a, size: 4, tenant: Namespace, default: true}
---
apiVersion: guideway.dev/v1alpha1
kind: BackendPolicy
metadata: {name: web}
spec:
  services: {clusters: [east], namespaces: [web], selector: {matchLabels: {app: web}}}
  encapsulation: gue
  secondHop: true
  drainWindow: 10m
  tableSize: 65537
  healthCheck: {type: Http, path: /healthz, expect: {from: 200, to: 204}, interval: 2s, timeout: 1s}
  weights: [{nodes: {matchLabels: {size: big}}, weight: 4}]
---
apiVersion: guideway.dev/v1alpha1
kind: Rollout
metadata: {name: guideway}
spec: {prepareTimeout: 2s, budget: {slotsPermille: 50, sets: 10, above: Spread, interval: 30s}, history: 20}
"#;

/// What is refused, and what the answer names.
const BAD: &[(&str, &[&str])] = &[
    (
        "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: bad}, spec: {addresses: [192.0.2.1, x/y]}}",
        &["spec.addresses[0]", "spec.addresses[1]"],
    ),
    ("{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, metadata: {name: bad}}", &["spec"]),
    (
        "{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: bad}, spec: {myASN: 1, peerASN: 2, dynamicASN: internal, peerAddress: 10.0.0.1}}",
        &["one of peerASN and dynamicASN must be there, and not both"],
    ),
    (
        "{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: bad}, spec: {myASN: 1, peerASN: 2}}",
        &["one of peerAddress and interface must be there, and not both"],
    ),
    (
        "{apiVersion: metallb.io/v1beta1, kind: BFDProfile, metadata: {name: bad}, spec: {receiveInterval: 9}}",
        &["spec.receiveInterval"],
    ),
    (
        "{apiVersion: metallb.io/v1beta1, kind: L2Advertisement, metadata: {name: bad}, spec: {nodeSelectors: [{matchExpressions: [{key: a, operator: In}]}]}}",
        &["In and NotIn need values"],
    ),
    (
        "{apiVersion: guideway.dev/v1alpha1, kind: Cluster, metadata: {name: bad}, spec: {home: true, kubeconfigSecret: {name: a}}}",
        &["one of home and kubeconfigSecret must be there, and not both"],
    ),
    (
        "{apiVersion: guideway.dev/v1alpha1, kind: Cluster, metadata: {name: bad.name}, spec: {home: true}}",
        &["metadata.name"],
    ),
    (
        "{apiVersion: guideway.dev/v1alpha1, kind: Shard, metadata: {name: bad}, spec: {members: [fw1], size: 2}}",
        &["members stands alone"],
    ),
    (
        "{apiVersion: guideway.dev/v1alpha1, kind: BackendPolicy, metadata: {name: bad}, spec: {healthCheck: {type: Tcp, timeout: 2s}, drainWindow: 25h}}",
        &["timeout must not be longer than interval", "must be from 1s to 24h"],
    ),
    (
        "{apiVersion: guideway.dev/v1alpha1, kind: Rollout, metadata: {name: bad}, spec: {budget: {interval: 30s}}}",
        &["interval goes with above: Spread"],
    ),
];
