//! Runs the binary against a controller played by this process, and `import` against none.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Stdio;

use guideway_controller_admin::v1;
use guideway_controller_admin::v1::controller_server::{Controller, ControllerServer};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::process::Command;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// Generation 42 waits; 41 and 40 are at hand.
struct Played;

fn stamp(generation: u64) -> Option<v1::Stamp> {
    Some(v1::Stamp { generation, digest: "0".repeat(64) })
}

fn outcome(outcome: &str, generation: u64) -> Result<Response<v1::OutcomeResponse>, Status> {
    let reason = if outcome == "refused" { "fw1 refused it".to_owned() } else { String::new() };
    Ok(Response::new(v1::OutcomeResponse { outcome: outcome.to_owned(), stamp: stamp(generation), reason }))
}

#[tonic::async_trait]
impl Controller for Played {
    async fn list_services(
        &self,
        _: Request<v1::ListServicesRequest>,
    ) -> Result<Response<v1::ListServicesResponse>, Status> {
        let service =
            v1::Service { cluster: "east".to_owned(), name: "shop".to_owned(), ..v1::Service::default() };
        Ok(Response::new(v1::ListServicesResponse { services: vec![service], ..Default::default() }))
    }

    async fn list_pools(
        &self,
        _: Request<v1::ListPoolsRequest>,
    ) -> Result<Response<v1::ListPoolsResponse>, Status> {
        let pool = v1::Pool { name: "public".to_owned(), family: 4, ..v1::Pool::default() };
        Ok(Response::new(v1::ListPoolsResponse { pools: vec![pool] }))
    }

    async fn list_forwarders(
        &self,
        _: Request<v1::ListForwardersRequest>,
    ) -> Result<Response<v1::ListForwardersResponse>, Status> {
        Err(Status::failed_precondition("this controller does not lead; controller-b does: ask there"))
    }

    async fn list_shards(
        &self,
        _: Request<v1::ListShardsRequest>,
    ) -> Result<Response<v1::ListShardsResponse>, Status> {
        let shard = v1::Shard { name: "tenants".to_owned(), ..v1::Shard::default() };
        Ok(Response::new(v1::ListShardsResponse { shards: vec![shard] }))
    }

    async fn generations(
        &self,
        _: Request<v1::GenerationsRequest>,
    ) -> Result<Response<v1::GenerationsResponse>, Status> {
        let role = "leading".to_owned();
        Ok(Response::new(v1::GenerationsResponse {
            role,
            term: 5,
            committed: stamp(41),
            ..Default::default()
        }))
    }

    async fn history(&self, _: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let past = v1::PastGeneration { stamp: stamp(41), in_force: true, ..v1::PastGeneration::default() };
        Ok(Response::new(v1::HistoryResponse { generations: vec![past] }))
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffResponse>, Status> {
        match request.into_inner().generation {
            0 | 40 => {
                let change = v1::Change {
                    what: "vip".to_owned(),
                    name: "v".to_owned(),
                    how: "added".to_owned(),
                    detail: String::new(),
                };
                Ok(Response::new(v1::DiffResponse {
                    from: stamp(41),
                    to: stamp(42),
                    held: true,
                    changes: vec![change],
                    ..v1::DiffResponse::default()
                }))
            }
            other => Err(Status::not_found(format!("the content of generation {other} is not at hand"))),
        }
    }

    async fn apply(
        &self,
        request: Request<v1::ApplyRequest>,
    ) -> Result<Response<v1::OutcomeResponse>, Status> {
        assert_eq!(request.into_inner().generation, 42);
        outcome("committed", 42)
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::OutcomeResponse>, Status> {
        match request.into_inner().generation {
            40 => outcome("committed", 43),
            39 => outcome("held", 43),
            _ => outcome("refused", 43),
        }
    }

    async fn resume(&self, _: Request<v1::ResumeRequest>) -> Result<Response<v1::OutcomeResponse>, Status> {
        outcome("resumed", 0)
    }
}

/// Exit code, standard output and standard error of `lbctl ARGS` with this on its standard input.
async fn lbctl(folder: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbctl"))
        .env_remove("GUIDEWAY_CONTROLLER_SOCKET")
        .arg("--controller-socket")
        .arg(folder.join("controller.sock"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input may have closed it.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("controller.sock")).unwrap();
    tokio::spawn(
        Server::builder()
            .add_service(ControllerServer::new(Played))
            .serve_with_incoming(UnixListenerStream::new(listener)),
    );
    let expected = [
        (vec!["services"], 0, "shop"),
        (vec!["pools"], 0, "public"),
        (vec!["shards", "-o", "json"], 0, "\"name\": \"tenants\""),
        (vec!["generations"], 0, "leading, term 5"),
        (vec!["history"], 0, "in force"),
        (vec!["diff"], 0, "waits for `lbctl apply --yes`"),
        (vec!["diff", "40"], 0, "vip"),
        (vec!["apply"], 1, "nothing is applied"),
        (vec!["apply", "--yes"], 0, "generation 42 (0000000000000000) is committed"),
        (vec!["rollback", "40"], 0, "is committed"),
        (vec!["rollback", "39"], 1, "waits: it disturbs more than the budget allows"),
        (vec!["rollback", "38"], 1, "refused: fw1 refused it"),
        (vec!["resume"], 0, "rolled out again"),
    ];
    for (args, code, word) in expected {
        let (got, stdout, stderr) = lbctl(folder.path(), &args, "").await;
        assert_eq!((got, stderr.as_str()), (code, ""), "{args:?}: {stdout}");
        assert!(stdout.contains(word), "{args:?}: {stdout}");
    }
    let (code, _, stderr) = lbctl(folder.path(), &["diff", "7"], "").await;
    assert_eq!((code, stderr.as_str()), (1, "lbctl: the content of generation 7 is not at hand\n"));
    let (code, _, stderr) = lbctl(folder.path(), &["forwarders"], "").await;
    assert!(code == 3 && stderr.contains("controller-b does: ask there"), "{stderr}");
    for wrong in [&["rollback", "0"][..], &["rollback"], &["diff", "x"], &["import"]] {
        assert_eq!(lbctl(folder.path(), wrong, "").await.0, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn no_controller_is_told_with_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = lbctl(folder.path(), &["services"], "").await;
    assert_eq!(code, 3);
    for word in ["lb-controller cannot be reached", "controller.sock", "--controller-socket"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
}

/// Three objects that carry over, and two that do not.
const DUAL_STACK: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: dual}
spec: {addresses: [192.0.2.0/26, "2001:db8::/120", "2001:db8:1::1-2001:db8:1::f"]}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: v6}
spec: {myASN: 64512, peerASN: 64513, peerAddress: "2001:db8::1"}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {metallb.io/loadBalancerIPs: "192.0.2.1,2001:db8::1"}}
spec: {type: LoadBalancer, ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: mixed}
spec: {addresses: ["192.0.2.1-2001:db8::1", "2001:db8::f-2001:db8::1", "fe80::/64"]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: a}
spec: {aggregationLengthV6: 129}
"#;

#[tokio::test]
async fn an_import_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pool = |addresses: &str| {
        format!(
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: a}}\nspec: {{addresses: [{addresses}]}}\n"
        )
    };
    let (code, stdout, _) = lbctl(folder.path(), &["import", "metallb"], &pool("192.0.2.0/24")).await;
    assert!(code == 0 && stdout.contains("carries over"), "{stdout}");
    let dual = folder.path().join("dual.yaml");
    std::fs::write(&dual, DUAL_STACK).unwrap();
    let (code, stdout, _) =
        lbctl(folder.path(), &["import", "metallb", "-o", "json", dual.to_str().unwrap()], "").await;
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let verdicts: Vec<_> = report["objects"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    let good = "carries over";
    let expected = [good, good, good, "refused", "refused"];
    assert!(code == 1 && verdicts == expected, "{stdout}");
    for words in ["mixes IPv4 and IPv6", "write 2001:db8::1-2001:db8::f", "link-local", "from 1 to 128"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    let file = folder.path().join("bad.yaml");
    std::fs::write(&file, pool("192.0.2.1")).unwrap();
    let (code, stdout, _) =
        lbctl(folder.path(), &["import", "metallb", "-o", "json", file.to_str().unwrap()], "").await;
    assert!(code == 1 && stdout.contains("write 192.0.2.1/32 for one address"), "{stdout}");
    let (code, _, stderr) = lbctl(folder.path(), &["import", "metallb", "-"], "a: [").await;
    assert!(code == 2 && stderr.contains("neither YAML nor JSON"), "{stderr}");
    let (code, _, stderr) = lbctl(folder.path(), &["import", "metallb", "/nowhere/x.yaml"], "").await;
    assert!(code == 2 && stderr.contains("/nowhere/x.yaml"), "{stderr}");
}
