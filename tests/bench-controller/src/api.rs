//! Objects in the API server.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use guideway_kube_tests::{Server, kubectl};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

/// Requests at the same time.
const CLIENTS: usize = 32;

pub(crate) struct Objects {
    services: Api<Service>,
    slices: Api<EndpointSlice>,
}

/// The definitions, the namespace of the controller, a pool and the forwarders.
pub(crate) fn prepare(server: &Server, forwarders: usize) -> Result<()> {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    let crds = crds.to_str().context("the path is no text")?;
    call(server, &["create", "-f", crds], None)?;
    call(server, &["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], None)?;
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "guideway" } }),
        json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": "all", "namespace": "guideway" }, "spec": { "addresses": ["100.64.0.0/16"] },
        }),
    ];
    objects.extend((0..forwarders).map(|number| {
        json!({
            "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder",
            "metadata": { "name": format!("lb-{number:02}"), "namespace": "guideway" }, "spec": {},
        })
    }));
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    call(server, &["create", "-f", "-"], Some(&list.to_string()))
}

fn call(server: &Server, arguments: &[&str], stdin: Option<&str>) -> Result<()> {
    let kubectl = kubectl::all().pop().context("there is no kubectl: install kubernetes-client")?;
    let mut child = Command::new(kubectl.path)
        .arg("--kubeconfig")
        .arg(server.kubeconfig())
        .args(arguments)
        .env("HOME", server.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    std::io::Write::write_all(&mut input, stdin.unwrap_or_default().as_bytes())?;
    drop(input);
    ensure!(child.wait()?.success(), "kubectl {} failed", arguments.join(" "));
    Ok(())
}

impl Objects {
    pub(crate) async fn new(server: &Server) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(server.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        Ok(Self {
            services: Api::namespaced(client.clone(), "default"),
            slices: Api::namespaced(client, "default"),
        })
    }

    /// Services of these numbers with five endpoints each.
    pub(crate) async fn create(self: &Arc<Self>, from: u32, to: u32) -> Result<()> {
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let objects = Arc::clone(self);
                tokio::spawn(async move {
                    for number in (from..to).skip(client).step_by(CLIENTS) {
                        objects.create_one(&name(number), &[80], number).await?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }

    /// One with these ports.
    pub(crate) async fn create_one(&self, name: &str, ports: &[u16], number: u32) -> Result<()> {
        let slice: EndpointSlice = serde_json::from_value(slice(name, ports, number, 0))?;
        self.slices.create(&PostParams::default(), &slice).await?;
        let ports: Vec<Value> =
            ports.iter().map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": "guideway.dev/load-balancer",
                "allocateLoadBalancerNodePorts": false, "ports": ports,
            },
        }))?;
        self.services.create(&PostParams::default(), &service).await?;
        Ok(())
    }

    /// Gives one of its endpoints another address; how long the API server took.
    pub(crate) async fn change(
        &self,
        name: &str,
        ports: &[u16],
        number: u32,
        round: u32,
    ) -> Result<Duration> {
        let slice: EndpointSlice = serde_json::from_value(slice(name, ports, number, round))?;
        let start = Instant::now();
        self.slices.replace(&slice_name(name), &PostParams::default(), &slice).await?;
        Ok(start.elapsed())
    }
}

pub(crate) fn name(number: u32) -> String {
    format!("s{number:05}")
}

fn slice_name(service: &str) -> String {
    format!("{service}-0")
}

/// Four endpoints that stay, and one of the round.
fn slice(service: &str, ports: &[u16], number: u32, round: u32) -> Value {
    let [_, high, middle, low] = number.to_be_bytes();
    let endpoints = (0..5_u32).map(|endpoint| {
        let last = if endpoint == 4 { 100 + round % 100 } else { endpoint };
        let address = format!("10.{}.{middle}.{low}", (u32::from(high) * 10 + last) % 256);
        json!({ "addresses": [address], "conditions": { "ready": true } })
    });
    let ports: Vec<Value> = ports
        .iter()
        .map(|port| json!({ "name": format!("p{port}"), "port": port, "protocol": "TCP" }))
        .collect();
    json!({
        "addressType": "IPv4",
        "metadata": { "name": slice_name(service), "labels": { "kubernetes.io/service-name": service } },
        "endpoints": endpoints.collect::<Vec<_>>(),
        "ports": ports,
    })
}
