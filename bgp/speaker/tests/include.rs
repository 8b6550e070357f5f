//! The file that `include` names comes, changes and goes while the speaker runs.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guideway_bgp_admin::v1::ListPeersRequest;
use guideway_bgp_admin::v1::speaker_client::SpeakerClient;

/// Ends with the test.
struct Speaker(Child);

impl Drop for Speaker {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Names of the peers; none while nobody answers.
async fn peers(socket: &Path) -> Option<Vec<String>> {
    let channel = guideway_dataplane_admin::connect(socket).await.ok()?;
    let answer = SpeakerClient::new(channel).list_peers(ListPeersRequest::default()).await.ok()?;
    Some(answer.into_inner().peers.into_iter().map(|peer| peer.name).collect())
}

async fn until(socket: &Path, wanted: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = peers(socket).await;
        if found.as_ref().is_some_and(|found| found.iter().eq(wanted)) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} are not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As lb-dataplane does.
fn put(path: &Path, text: &str) {
    let beside = path.with_added_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[tokio::test]
async fn another_file_is_taken_over_as_by_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (config, included, socket) = (at("bgp.yaml"), at("included.yaml"), at("bgp.sock"));
    let text = format!(
        "local_as: 65001\nrouter_id: 10.255.1.1\nlisten: off\nmetrics: {{listen: \"127.0.0.1:0\"}}\n\
         admin: {{socket: {}}}\nagent: {{socket: {}}}\nbfd: {{socket: {}}}\ninclude: {}\n",
        socket.display(),
        at("agent.sock").display(),
        at("bfd.sock").display(),
        included.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bgp-speaker"));
    command.arg("run").arg("--config").arg(&config).arg("--state-dir").arg(at("state"));
    let _speaker = Speaker(command.stderr(Stdio::null()).spawn().unwrap());
    until(&socket, &[]).await;
    // Addresses for documentation: nobody answers there.
    let peer = |name: &str, last: u8| {
        format!("{{\"name\": \"{name}\", \"address\": \"192.0.2.{last}\", \"remote_as\": 65000}}")
    };
    put(&included, &format!("{{\"peers\": [{}]}}", peer("one", 1)));
    until(&socket, &["one"]).await;
    // One that is wrong changes nothing, and the next one counts.
    put(&included, "{\"peers\": [{\"name\": \"half\"}]}");
    put(&included, &format!("{{\"peers\": [{}, {}]}}", peer("one", 1), peer("two", 2)));
    until(&socket, &["one", "two"]).await;
    fs::remove_file(&included).unwrap();
    until(&socket, &[]).await;
}
