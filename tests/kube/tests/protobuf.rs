//! From kubectl 1.32 on, `kubectl create` sends protobuf: what it makes is what older ones make with JSON.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::process::Command;

use guideway_kube_tests::{Kubectl, Server, kubectl};
use serde_json::Value;

/// What is made, and the commands that make it. The name is that of the object.
const COMMANDS: &[(&str, &str)] = &[
    ("configmap/x", "create configmap x --from-literal=a=b"),
    ("secret/x", "create secret generic x --from-literal=a=b"),
    ("secret/y", "create secret docker-registry y --docker-server=s --docker-username=u --docker-password=p"),
    ("namespace/x-MINOR", "create namespace x-MINOR"),
    ("deployment/x", "create deployment x --image=nginx --replicas=3 --port=80 -- sleep 1"),
    ("service/c", "create service clusterip c --tcp=80:8080 --tcp=443"),
    ("service/h", "create service clusterip h --clusterip=None"),
    ("service/n", "create service nodeport n --tcp=80:8080"),
    ("service/l", "create service loadbalancer l --tcp=80:8080"),
    ("service/e", "create service externalname e --external-name=example.org"),
    ("quota/x", "create quota x --hard=cpu=1,memory=1Gi,pods=2 --scopes=NotTerminating"),
    ("job/x", "create job x --image=busybox -- date -u"),
    ("cronjob/x", "create cronjob x --image=busybox --schedule='*/5 * * * *' --restart=OnFailure -- date"),
    ("ingress/x", "create ingress x --class=c --rule=example.org/a*=c:80,tls=t --annotation=a=b"),
    ("serviceaccount/x", "create serviceaccount x"),
    ("role/x", "create role x --verb=get,list --resource=pods,deployments.apps --resource-name=a"),
    ("rolebinding/x", "create rolebinding x --role=x --user=u --group=g --serviceaccount=default:x"),
    ("clusterrole/x-MINOR", "create clusterrole x-MINOR --verb=get --non-resource-url=/healthz"),
    ("clusterrolebinding/x-MINOR", "create clusterrolebinding x-MINOR --clusterrole=x --user=u"),
    ("pdb/x", "create poddisruptionbudget x --selector=a=b --min-available=50%"),
    (
        "priorityclass/x-MINOR",
        "create priorityclass x-MINOR --value=7 --description=d --preemption-policy=Never",
    ),
];

/// The first version that sends protobuf.
const PROTOBUF: u32 = 32;

fn run(kubectl: &Kubectl, server: &Server, arguments: &str) -> String {
    let command = format!(
        "{} --kubeconfig={} --cache-dir={} --namespace=made-{} {}",
        kubectl.path.display(),
        server.kubeconfig().display(),
        server.folder().join("cache").display(),
        kubectl.minor,
        arguments.replace("MINOR", &kubectl.minor.to_string())
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The object without what differs from one to the next.
fn made(kubectl: &Kubectl, server: &Server, name: &str) -> String {
    let mut object: Value =
        serde_json::from_str(&run(kubectl, server, &format!("get {name} -o json --show-managed-fields")))
            .unwrap();
    // Who creates an object has no say in its status: controllers write it, sooner or later.
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    if let Some(managed) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        managed.retain(|fields| fields["subresource"] != "status");
    }
    for field in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
        metadata.remove(field);
    }
    for fields in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
        fields.as_object_mut().unwrap().remove("time");
    }
    // Unique in the cluster.
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        if spec.get("clusterIP").is_some_and(|address| address != "None") {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            port.as_object_mut().unwrap().remove("nodePort");
        }
    }
    // Jobs are selected by their uid.
    let text = serde_json::to_string_pretty(&object).unwrap();
    let own = format!("-{}\"", kubectl.minor);
    text.lines()
        .filter(|line| !line.contains("controller-uid"))
        .map(|line| line.replace(&own, "-N\"") + "\n")
        .collect()
}

#[test]
fn protobuf_and_json_make_the_same_objects() {
    let all = kubectl::all();
    let json = all.iter().rev().find(|kubectl| kubectl.minor < PROTOBUF && kubectl.minor >= 27);
    let Some((json, protobuf)) = json.zip(all.iter().rev().find(|kubectl| kubectl.minor >= PROTOBUF)) else {
        println!("skipped: this machine has no two kubectl on both sides of 1.{PROTOBUF}; it has {all:?}");
        return;
    };
    let server = Server::start().unwrap();
    for kubectl in [json, protobuf] {
        run(kubectl, &server, "create namespace made-MINOR");
    }
    let mut different = String::new();
    for (name, command) in COMMANDS {
        let [a, b] = [json, protobuf].map(|kubectl| {
            run(kubectl, &server, command);
            made(kubectl, &server, &name.replace("MINOR", &kubectl.minor.to_string()))
        });
        if a != b {
            different += &format!("{command}\n--- 1.{}\n{a}\n--- 1.{}\n{b}\n", json.minor, protobuf.minor);
        }
    }
    assert!(different.is_empty(), "{different}");
}
