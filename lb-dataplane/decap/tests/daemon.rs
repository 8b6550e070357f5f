//! The daemon in a network namespace of its own.
#![allow(clippy::unwrap_used)]

mod needs_root {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    use guideway_dataplane_admin::connect;
    use guideway_dataplane_admin::decap::v1::decap_client::DecapClient;
    use guideway_dataplane_admin::decap::v1::{StatusRequest, StatusResponse};
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    const LB_DECAP: &str = env!("CARGO_BIN_EXE_lb-decap");
    const TIMEOUT: Duration = Duration::from_secs(20);

    /// Ends the daemon and removes its pins, also by a panic.
    struct Place {
        folder: tempfile::TempDir,
        pins: PathBuf,
        daemon: Option<Child>,
    }

    impl Drop for Place {
        fn drop(&mut self) {
            if let Some(mut daemon) = self.daemon.take() {
                let _ended = daemon.kill();
                let _ended = daemon.wait();
            }
            let _gone = guideway_bpf::Decap::remove(&self.pins);
        }
    }

    impl Place {
        fn new() -> Self {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            run("ip link set lo up");
            add_interface();
            let pins = PathBuf::from(format!("/sys/fs/bpf/guideway-decap-daemon-{}", std::process::id()));
            Self { folder: tempfile::tempdir().unwrap(), pins, daemon: None }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("decap.yaml")
        }

        fn socket(&self) -> PathBuf {
            self.folder.path().join("run/decap.sock")
        }

        fn write(&self, services: &str) {
            let text = format!(
                "interfaces: [{{name: up0}}]\nadmin: {{socket: {}}}\nmetrics: {{listen: \"127.0.0.1:9472\"}}\n\
                 services:\n{services}",
                self.socket().display()
            );
            let next = self.folder.path().join("next");
            fs::write(&next, text).unwrap();
            fs::rename(next, self.file()).unwrap();
        }

        fn start(&mut self) {
            let mut command = Command::new(LB_DECAP);
            command.arg("run").arg("--config").arg(self.file()).arg("--pin-root").arg(&self.pins);
            self.daemon = Some(command.spawn().unwrap());
            until("the daemon is ready", || http("/ready").starts_with("HTTP/1.1 200"));
        }

        fn signal(&self, signal: Signal) {
            let id = self.daemon.as_ref().unwrap().id();
            kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
        }

        fn stop(&mut self) {
            self.signal(Signal::SIGTERM);
            assert!(self.daemon.take().unwrap().wait().unwrap().success());
        }

        fn status(&self) -> StatusResponse {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut client = DecapClient::new(connect(self.socket()).await.unwrap());
                client.status(StatusRequest {}).await.unwrap().into_inner()
            })
        }

        fn lb_decap(&self, words: &[&str]) -> (i32, String) {
            let output =
                Command::new(LB_DECAP).args(words).arg("--pin-root").arg(&self.pins).output().unwrap();
            (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
        }
    }

    fn add_interface() {
        run("ip link add up0 type veth peer name peer0");
        run("ip link set up0 up");
        run("ip addr add 10.0.0.2/24 dev up0");
    }

    fn run(words: &str) -> String {
        let words: Vec<&str> = words.split(' ').collect();
        let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + TIMEOUT;
        while !condition() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The whole answer; empty when nobody listens.
    fn http(path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect("127.0.0.1:9472") else { return String::new() };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _cut = stream.read_to_string(&mut answer);
        answer
    }

    fn on_lo(vip: &str) -> bool {
        run("ip addr show dev lo").contains(vip)
    }

    fn sysctl(name: &str) -> String {
        fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap().trim().to_owned()
    }

    #[test]
    fn the_daemon_follows_its_file_and_puts_right_what_others_change() {
        let mut place = Place::new();
        let before = sysctl("net/ipv4/conf/up0/arp_ignore");
        place.write("  - {vip: 203.0.113.10}\n  - {vip: 203.0.113.20, port: 80, protocol: tcp, target: \"10.0.0.2:8080\"}\n");
        place.start();
        let status = place.status();
        let interface = &status.interfaces[0];
        assert_eq!(
            (interface.name.as_str(), interface.mode.as_str(), interface.egress),
            ("up0", "native", true)
        );
        assert_eq!(status.problems, [""; 0]);
        let services: Vec<String> = status
            .services
            .iter()
            .map(|s| format!("{} {} {} {} {}", s.vip, s.port, s.protocol, s.kind, s.target))
            .collect();
        assert_eq!(
            services,
            [
                "203.0.113.10 0 any as_is ",
                "203.0.113.20 0 any refuse ",
                "203.0.113.20 80 tcp translate 10.0.0.2:8080"
            ]
        );
        assert!(on_lo("203.0.113.10/32") && !on_lo("203.0.113.20"));
        assert_eq!(sysctl("net/ipv4/conf/up0/arp_ignore"), "1");
        assert!(http("/metrics").contains("guideway_decap_interface_attached{interface=\"up0\"} 1\n"));
        assert!(http("/metrics").contains("guideway_decap_packets_total{verdict=\"gue\"} 0\n"));

        // Another file: what goes, goes; what stays, stays.
        place.write("  - {vip: 203.0.113.11}\n  - {vip: 203.0.113.20, port: 80, protocol: tcp, target: \"10.0.0.2:8081\"}\n");
        until("the new VIP is on lo, the old one is not", || {
            on_lo("203.0.113.11/32") && !on_lo("203.0.113.10")
        });
        until("the new target is there", || {
            place.status().services.iter().any(|service| service.target == "10.0.0.2:8081")
        });

        // One with mistakes changes nothing and is told of; SIGHUP reads it again and changes nothing either.
        fs::write(place.file(), "services: 7\n").unwrap();
        until("the mistake is told", || http("/ready").starts_with("HTTP/1.1 503"));
        place.signal(Signal::SIGHUP);
        let status = place.status();
        assert_eq!(status.problems.len(), 1, "{:?}", status.problems);
        assert!(status.problems[0].contains("decap.yaml:1:"), "{:?}", status.problems);
        assert!(on_lo("203.0.113.11/32"));
        assert_eq!(status.services.len(), 3);
        place.write("  - {vip: 203.0.113.11}\n");
        until("all is right again", || http("/ready").starts_with("HTTP/1.1 200"));

        // What others take away comes back.
        run("ip addr del 203.0.113.11/32 dev lo");
        until("the VIP is back on lo", || on_lo("203.0.113.11/32"));
        run("ip link del up0");
        until("the interface is missed", || http("/ready").starts_with("HTTP/1.1 503"));
        add_interface();
        until("the programs are back", || http("/ready").starts_with("HTTP/1.1 200"));
        until("both of them", || place.status().interfaces[0].egress);

        // The programs outlive the daemon, and the next one finds them.
        place.stop();
        assert!(!place.socket().exists());
        assert_eq!(place.lb_decap(&["status"]).0, 0);
        place.start();
        assert_eq!(place.status().problems, [""; 0]);
        assert_ne!(place.lb_decap(&["detach"]).0, 0, "a daemon holds the pins");
        place.stop();
        let (code, told) = place.lb_decap(&["detach"]);
        assert_eq!(code, 0, "{told}");
        assert!(!place.pins.exists() && !on_lo("203.0.113.11"));
        assert!(!run("ip link show dev up0").contains("xdp"));
        assert_eq!(sysctl("net/ipv4/conf/up0/arp_ignore"), before);
    }

    #[test]
    fn pins_that_are_not_whole_can_be_taken_down_and_those_of_others_are_left_alone() {
        let mut place = Place::new();
        place.write("  - {vip: 203.0.113.10}\n");
        place.start();
        place.stop();
        // As of a release that had fewer maps.
        fs::remove_file(place.pins.join("maps/DECAP_HALF_OPEN")).unwrap();
        assert_ne!(place.lb_decap(&["status"]).0, 0);
        let (code, told) = place.lb_decap(&["detach"]);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("is not whole") && told.contains("removed"), "{told}");
        assert!(!place.pins.exists() && !run("ip link show up0").contains("xdp"));

        place.start();
        place.stop();
        let error = guideway_bpf::Dataplane::remove(&place.pins).unwrap_err();
        assert!(error.to_string().contains("lb-decap detach --pin-root"), "{error}");
        assert_eq!(place.lb_decap(&["status"]).0, 0);
        assert_eq!(place.lb_decap(&["detach"]).0, 0);
    }

    #[test]
    fn up_is_the_same_without_a_daemon() {
        let place = Place::new();
        run("ip addr add 203.0.113.9/32 dev lo");
        let up = |vips: &[&str]| {
            let mut words = vec!["up", "--interface", "up0", "--vip"];
            words.extend(vips);
            let (code, told) = place.lb_decap(&words);
            assert_eq!(code, 0, "{told}");
            told
        };
        up(&["203.0.113.9", "203.0.113.10", "2001:db8::10"]);
        assert!(on_lo("203.0.113.10/32") && on_lo("2001:db8::10/128"));
        let again = up(&["203.0.113.9", "203.0.113.10", "2001:db8::10"]);
        assert_eq!(
            again.lines().filter(|line| !line.starts_with("note")).count(),
            1,
            "nothing to do: {again}"
        );
        up(&["203.0.113.9", "203.0.113.11"]);
        assert!(on_lo("203.0.113.11/32") && !on_lo("203.0.113.10/32") && !on_lo("2001:db8::10"));
        let (code, status) = place.lb_decap(&["status"]);
        assert_eq!(code, 0, "{status}");
        assert!(status.contains("203.0.113.9: delivered as it is"), "{status}");
        assert_eq!(place.lb_decap(&["detach"]).0, 0);
        // What was there before stays.
        assert!(on_lo("203.0.113.9/32") && !on_lo("203.0.113.11"));
        assert_eq!(place.lb_decap(&["status"]).0, 3);
    }

    #[test]
    fn check_tells_mistakes_by_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        fs::write(&file, "interfaces: [{name: up0}]\nservices: [{vip: nonsense}]\n").unwrap();
        let output = Command::new(LB_DECAP).arg("check").arg("--config").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.starts_with(&format!("{}:2:", file.display())) && told.contains("vip: not an"),
            "{told}"
        );
    }
}
