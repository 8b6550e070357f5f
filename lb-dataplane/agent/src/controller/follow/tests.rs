//! A forwarder and a controller, with everything between them but the kernel.

mod script;

use std::path::Path;

use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Delta, Generation, Term, Vip, diff};
use guideway_dataplane_config::Config;

use super::super::join;
use super::*;
use crate::control::tests::{Bench, Paper, paper};
use crate::fixtures::{CONFIG, content, put_shard};
use crate::view::View;
use crate::view::tests::Numbered;
use script::{Authority, Enrolling, Role, Script, Session};

const VIP: &str = "203.0.113.10/32";
/// Of the certificate of the forwarder.
const FRESH: Duration = Duration::from_secs(3500);

/// A forwarder that follows.
struct Forwarder {
    bench: Bench,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Forwarder {
    /// With the files and the state in `dir`.
    async fn start(paper: Arc<Paper>, dir: tempfile::TempDir, controllers: &[&Script]) -> Self {
        let mut addresses: Vec<String> = controllers.iter().map(|one| one.address.to_string()).collect();
        if addresses.is_empty() {
            // Where nobody listens.
            addresses.push("127.0.0.1:1".to_owned());
        }
        let at = |name: &str| dir.path().join(name).display().to_string();
        let text = format!(
            "interfaces: [{{name: up0}}]\nlimits: {{vips: 16, backends: 16, tables_65537: 1, tables_16381: 4}}\n\
             controller:\n  addresses: [{}]\n  name: fw-1\n  certificate: {}\n  key: {}\n  ca: {}\n  bgp_config: {}\n  relay: off\n",
            addresses.join(", "),
            at("crt"),
            at("key"),
            at("ca"),
            at("bgp.yaml")
        );
        let config = Config::parse("c.yaml", &text).unwrap();
        let controller = config.controller().unwrap().clone();
        let (folder, found, problems) = Folder::open(&dir.path().join("state"));
        assert!(problems.is_empty(), "{problems:?}");
        let shown = Arc::new(arc_swap::ArcSwap::from_pointee(first_view(&controller, &found)));
        let relays = dir.path().join("state/relays.json");
        let bench = Bench::start_with(paper, &text, dir, Some(shown.clone())).await;
        let counts = Arc::new(Numbered::default());
        let settings = FollowerSettings {
            // Generous: the machine may stand still for seconds.
            silence: Duration::from_secs(30),
            install_timeout: Duration::from_secs(30),
            keepalive: Duration::from_millis(200),
            retry: Duration::from_millis(100),
        };
        let follow_it = Follow {
            controller,
            requests: bench.requests.clone(),
            view: bench.outputs.view.clone(),
            flows: FlowCounter::new(counts.clone()),
            counts,
            addresses: vec!["192.0.2.1".parse().unwrap()],
            relays,
            room: Room { vips: 16, backends: 15, flows: 1024 },
            metrics: bench.outputs.metrics.clone(),
            shown,
            settings,
        };
        let stop = CancellationToken::new();
        let task =
            tokio::spawn(follow(follow_it, Left { folder, found, problems: Vec::new() }, stop.clone()));
        Self { bench, stop, task }
    }

    /// As if it was killed: nothing is said and nothing written any more.
    async fn kill(self) -> (Arc<Paper>, tempfile::TempDir) {
        self.task.abort();
        let _cancelled = self.task.await;
        self.bench.end_with_dir().await
    }

    async fn end(self) -> (Arc<Paper>, tempfile::TempDir) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.bench.end_with_dir().await
    }

    fn announces(&self) -> Option<Vec<String>> {
        self.bench.announced()
    }

    async fn until_announced(&self) {
        let view = self.bench.until("announced", View::is_ready).await;
        assert!(view.vips.iter().all(|vip| vip.announced));
        assert_eq!(self.announces(), Some(vec![VIP.to_owned()]));
    }
}

async fn start(controllers: &[&Script], authority: &Authority) -> Forwarder {
    let dir = tempfile::tempdir().unwrap();
    authority.write(dir.path(), "fw-1", FRESH);
    Forwarder::start(paper(), dir, controllers).await
}

fn stamp(generation: u64, content: &Content) -> Stamp {
    Stamp { generation: Generation(generation), digest: content.digest() }
}

impl Session {
    async fn hello(&mut self) -> Hello {
        self.next("Hello", |message| match message {
            FromForwarder::Hello(hello) => Some(hello),
            other => panic!("{other:?} before Hello"),
        })
        .await
    }

    async fn prepare(&mut self, term: u64, generation: u64, delta: Delta) -> Result<Cost, Vec<String>> {
        let (term, generation) = (Term(term), Generation(generation));
        let digest = delta.result;
        self.send(ToForwarder::Prepare { term, generation, delta: Arc::new(delta) }).await;
        self.next("Prepared", |message| match message {
            FromForwarder::Prepared { generation: found, digest: other, cost } if found == generation => {
                assert_eq!(other, digest);
                Some(Ok(cost))
            }
            FromForwarder::Refused { generation: found, errors } if found == generation => Some(Err(errors)),
            _ => None,
        })
        .await
    }

    async fn commit(&mut self, term: u64, stamp: Stamp) -> u64 {
        let Stamp { generation, digest } = stamp;
        self.send(ToForwarder::Commit { term: Term(term), generation, digest }).await;
        self.next("Committed", |message| match message {
            FromForwarder::Committed { generation: found, installed, .. } => {
                (found == generation).then_some(installed)
            }
            _ => None,
        })
        .await
    }

    async fn bring(&mut self, term: u64, generation: u64, content: &Content) -> u64 {
        self.prepare(term, generation, Delta::whole(content)).await.unwrap();
        self.commit(term, stamp(generation, content)).await
    }
}

/// The generations that another agent would find: those that were in force, and one that was prepared.
fn kept(dir: &Path) -> (Vec<u64>, Option<u64>) {
    // The agent that runs goes on with its own.
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("controller")).unwrap();
    let log = Path::new("controller").join("log");
    std::fs::copy(dir.join("state").join(&log), copy.path().join(&log)).unwrap();
    let (folder, found, problems) = Folder::open(copy.path());
    assert!(problems.is_empty(), "{problems:?}");
    let past = folder.list().iter().map(|(generation, ..)| generation.0).collect();
    (past, found.prepared.map(|(generation, _)| generation.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_prepared_and_committed() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    let hello = session.hello().await;
    assert_eq!((hello.standing.committed, hello.standing.prepared, hello.kept.len()), (None, None, 0));
    assert_eq!(hello.room, Room { vips: 16, backends: 15, flows: 1024 });
    assert!(hello.addresses.contains(&"192.0.2.1".parse().unwrap()));
    assert_eq!(forwarder.announces(), Some(vec![]));

    let first = content(&[11, 12], |_| {});
    let cost = session.prepare(1, 1, Delta::whole(&first)).await.unwrap();
    assert_eq!(cost, Cost::default(), "there is nothing to move");
    assert_eq!(forwarder.bench.paper.maps.activations(), 0, "prepared, and not installed");
    assert_eq!(session.commit(1, stamp(1, &first)).await, 1);
    forwarder.until_announced().await;
    assert_eq!(kept(forwarder.bench.dir.path()), (vec![1], None), "before Committed was said");
    let told = session.next("report", |message| match message {
        FromForwarder::Report(report) => report.vips.iter().any(|vip| vip.announced).then_some(report),
        _ => None,
    });
    let report = told.await;
    assert_eq!((report.installed, report.vips.len(), report.vips[0].healthy), (1, 2, 2));

    // A delta, over the one that is installed.
    let second = content(&[11, 12, 13], |_| {});
    let cost = session.prepare(1, 2, diff(&first, &second)).await.unwrap();
    assert!(cost.moved > 4000 && cost.at_risk == cost.moved, "{cost:?}");
    assert_eq!(session.commit(1, stamp(2, &second)).await, 2);
    assert_eq!(kept(forwarder.bench.dir.path()), (vec![1, 2], None));

    // One that is taken back leaves no trace.
    let third = content(&[11], |_| {});
    session.prepare(1, 3, diff(&second, &third)).await.unwrap();
    assert_eq!(kept(forwarder.bench.dir.path()), (vec![1, 2], Some(3)));
    session.send(ToForwarder::Abort { term: Term(1), generation: Generation(3) }).await;
    let standing = session.next("standing", |message| match message {
        FromForwarder::Keepalive(standing) => standing.prepared.is_none().then_some(standing),
        _ => None,
    });
    assert_eq!(standing.await.committed, Some((Generation(2), second.digest())));

    // A leader that lacks a content is given it.
    session.send(ToForwarder::SendContent { term: Term(1), generation: Generation(1) }).await;
    let sent = session.next("content", |message| match message {
        FromForwarder::Content { generation, content } => Some((generation, content)),
        _ => None,
    });
    let (generation, delta) = sent.await;
    assert_eq!((generation, delta.unwrap().build().unwrap()), (Generation(1), first));
    let committed = Some((2, second.digest().short()));
    let told = |view: &View| view.controller().unwrap().committed == committed;
    let view = forwarder.bench.until("told", told).await;
    let shown = view.controller().unwrap();
    assert_eq!((shown.leader.clone(), shown.term), (Some(leader.address.to_string()), 1));
    assert!(shown.faults.is_empty(), "{:?}", shown.faults);
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_limits_is_refused_and_changes_nothing() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    session.bring(1, 1, &content(&[11, 12], |_| {})).await;
    forwarder.until_announced().await;
    let before = forwarder.bench.paper.maps.visible();
    let backends: Vec<u8> = (1..=20).collect();
    let errors = session.prepare(1, 2, Delta::whole(&content(&backends, |_| {}))).await.unwrap_err();
    assert!(errors.iter().any(|error| error.contains("limits.backends")), "{errors:?}");
    assert_eq!(forwarder.bench.paper.maps.visible(), before);
    assert_eq!(forwarder.announces(), Some(vec![VIP.to_owned()]));
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_for_more_flow_entries_than_there_are_stops_nothing() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    let wish = |entries: Option<u32>| {
        content(&[11, 12], |content| {
            let vip = content.vips().values().next().unwrap();
            content.put_vip(Vip { flow_entries: entries, ..(**vip).clone() });
        })
    };
    session.bring(1, 1, &wish(Some(1 << 26))).await;
    forwarder.until_announced().await;
    let all = Config::parse("c.yaml", CONFIG).unwrap().limits().flows;
    let entries = |view: &View| view.vips.iter().map(|vip| vip.flow_entries).max();
    forwarder.bench.until("all that there is", |view| entries(view) == Some(all)).await;
    session.bring(1, 2, &wish(None)).await;
    forwarder.bench.until("its share", |view| entries(view).is_some_and(|entries| entries < all)).await;
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_lasts_until_what_is_committed_is_installed() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    session.bring(1, 1, &content(&[11, 12], |_| {})).await;
    forwarder.until_announced().await;
    let reason = "generation 2 is committed".to_owned();
    session.send(ToForwarder::Fence { term: Term(1), generation: Generation(2), reason }).await;
    session.next("Fenced", |message| matches!(message, FromForwarder::Fenced { .. }).then_some(())).await;
    let view = forwarder.bench.until("fenced", |view| view.fence.is_some()).await;
    assert!(view.vips[0].served && !view.vips[0].announced);
    forwarder.bench.until("withdrawn", |_| forwarder.announces() == Some(vec![])).await;
    session.bring(1, 2, &content(&[11, 13], |_| {})).await;
    forwarder.until_announced().await;
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_by_no_controller_withdraws_until_it_is_told_what_is_committed() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    let one = content(&[11, 12], |_| {});
    session.bring(1, 1, &one).await;
    forwarder.until_announced().await;
    *leader.role.lock().unwrap() = Role::Revokes;
    drop(session);
    let view = forwarder.bench.until("withdrawn", |view| view.fence.is_some()).await;
    assert!(view.fence.as_ref().unwrap().ends_with("there is no such Forwarder"));
    forwarder.bench.until("withdrawn", |_| forwarder.announces() == Some(vec![])).await;
    *leader.role.lock().unwrap() = Role::Leads;
    let mut session = leader.session().await;
    assert!(session.hello().await.standing.fenced);
    let Stamp { generation, digest } = stamp(1, &one);
    session.send(ToForwarder::Commit { term: Term(1), generation, digest }).await;
    forwarder.until_announced().await;
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_and_another_leader_are_no_event() {
    let authority = Arc::new(Authority::new());
    let mut first = Script::listen(&authority).await;
    let mut second = Script::listen(&authority).await;
    *second.role.lock().unwrap() = Role::StandsBy;
    let forwarder = start(&[&second, &first], &authority).await;
    let mut session = first.session().await;
    session.hello().await;
    let one = content(&[11, 12], |_| {});
    session.bring(3, 1, &one).await;
    forwarder.until_announced().await;

    // The leader is gone, and nobody leads for a while.
    drop(session);
    let gone = first.address;
    drop(first);
    forwarder.bench.until("told", |view| !view.controller().unwrap().problem.is_empty()).await;
    assert_eq!(forwarder.announces(), Some(vec![VIP.to_owned()]), "{gone} is not needed to serve");

    *second.role.lock().unwrap() = Role::Leads;
    let mut session = second.session().await;
    let hello = session.hello().await;
    assert_eq!(hello.standing.committed, Some((Generation(1), one.digest())));
    assert_eq!(hello.standing.highest_term, Term(3));
    assert_eq!(hello.kept.len(), 1);
    // It cannot be the leader of an earlier term.
    session.send(ToForwarder::Keepalive { term: Term(2) }).await;
    let stale = session.next("Stale", |message| match message {
        FromForwarder::Stale { highest } => Some(highest),
        _ => None,
    });
    assert_eq!(stale.await, Term(3));
    // It does not stay with such a one.
    let mut session = second.session().await;
    session.hello().await;
    session.bring(4, 2, &content(&[11], |_| {})).await;
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_at_any_step_comes_back_with_one_generation() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    let (first, second) = (content(&[11, 12], |_| {}), content(&[11, 13], |_| {}));
    session.bring(1, 1, &first).await;
    forwarder.until_announced().await;
    session.prepare(1, 2, diff(&first, &second)).await.unwrap();

    // Between prepare and commit.
    let (paper, dir) = forwarder.kill().await;
    let activations = paper.maps.activations();
    let forwarder = Forwarder::start(paper, dir, &[&leader]).await;
    let mut session = leader.session().await;
    let hello = session.hello().await;
    assert_ne!(hello.standing.committed, Some((Generation(2), second.digest())));
    forwarder.until_announced().await;
    assert_eq!(forwarder.bench.paper.maps.activations(), activations, "it found everything in place");
    // The record says that it was committed: what was prepared is still there.
    session.commit(2, stamp(2, &second)).await;
    forwarder.bench.until("installed", |view| view.generation == 2).await;

    // After the commit, with no controller at all.
    drop(session);
    drop(leader);
    let (paper, dir) = forwarder.kill().await;
    let forwarder = Forwarder::start(paper, dir, &[]).await;
    forwarder.until_announced().await;
    let committed = Some((2, second.digest().short()));
    let told = |view: &View| view.controller().unwrap().committed == committed;
    assert_eq!(forwarder.bench.until("told", told).await.generation, 2);
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_to_another_shard_stops_to_announce() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let forwarder = start(&[&leader], &authority).await;
    let mut session = leader.session().await;
    session.hello().await;
    session.bring(1, 1, &content(&[11], |_| {})).await;
    forwarder.until_announced().await;
    session.bring(1, 2, &content(&[11], |content| put_shard(content, &["fw-2"], &[]))).await;
    forwarder.bench.until("withdrawn", |_| forwarder.announces() == Some(vec![])).await;
    let view = forwarder.bench.outputs.view.load_full();
    assert!(view.vips[0].served && view.fence.is_none());
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_certificate_is_renewed_and_strangers_are_not_followed() {
    let authority = Arc::new(Authority::new());
    let mut leader = Script::listen(&authority).await;
    let dir = tempfile::tempdir().unwrap();
    authority.write(dir.path(), "fw-1", Duration::from_secs(600));
    let before = std::fs::read_to_string(dir.path().join("crt")).unwrap();
    let forwarder = Forwarder::start(paper(), dir, &[&leader]).await;
    let mut session = leader.session().await;
    session.hello().await;
    session.send(ToForwarder::Keepalive { term: Term(1) }).await;
    let path = forwarder.bench.dir.path().join("crt");
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(&path).unwrap() == before {
        assert!(Instant::now() < deadline, "not renewed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_, dir) = forwarder.end().await;

    // The new one is good for the next connection.
    let forwarder = Forwarder::start(paper(), dir, &[&leader]).await;
    leader.session().await.hello().await;
    let (_, dir) = forwarder.end().await;

    // Somebody else's name.
    authority.write(dir.path(), "fw-2", FRESH);
    let forwarder = Forwarder::start(paper(), dir, &[&leader]).await;
    let told = |view: &View| {
        view.controller().is_some_and(|one| one.problem.contains("the certificate is for [\"fw-2\"]"))
    };
    forwarder.bench.until("refused", told).await;
    let (_, dir) = forwarder.end().await;
    authority.write(dir.path(), "fw-1", FRESH);

    // Somebody else's authority.
    let stranger = Arc::new(Authority::new());
    let other = Script::listen(&stranger).await;
    let forwarder = Forwarder::start(paper(), dir, &[&other]).await;
    let told =
        |view: &View| view.controller().is_some_and(|one| one.problem.contains("invalid peer certificate"));
    let view = forwarder.bench.until("refused", told).await;
    assert!(!view.is_ready());
    assert_eq!(forwarder.announces(), Some(vec![]));
    forwarder.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarder_joins_once_and_believes_nobody_else() {
    let (authority, stranger) = (Arc::new(Authority::new()), Arc::new(Authority::new()));
    let good = Enrolling::listen(&authority).await;
    let other = Enrolling::listen(&stranger).await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join("pki").join(name);
    let files = Controller {
        addresses: vec![],
        name: "fw-1".to_owned(),
        zone: None,
        labels: [].into(),
        certificate: at("crt"),
        key: at("key"),
        ca: at("ca"),
        bgp_config: None,
        relay: None,
    };
    let ask = async |address: SocketAddr, token: &str| {
        join::join(&files, &address.to_string().parse().unwrap(), token).await
    };
    let token = authority.token();
    let error = ask(other.address, &token).await.unwrap_err();
    assert!(chain(&error).contains("invalid peer certificate"), "{}", chain(&error));
    assert!(!files.certificate.exists());
    for wrong in ["", "a.b", "a.b.c", &token[1..].replace('.', "-")] {
        assert!(matches!(ask(good.address, wrong).await, Err(join::JoinError::Token)), "{wrong}");
    }
    let other = Controller { name: "fw-2".to_owned(), ..files.clone() };
    let error = join::join(&other, &good.address.to_string().parse().unwrap(), &token).await.unwrap_err();
    assert_eq!(error.to_string(), "the controller refuses: the token is for fw-1");
    assert!(!files.certificate.exists());
    let until = ask(good.address, &token).await.unwrap();
    assert!(until > SystemTime::now());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&files.key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&files.certificate).unwrap();
    let error = ask(good.address, &token).await.unwrap_err();
    assert_eq!(error.to_string(), "the controller refuses: the token does not count");
    assert_eq!(std::fs::read(&files.certificate).unwrap(), before);
}

#[test]
fn flows_are_spread_over_the_slots() {
    let moved = Moved { slots: 3000, live: 1000, of: 10_000 };
    assert_eq!(cost(moved, 500), Cost { moved: 3000, at_risk: 1000, flows_at_risk: 50 });
    assert_eq!(cost(Moved::default(), 500), Cost::default());
    assert_eq!(cost(Moved { slots: 1, live: u64::MAX, of: 1 }, u64::MAX).flows_at_risk, u64::MAX);
}
