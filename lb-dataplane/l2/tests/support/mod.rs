//! A network of one neighbour, which is the kernel, and two forwarders; each in a network namespace that ends with its
//! thread.
#![allow(dead_code)] // each test uses its own part

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use guideway_l2::{Status, Wanted, serve};
use nix::sched::{CloneFlags, unshare};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What is awaited comes in milliseconds; a slow machine gets this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command given by its words, in this thread's network namespace; gives what it says.
pub(crate) fn run(command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until `found` gives something.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Moves this thread into the neighbour's namespace: a bridge with 192.0.2.1/24 and 2001:db8::1/64, to which the
/// forwarders are connected.
pub(crate) fn neighbour() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes network namespaces and has to run as root");
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    run("ip link set lo up");
    run("ip link add br0 type bridge mcast_snooping 0 forward_delay 0");
    run("ip address add 192.0.2.1/24 dev br0");
    run("ip address add 2001:db8::1/64 dev br0 nodad");
    run("ip link set br0 up");
}

/// What a forwarder does in its namespace before it serves, with the name of its interface.
pub(crate) type Prepare = Box<dyn FnOnce(&str) + Send>;

/// A forwarder, which answers by its interface.
pub(crate) struct Forwarder {
    /// Name of its interface.
    pub(crate) name: &'static str,
    /// MAC address of its interface.
    pub(crate) mac: String,
    wanted: watch::Sender<Wanted>,
    /// What it tells.
    pub(crate) status: watch::Receiver<Status>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Forwarder {
    /// Connects a forwarder to the neighbour's bridge by a veth pair: `name` is its end, with `p` behind it the bridge's.
    pub(crate) fn start(name: &'static str, last: u8) -> Self {
        Self::start_with(name, last, Box::new(|_| ()))
    }

    pub(crate) fn start_with(name: &'static str, last: u8, prepare: Prepare) -> Self {
        let mac = format!("02:00:00:00:00:{last:02x}");
        let (wanted, wanted_here) = watch::channel(Wanted::default());
        let (status_here, status) = watch::channel(Status::default());
        let stop = CancellationToken::new();
        let (thread_id, its_id) = mpsc::channel();
        let (connected, is_connected) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            thread_id.send(nix::unistd::gettid()).unwrap();
            let () = is_connected.recv().unwrap();
            run("sysctl -qw net.ipv6.conf.default.accept_dad=0");
            prepare(name);
            run(&format!("ip link set {name} up"));
            ready.send(()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(wanted_here, status_here, stopped));
        });
        let id = its_id.recv().unwrap();
        run(&format!("ip link add {name}p type veth peer name {name} address {mac} netns {id}"));
        run(&format!("ip link set {name}p master br0 up"));
        connected.send(()).unwrap();
        is_ready.recv().unwrap();
        Self { name, mac, wanted, status, stop, thread: Some(thread) }
    }

    pub(crate) fn own(&self, addresses: &[&str]) {
        let owned = addresses.iter().map(|text| (text.parse().unwrap(), BTreeSet::new())).collect();
        self.wanted.send(Wanted { links: BTreeSet::from([self.name.to_owned()]), owned }).unwrap();
    }

    /// Waits until it serves its link.
    pub(crate) fn serves(&self) {
        let begin = Instant::now();
        // Nothing is told while there is nothing wrong and nothing done, so that an address is needed to see it.
        until("an announcement", || {
            assert!(begin.elapsed() < PATIENCE, "{:?}", self.status.borrow());
            (self.status.borrow().counts.announcements > 0).then_some(())
        });
    }

    pub(crate) fn problems(&self) -> BTreeMap<String, String> {
        let status = self.status.borrow();
        status.problems.iter().map(|(link, problem)| (link.clone(), problem.to_string())).collect()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the neighbour knows of an address: its MAC address, if it has one, and the state of the entry.
pub(crate) fn known(address: &str) -> (Option<String>, String) {
    let entry = run(&format!("ip neighbour show dev br0 to {address}"));
    let words: Vec<&str> = entry.split_whitespace().collect();
    let mac = words.iter().position(|word| *word == "lladdr").map(|at| words[at + 1].to_owned());
    (mac, words.last().copied().unwrap_or_default().to_owned())
}

/// Sends a datagram, so that the neighbour has to know where the address is.
pub(crate) fn dial(address: &str) {
    let address: IpAddr = address.parse().unwrap();
    let any: IpAddr = if address.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    let socket = UdpSocket::bind((any, 0)).unwrap();
    // Where nobody answers, it fails after a while.
    let _ = socket.send_to(b"x", (address, 9));
}

/// Waits until the neighbour finds the address at this MAC address, by asking.
pub(crate) fn finds(address: &str, mac: &str) {
    let begin = Instant::now();
    until(&format!("{address} at {mac}"), || {
        dial(address);
        let (found, _) = known(address);
        (found.as_deref() == Some(mac)).then_some(())
    });
    println!("{address} was found after {:?}", begin.elapsed());
}

/// Waits until the neighbour has asked for the address and got no answer.
pub(crate) fn finds_nobody(address: &str) {
    forget(address);
    dial(address);
    until(&format!("the end of the search for {address}"), || {
        let (found, state) = known(address);
        assert_eq!(found, None, "somebody answers for {address}");
        (state == "FAILED").then_some(())
    });
}

pub(crate) fn forget(address: &str) {
    let _ = Command::new("ip").args(["neighbour", "del", address, "dev", "br0"]).output().unwrap();
}

/// A directory in the bpffs, removed with its programs when dropped, also by a panic.
pub(crate) struct Pins(pub(crate) PathBuf);

impl Pins {
    pub(crate) fn new() -> Self {
        // The name is that of the packet tests' places, who remove what a killed run has left.
        Self(PathBuf::from(format!("/sys/fs/bpf/guideway-test-{}-l2", std::process::id())))
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let _ = guideway_bpf::Dataplane::remove(&self.0);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
