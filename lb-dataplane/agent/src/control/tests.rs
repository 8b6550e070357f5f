use super::*;
use crate::apply::memory::{Memory, Visible};
use crate::fixtures::CONFIG;
use crate::health::probe::{Failure, Passed};
use crate::view::{SharedController, View};
use guideway_abi::Capacities;
use guideway_dataplane_config::Ports;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Mutex;

mod changes;
mod follow;
mod recovery;

/// Maps in memory and interfaces on paper.
#[derive(Debug)]
pub(crate) struct Paper {
    pub(crate) maps: Memory,
    existing: Mutex<BTreeMap<String, u32>>,
    attached: Mutex<BTreeSet<String>>,
    without_routes: Mutex<BTreeSet<String>>,
    clock: Mutex<Duration>,
}

impl MapStore for Paper {
    fn capacities(&self) -> Capacities {
        self.maps.capacities()
    }

    fn tick_shift(&self) -> u32 {
        self.maps.tick_shift()
    }

    fn perform(&self, op: &guideway_dataplane_plan::Op) -> Result<(), crate::apply::StoreError> {
        self.maps.perform(op)
    }

    fn grace_period(&self) -> io::Result<()> {
        self.maps.grace_period()
    }

    fn read(&self) -> Result<Installed, crate::apply::ReadError> {
        self.maps.read()
    }
}

impl Interfaces for Paper {
    fn attach(&self, name: &str, _: XdpMode) -> Result<Attached, String> {
        let ifindex = self.index(name)?;
        self.attached.lock().unwrap().insert(name.to_owned());
        Ok(Attached { ifindex, since: Some(SystemTime::UNIX_EPOCH) })
    }

    fn capacity(&self, _: &str, configured: Option<BitRate>) -> Option<u64> {
        configured.map(|rate| rate.bits_per_second / 8)
    }

    fn addresses(&self) -> Vec<IpAddr> {
        vec!["10.1.1.2".parse().unwrap()]
    }

    fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, String> {
        let mut attached = self.attached.lock().unwrap();
        Ok(attached.extract_if(.., |name| !keep.contains(&name.as_str())).collect())
    }

    fn enable_routes(&self, name: &str, family: Family) -> Result<(), String> {
        let off = self.without_routes.lock().unwrap().contains(name) && family == Family::V4;
        if off { Err("forwarding is off".to_owned()) } else { Ok(()) }
    }

    fn index(&self, name: &str) -> Result<u32, String> {
        let ifindex = self.existing.lock().unwrap().get(name).copied();
        ifindex.ok_or_else(|| "no such interface".to_owned())
    }
}

impl Clock for Paper {
    fn since_boot(&self) -> Duration {
        *self.clock.lock().unwrap()
    }
}

/// A running loop.
pub(crate) struct Bench {
    pub(crate) paper: Arc<Paper>,
    /// Backends that answer probes.
    up: Arc<Mutex<BTreeSet<IpAddr>>>,
    /// Probes of this backend end when it is told.
    slow: Arc<Notify>,
    pub(crate) outputs: Outputs,
    pub(crate) requests: mpsc::Sender<Request>,
    path: PathBuf,
    stop: CancellationToken,
    task: JoinHandle<()>,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn paper() -> Arc<Paper> {
    paper_with(crate::load::capacities(&crate::fixtures::config(CONFIG)))
}

fn paper_with(capacities: Capacities) -> Arc<Paper> {
    let existing = BTreeMap::from([("up0".to_owned(), 2), ("up1".to_owned(), 3)]);
    Arc::new(Paper {
        maps: Memory::new(capacities),
        existing: Mutex::new(existing),
        attached: Mutex::default(),
        without_routes: Mutex::default(),
        clock: Mutex::new(Duration::from_secs(5000)),
    })
}

impl Bench {
    async fn start(paper: Arc<Paper>, text: &str) -> Self {
        Self::start_in(paper, text, tempfile::tempdir().unwrap()).await
    }

    /// With the state folder of an earlier agent.
    async fn start_in(paper: Arc<Paper>, text: &str, dir: tempfile::TempDir) -> Self {
        Self::start_with(paper, text, dir, None).await
    }

    /// With a controller, if `text` has one.
    pub(crate) async fn start_with(
        paper: Arc<Paper>,
        text: &str,
        dir: tempfile::TempDir,
        controller: Option<SharedController>,
    ) -> Self {
        let path = dir.path().join("c.yaml");
        std::fs::write(&path, text).unwrap();
        let outputs = Outputs {
            view: Arc::default(),
            announcer: Arc::default(),
            ways: Wants::default(),
            null_routes: null_route::Prefixes::default(),
            metrics: Metrics::default(),
        };
        let config = crate::fixtures::config(text);
        let up: Arc<Mutex<BTreeSet<IpAddr>>> = Arc::default();
        let (seen, slow) = (up.clone(), Arc::new(Notify::new()));
        let told = slow.clone();
        let prober: Prober = Arc::new(move |key| {
            let is_up = seen.lock().unwrap().contains(&key.address);
            let told = told.clone();
            Box::pin(async move {
                if key.address == slow_backend() {
                    told.notified().await;
                }
                let passed = Passed::Connected(Duration::ZERO);
                is_up.then_some(passed).ok_or(Failure::TimedOut(key.timeout))
            })
        });
        let paths = Paths { config: path.clone(), history: Folder::new(&dir.path().join("state")) };
        let config = Begin { config, text: text.to_owned(), controller };
        let control = Control::start(paper.clone(), paths, config, prober, outputs.clone()).await.unwrap();
        let (requests, receiver) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let task = tokio::spawn(control.run(receiver, stop.clone()));
        Self { paper, up, slow, outputs, requests, path, stop, task, dir }
    }

    /// Waits until the view is as `wanted`.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&View) -> bool) -> Arc<View> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let view = self.outputs.view.load_full();
            if wanted(&view) {
                return view;
            }
            let shown = || View { installed: None, ..(*view).clone() };
            assert!(Instant::now() < deadline, "not {what}: {:#?}", shown());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn reload(&self, text: &str) -> ReloadAnswer {
        std::fs::write(&self.path, text).unwrap();
        let (sender, answer) = oneshot::channel();
        self.requests.send(Request::Reload(Some(sender))).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap()
    }

    async fn roll_back(&self, generation: u64) -> Result<ReloadAnswer, NotInHistory> {
        let (sender, answer) = oneshot::channel();
        self.requests.send(Request::Rollback(generation, sender)).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap()
    }

    /// Lets `time` pass on the kernel's clock.
    fn pass(&self, time: Duration) {
        *self.paper.clock.lock().unwrap() += time;
    }

    pub(crate) fn announced(&self) -> Option<Vec<String>> {
        let set = self.outputs.announcer.watch();
        set.borrow().as_ref().map(|set| set.prefixes.iter().map(ToString::to_string).collect())
    }

    fn attached(&self) -> Vec<String> {
        self.paper.attached.lock().unwrap().iter().cloned().collect()
    }

    async fn end(self) -> Arc<Paper> {
        self.end_with_dir().await.0
    }

    pub(crate) async fn end_with_dir(self) -> (Arc<Paper>, tempfile::TempDir) {
        self.stop.cancel();
        self.task.await.unwrap();
        (self.paper, self.dir)
    }
}

fn be1() -> IpAddr {
    "10.1.11.2".parse().unwrap()
}

fn slow_backend() -> IpAddr {
    "10.1.99.2".parse().unwrap()
}

/// [`CONFIG`] with a check, and with a backend more whose first verdict the test decides about.
fn with_slow_backend() -> String {
    CONFIG
        .replace(
            "table_size: 16381\n",
            "table_size: 16381\n    health_check: {type: tcp, port: 80, interval: 1m, timeout: 1m}\n",
        )
        .replace("vips:\n", "      - {name: slow, address: 10.1.99.2}\nvips:\n")
}

fn vip_address() -> String {
    "203.0.113.10/32".to_owned()
}

#[tokio::test]
async fn starts_and_starts_again_without_a_new_generation() {
    let bench = Bench::start(paper(), CONFIG).await;
    let view = bench.until("started", |view| view.started).await;
    assert_eq!((view.generation, view.is_ready()), (1, true));
    assert!(view.vips.iter().all(|vip| vip.served && vip.announced));
    let slots: u32 = view.sets[0].backends.iter().map(|backend| backend.slots).sum();
    assert_eq!(slots, 16_381);
    assert_eq!(view.limits[0].used, 2);
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    assert_eq!(bench.outputs.ways.borrow().backends.len(), 2);
    assert_eq!(bench.outputs.null_routes.borrow().as_ref().map(|prefixes| prefixes.len()), Some(1));
    let paper = bench.end().await;
    let visible: Visible = paper.maps.visible();

    // A second agent over the same maps.
    let bench = Bench::start(paper, CONFIG).await;
    bench.until("started", |view| view.started).await;
    assert_eq!(bench.paper.maps.activations(), 1);
    assert_eq!(bench.paper.maps.visible(), visible);
    bench.end().await;
}

#[tokio::test]
async fn a_refused_configuration_changes_nothing() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    let before = bench.paper.maps.visible();
    let too_many: String = (1..=16).fold(CONFIG.to_owned(), |text, port| {
        format!("{text}  - {{name: v{port}, address: 203.0.113.11, port: {port}, protocol: udp, backend_set: web}}\n")
    });
    for (text, expected) in [
        ("seed: 1\nnonsense: 2\n".to_owned(), "nonsense"),
        (CONFIG.replace("vips: 16", "vips: 32"), "limits: cannot change while the maps exist"),
        (CONFIG.replace("{name: up0}", "{name: up0}, {name: none}"), "interfaces: none: no such interface"),
        (too_many, "VIPs"),
    ] {
        let answer = bench.reload(&text).await;
        assert!(answer.errors.iter().any(|error| error.contains(expected)), "{expected}: {answer:?}");
        assert_eq!(answer.generation, 1);
        let view = bench.outputs.view.load_full();
        assert_eq!(view.last_reload.as_ref().unwrap().errors, answer.errors);
        assert_eq!(bench.paper.maps.visible(), before);
        assert_eq!(bench.attached(), ["up0"]);
    }
    assert_eq!(bench.reload(CONFIG).await, ReloadAnswer { errors: vec![], generation: 1 });
    bench.end().await;
}

#[tokio::test]
async fn a_good_configuration_is_one_new_generation() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    let text = CONFIG
        .replace("{name: up0}", "{name: up1, mode: generic}")
        .replace("203.0.113.10, port: 443", "'2001:db8::10', port: 443");
    assert_eq!(bench.reload(&text).await, ReloadAnswer { errors: vec![], generation: 2 });
    assert_eq!(bench.attached(), ["up1"]);
    assert_eq!(bench.announced(), Some(vec![vip_address(), "2001:db8::10/128".to_owned()]));
    // The same text again, as the file watch would tell it.
    bench.requests.send(Request::FileChanged).await.unwrap();
    std::fs::write(&bench.path, CONFIG).unwrap();
    bench.requests.send(Request::FileChanged).await.unwrap();
    bench.until("back", |view| view.generation == 3).await;
    assert_eq!(bench.paper.maps.activations(), 3);
    bench.end().await;
}

#[tokio::test]
async fn failing_writes_are_tried_again() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    let before = bench.paper.maps.visible();
    bench.paper.maps.fail_after(3);
    let text = CONFIG.replace("port: 443", "port: 444");
    let answer = bench.reload(&text).await;
    assert!(answer.errors[0].contains("injected") && answer.errors[0].contains("trying again"), "{answer:?}");
    assert_eq!(bench.paper.maps.visible(), before);
    bench.until("told", |view| view.apply_error.is_some()).await;
    bench.paper.maps.heal();
    let view = bench.until("installed", |view| view.apply_error.is_none()).await;
    assert_eq!((view.generation, view.vips[1].ports), (2, Ports::One(444)));
    assert!(view.last_reload.as_ref().unwrap().accepted());
    bench.end().await;
}

#[tokio::test]
async fn health_is_followed_and_first_verdicts_are_waited_for() {
    const CHECK: &str =
        "health_check: {type: tcp, port: 80, interval: 20ms, timeout: 20ms, rise: 1, fall: 1}";
    let text = CONFIG.replace("table_size: 16381\n", &format!("table_size: 16381\n    {CHECK}\n"));
    let bench = Bench::start(paper(), &text).await;
    bench.up.lock().unwrap().insert(be1());
    let view = bench.until("started", |view| view.started).await;
    assert_eq!(view.generation, 1, "the verdicts came before the first plan");
    let slots = |view: &View| view.sets[0].backends.iter().map(|backend| backend.slots).collect::<Vec<u32>>();
    assert_eq!(slots(&view), [16_381, 0]);
    bench.up.lock().unwrap().clear();
    let view = bench.until("withdrawn", |view| !view.vips[0].served).await;
    assert_eq!(view.vips[0].reason(&view.sets[0]), "no backend is healthy");
    assert_eq!(bench.announced(), Some(vec![]));
    bench.up.lock().unwrap().insert(be1());
    let view = bench.until("served", |view| view.vips[0].served).await;
    assert!(view.sets[0].recovers && !view.vips[0].announced, "the other backend may come back too");
    assert!(view.vips[0].reason(&view.sets[0]).contains("coming back"));
    assert_eq!(bench.announced(), Some(vec![]));
    bench.until("announced", |view| view.vips[0].announced).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));

    // A backend that joins gets its slots with its first verdict, not later; the reload waits for it.
    bench.up.lock().unwrap().insert("10.1.13.2".parse().unwrap());
    let text = text.replace("vips:\n", "      - {name: be3, address: 10.1.13.2}\nvips:\n");
    let generation = bench.outputs.view.load().generation;
    let answer = bench.reload(&text).await;
    assert_eq!(answer, ReloadAnswer { errors: vec![], generation: generation + 1 });
    let slots = slots(&bench.outputs.view.load());
    assert!(slots[0] > 8000 && slots[1] == 0 && slots[2] > 8000, "{slots:?}");
    bench.end().await;
}

#[tokio::test]
async fn an_interface_that_comes_late_is_attached_to() {
    let paper = paper();
    let up0 = paper.existing.lock().unwrap().remove("up0").unwrap();
    let bench = Bench::start(paper, CONFIG).await;
    let view = bench.until("started", |view| view.started).await;
    assert!(!view.is_ready());
    assert_eq!(bench.announced(), Some(vec![]));
    bench.paper.existing.lock().unwrap().insert("up0".to_owned(), up0);
    bench.until("attached", View::is_ready).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    bench.end().await;
}

#[tokio::test]
async fn nothing_is_announced_while_the_kernel_gives_no_routes() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("ready", View::is_ready).await;
    bench.paper.without_routes.lock().unwrap().insert("up0".to_owned());
    let view = bench.until("told", |view| !view.is_ready()).await;
    assert_eq!(view.interfaces[0].problem.as_deref(), Some("forwarding is off"));
    assert!(view.interfaces[0].attached && view.vips[0].served && !view.vips[0].announced);
    assert_eq!(bench.announced(), Some(vec![]));
    bench.paper.without_routes.lock().unwrap().clear();
    bench.until("ready", View::is_ready).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    bench.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_last_file_is_told_after_an_older_one_came_into_force() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    std::fs::write(&bench.path, with_slow_backend()).unwrap();
    bench.requests.send(Request::Reload(None)).await.unwrap();
    let mut probed = bench.outputs.ways.subscribe();
    probed.wait_for(|wanted| wanted.backends.contains_key(&slow_backend())).await.unwrap();
    let refused = bench.reload("nonsense: 1\n").await;
    assert!(!refused.errors.is_empty());
    bench.slow.notify_one();
    let view = bench.until("in force", |view| view.generation == 2).await;
    assert_eq!(view.last_reload.as_ref().unwrap().errors, refused.errors);
    bench.end().await;
}

#[tokio::test]
async fn who_asked_for_a_reload_is_answered_by_the_one_that_came_after_it() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    std::fs::write(&bench.path, with_slow_backend()).unwrap();
    let (sender, answer) = oneshot::channel();
    bench.requests.send(Request::Reload(Some(sender))).await.unwrap();
    // A SIGHUP of somebody else at the same time.
    bench.requests.send(Request::Reload(None)).await.unwrap();
    bench.slow.notify_one();
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap();
    assert_eq!(answer, ReloadAnswer { errors: vec![], generation: 2 });
    bench.end().await;
}

#[tokio::test]
async fn an_attempt_that_is_given_up_leaves_no_error_behind() {
    let bench = Bench::start(paper(), CONFIG).await;
    bench.until("started", |view| view.started).await;
    bench.paper.maps.fail_after(3);
    let both = CONFIG.replace("port: 443", "port: 444").replace("{name: up0}", "{name: up0}, {name: up1}");
    let answer = bench.reload(&both).await;
    assert!(answer.errors[0].contains("trying again"), "{answer:?}");
    // The next attempt finds an interface that cannot be attached to.
    bench.paper.existing.lock().unwrap().remove("up1");
    let given_up = |view: &View| view.last_reload.as_ref().is_some_and(|last| last.errors[0].contains("up1"));
    bench.until("given up", given_up).await;
    bench.paper.maps.heal();
    let view = bench.until("in order", |view| view.apply_error.is_none()).await;
    assert_eq!(view.generation, 1);
    bench.end().await;
}
