//! The program, started and stopped as an operator does it.
#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Generous: machines are slow and noisy.
const PATIENCE: Duration = Duration::from_secs(60);

fn orchestrator() -> Command {
    Command::new(env!("CARGO_BIN_EXE_orchestrator"))
}

/// A server that is killed with the test.
struct Server(Child);

impl Server {
    fn start(folder: &Path) -> Self {
        let child = orchestrator()
            .args(["server", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Returns once it serves: commands are answered.
    fn ready(self, folder: &Path) -> Self {
        let deadline = Instant::now() + PATIENCE;
        // The socket comes last. One that a killed server left behind takes no connection.
        let is_ready = || UnixStream::connect(folder.join("control.sock")).is_ok();
        while !is_ready() {
            assert!(Instant::now() < deadline, "the server is not ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    /// Its exit status and what it wrote, after SIGTERM.
    fn stop(mut self) -> (bool, String) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.0.wait().unwrap();
        let mut text = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (status.success(), text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _status = self.0.wait();
    }
}

fn run(arguments: &[&str], folder: &Path) -> Output {
    orchestrator().arg(arguments[0]).arg("--data-dir").arg(folder).args(&arguments[1..]).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_life_of_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).ready(&data);
    let authority = std::fs::read_to_string(data.join("pki/ca.crt")).unwrap();

    // A second one is told who is there.
    let second = run(&["server", "--listen", "127.0.0.1:0"], &data);
    assert!(!second.status.success());
    assert!(words(&second).contains("is in use by another orchestrator"), "{}", words(&second));

    let output = run(&["kubeconfig", "--user", "alice", "--group", "dev"], &data);
    assert!(output.status.success(), "{}", words(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"name\": \"alice\""));

    let file = folder.path().join("backup");
    let path = file.to_str().unwrap();
    let output = run(&["backup", path], &data);
    assert!(output.status.success(), "{}", words(&output));
    assert!(!run(&["backup", path], &data).status.success());
    assert!(run(&["defragment"], &data).status.success());

    let (is_good, text) = server.stop();
    assert!(is_good, "{text}");

    // The same authority after a restart, and the same from a backup.
    let server = Server::start(&data).ready(&data);
    assert_eq!(std::fs::read_to_string(data.join("pki/ca.crt")).unwrap(), authority);
    let (is_good, text) = server.stop();
    assert!(is_good, "{text}");
    let restored = folder.path().join("restored");
    let output = run(&["restore", path], &restored);
    assert!(output.status.success(), "{}", words(&output));
    assert!(!run(&["restore", path], &restored).status.success(), "a store that is there is not overwritten");
    let (is_good, text) = Server::start(&restored).ready(&restored).stop();
    assert!(is_good, "{text}");
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["backup", "x"], &folder.path().join("none"));
    assert!(words(&output).contains("is no data folder of a server"), "{}", words(&output));
    let output = run(&["server", "--service-cidr", "10.0.0.0/31"], folder.path());
    assert!(words(&output).contains("is too small"), "{}", words(&output));
    let output = run(&["server", "--listen", "203.0.113.1:1"], folder.path());
    assert!(words(&output).contains("cannot be listened on; choose another --listen"), "{}", words(&output));
    let output = run(&["server", "--etcd-servers", "https://127.0.0.1:1"], folder.path());
    assert!(words(&output).contains("need --etcd-cafile"), "{}", words(&output));
}
