//! Peers that know each other by an interface only, in two network namespaces. Each is a thread's own and goes with it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use futures_util::TryStreamExt;
use guideway_bgp_config::{BGP_PORT, PeerConfig, Remote};
use guideway_bgp_fsm::{Config, RemoteAs, State};
use guideway_bgp_peer::{Peers, Router, Settings};
use guideway_bgp_wire::Families;
use nix::sched::{CloneFlags, unshare};
use rtnetlink::{Handle, LinkUnspec, LinkVeth};
use tokio::runtime::{Builder, Runtime};

use crate::lab::{Recorder, prefixes, until};

const INTERFACES: [&str; 2] = ["up0", "up1"];

/// What a namespace's thread is asked to do.
type Job = Box<dyn FnOnce(&Runtime) + Send>;

struct Namespace {
    file: File,
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Namespace {
    /// `None` where that is not allowed.
    fn new() -> Option<Self> {
        let (jobs, inbox): (Sender<Job>, Receiver<Job>) = channel();
        let (opened, file) = channel();
        let thread = std::thread::spawn(move || {
            if let Err(errno) = unshare(CloneFlags::CLONE_NEWNET) {
                eprintln!("skipped: no network namespace: {errno}");
                return;
            }
            opened.send(File::open("/proc/thread-self/ns/net").unwrap()).unwrap();
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            while let Ok(job) = inbox.recv() {
                job(&runtime);
            }
        });
        Some(Self { file: file.recv().ok()?, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `job` in the namespace and waits for it.
    fn run<T: Send + 'static>(&self, job: impl AsyncFnOnce() -> T + Send + 'static) -> Receiver<T> {
        let (sender, receiver) = channel();
        let job: Job = Box::new(move |runtime| {
            let _ = sender.send(runtime.block_on(job()));
        });
        self.jobs.as_ref().unwrap().send(job).unwrap();
        receiver
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn netlink() -> Handle {
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    handle
}

async fn set_up(name: &str) {
    let handle = netlink();
    let links: Vec<_> =
        handle.link().get().match_name(name.to_owned()).execute().try_collect().await.unwrap();
    let index = links[0].header.index;
    handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await.unwrap();
}

fn start(interface: &str, asn: u32, announced: u32) -> (Peers, Arc<Recorder>) {
    let router = Recorder::announcing(announced);
    let listen = vec![(std::net::Ipv6Addr::UNSPECIFIED, BGP_PORT).into()];
    let peers =
        Peers::start(Settings { listen, ..Settings::default() }, Arc::clone(&router) as Arc<dyn Router>);
    let mut session = Config::new(asn, std::net::Ipv4Addr::from(asn), RemoteAs::External);
    session.extended_next_hop = true;
    session.families = Families::NONE.with(guideway_bgp_wire::Family::Ipv4);
    let remote = Remote::LinkLocal { interface: interface.to_owned(), address: None };
    peers.apply(vec![PeerConfig::new(remote, session)]);
    (peers, router)
}

async fn problem(peers: &Peers, interface: &str, text: &str) {
    until(text, || {
        let problems = peers.status(interface)?.problems;
        problems.iter().any(|problem| problem.contains(text)).then_some(())
    })
    .await;
}

#[test]
fn two_peers_on_a_link_find_each_other() {
    let (Some(one), Some(two)) = (Namespace::new(), Namespace::new()) else { return };
    let there = two.file.try_clone().unwrap();
    let (made, is_made) = channel::<()>();
    // The first one is there before its interface is.
    let first = one.run(async move || {
        let (peers, router) = start(INTERFACES[0], 65001, 3);
        problem(&peers, "up0", "does not exist").await;
        let handle = netlink();
        handle.link().add(LinkVeth::new(INTERFACES[0], INTERFACES[1]).build()).execute().await.unwrap();
        let other = LinkUnspec::new_with_name(INTERFACES[1]).setns_by_fd(there.as_raw_fd()).build();
        handle.link().set(other).execute().await.unwrap();
        problem(&peers, "up0", "is down").await;
        set_up(INTERFACES[0]).await;
        made.send(()).unwrap();
        let status = until("a session", || {
            let status = peers.status("up0")?;
            (status.state == State::Established).then_some(status)
        })
        .await;
        let session = status.session.unwrap();
        assert!(session.remote.to_string().starts_with("[fe80::"), "{}", session.remote);
        assert!(session.negotiated.context.extended_next_hop);
        until("the other one's route", || (router.learnt() == prefixes(1)).then_some(())).await;
        let view = router.state.lock().unwrap().views.values().next().unwrap().clone();
        assert_eq!(view.interface.unwrap().0, "up0");
        assert_eq!(view.link_local.map(std::net::IpAddr::V6), Some(session.local.ip()));
        // The link goes, and comes back.
        let links: Vec<_> =
            handle.link().get().match_name("up0".to_owned()).execute().try_collect().await.unwrap();
        let index = links[0].header.index;
        handle.link().set(LinkUnspec::new_with_index(index).down().build()).execute().await.unwrap();
        peers.reset("up0", guideway_bgp_fsm::Stop::Reset(String::new())).unwrap();
        problem(&peers, "up0", "is down").await;
        set_up(INTERFACES[0]).await;
        until("a new session", || (peers.status("up0")?.sessions >= 2).then_some(())).await;
        until("its route again", || (router.learnt() == prefixes(1)).then_some(())).await;
        peers.stop(guideway_bgp_fsm::Stop::Shutdown("done".to_owned())).await;
    });
    is_made.recv().unwrap();
    let second = two.run(async move || {
        set_up(INTERFACES[1]).await;
        let (peers, router) = start(INTERFACES[1], 65002, 1);
        until("the routes", || (router.learnt() == prefixes(3)).then_some(())).await;
        until("the end", || {
            let history = peers.history("up1")?;
            history.iter().any(|event| event.reason.contains("done")).then_some(())
        })
        .await;
    });
    first.recv().expect("the first one");
    second.recv().expect("the second one");
}
