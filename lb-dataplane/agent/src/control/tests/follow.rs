//! What a controller wants: prepared beside what is in force, installed, withdrawn.

use std::net::SocketAddr;
use std::num::{NonZeroU8, NonZeroU16};

use guideway_controller_core::message::PastSet;
use guideway_controller_core::{Advertise, Content, Generation, L2};
use guideway_controller_rollout::Stamp;
use guideway_dataplane_config::{BackendSet, HealthCheck, Probe, Seed, TableSize};
use guideway_dataplane_plan::{Explanation, FiveTuple, Moved, Protocol, explain};

use super::*;
use crate::fixtures::{NODE, content, put_set, put_shard};
use crate::view::ControllerView;

fn stamp(generation: u64, content: &Content) -> Stamp {
    Stamp { generation: Generation(generation), digest: content.digest() }
}

/// How a loop begins: with nothing in the way, or with this.
fn following(fence: Option<&str>) -> SharedController {
    let fence = fence.map(str::to_owned);
    let view = ControllerView { name: "fw-1".to_owned(), fence, ..ControllerView::default() };
    Arc::new(arc_swap::ArcSwap::from_pointee(view))
}

impl Bench {
    /// Follows a controller that has nothing to say of the past.
    async fn follow(controller: SharedController) -> Self {
        let bench = Self::start_with(paper(), NODE, tempfile::tempdir().unwrap(), Some(controller)).await;
        bench.requests.send(Request::Past(Arc::default())).await.unwrap();
        bench
    }

    async fn prepare(&self, generation: u64, content: &Content) -> Result<Moved, Vec<String>> {
        let (sender, answer) = oneshot::channel();
        let request = Request::Prepare(stamp(generation, content), content.clone(), sender);
        self.requests.send(request).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap()
    }

    async fn install(&self, generation: u64, content: &Content) -> Result<u64, String> {
        let (sender, answer) = oneshot::channel();
        let request = Request::Install(stamp(generation, content), content.clone(), sender);
        self.requests.send(request).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), answer).await.unwrap().unwrap()
    }

    async fn fence(&self, reason: Option<&str>) {
        self.requests.send(Request::Fence(reason.map(str::to_owned))).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_content_nothing_is_served_and_it_is_told_why() {
    let bench = Bench::follow(following(Some("nothing has come"))).await;
    let view = bench.until("attached", |view| !view.interfaces.is_empty()).await;
    assert!(!view.started && !view.is_ready());
    assert_eq!((view.generation, view.fence.as_deref()), (0, Some("nothing has come")));
    assert_eq!(bench.announced(), Some(vec![]), "the speaker is not to hold on to anything");
    assert_eq!(bench.paper.maps.activations(), 0);
    assert!(view.last_reload.as_ref().unwrap().accepted());

    let first = content(&[11, 12], |_| {});
    assert_eq!(bench.install(3, &first).await, Ok(1));
    let view = bench.outputs.view.load_full();
    assert!(view.vips.iter().all(|vip| vip.served && !vip.announced));
    assert_eq!(view.vips[0].reason(&view.sets[0]), "nothing has come");
    assert_eq!(bench.announced(), Some(vec![]), "whoever has withdrawn announces when he is told to");
    bench.fence(None).await;
    bench.until("ready", View::is_ready).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    bench.end().await;
}

/// An agent that starts again with what was kept does not withdraw what it announced before.
#[tokio::test]
async fn a_start_with_a_kept_content_is_no_event() {
    let bench = Bench::follow(following(None)).await;
    let first = content(&[11, 12], |_| {});
    bench.install(3, &first).await.unwrap();
    let (paper, dir) = bench.end_with_dir().await;
    let visible = paper.maps.visible();

    let bench = Bench::start_with(paper, NODE, dir, Some(following(None))).await;
    bench.until("attached", |view| !view.interfaces.is_empty()).await;
    assert_eq!(bench.announced(), None, "not known yet");
    assert_eq!(bench.install(3, &first).await, Ok(1));
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    assert_eq!((bench.paper.maps.visible(), bench.paper.maps.activations()), (visible, 1));
    bench.end().await;
}

#[tokio::test]
async fn what_is_prepared_changes_nothing_until_it_is_installed() {
    let bench = Bench::follow(following(None)).await;
    bench.install(1, &content(&[11, 12], |_| {})).await.unwrap();
    let before = bench.paper.maps.visible();
    let next = content(&[11, 12, 13], |_| {});
    let moved = bench.prepare(2, &next).await.unwrap();
    assert_eq!((moved.slots, moved.of), (moved.live, 16_381), "both backends live");
    assert!((5000..6500).contains(&moved.slots), "a third: {moved:?}");
    assert_eq!(bench.paper.maps.visible(), before);
    assert!(bench.outputs.ways.borrow().backends.contains_key(&"10.1.13.2".parse::<IpAddr>().unwrap()));

    // Another one takes its place.
    let other = content(&[11, 12, 14], |_| {});
    bench.prepare(3, &other).await.unwrap();
    let ways = |last: u8| bench.outputs.ways.borrow().backends.contains_key(&IpAddr::from([10, 1, last, 2]));
    assert!(ways(14) && !ways(13));
    // Another stamp than the prepared one is not forgotten for it, nor installed from it.
    bench.requests.send(Request::Discard(stamp(2, &next))).await.unwrap();
    assert_eq!(bench.install(4, &next).await, Ok(2));
    assert_eq!(bench.outputs.view.load().sets[0].backends.len(), 3);
    assert!(ways(13) && ways(14), "the prepared one waits on");
    assert_eq!(bench.install(3, &other).await, Ok(3));
    assert_eq!(bench.prepare(5, &other).await, Ok(Moved::default()), "the same again");
    bench.requests.send(Request::Discard(stamp(5, &other))).await.unwrap();
    assert_eq!(bench.install(5, &other).await, Ok(3), "the same is no new generation");
    bench.end().await;
}

/// With backends that run the decap agent.
fn hopping(backends: &[u8]) -> Content {
    content(backends, |content| {
        let set = content.sets().values().next().unwrap().as_ref().clone();
        content.put_set(BackendSet { second_hop: true, ..set }).unwrap();
    })
}

/// The backends at which flows of some clients can be.
fn candidates(bench: &Bench) -> Vec<Vec<IpAddr>> {
    let view = bench.outputs.view.load_full();
    let (desired, installed) = view.installed.as_ref().unwrap();
    let flow = |port| FiveTuple {
        source: SocketAddr::from(([198, 51, 100, 7], port)),
        destination: "203.0.113.10:443".parse().unwrap(),
        protocol: Protocol::Tcp,
    };
    let explain = |port| match explain(desired, installed, &flow(port)).unwrap() {
        Explanation::Vip(steering) => steering.candidates.iter().map(|one| one.address).collect(),
        other => panic!("{other:?}"),
    };
    (1..60).map(explain).collect()
}

/// Whoever has not installed it yet knows where flows are that open at one that has.
#[tokio::test]
async fn what_is_prepared_is_announced_before_it_is_answered() {
    let bench = Bench::follow(following(None)).await;
    bench.install(1, &hopping(&[11, 12])).await.unwrap();
    let before = candidates(&bench);
    assert!(before.iter().all(|candidates| candidates.len() == 1));
    let next = hopping(&[11, 12, 13]);
    bench.prepare(2, &next).await.unwrap();
    let announced = candidates(&bench);
    bench.install(2, &next).await.unwrap();
    let after = candidates(&bench);
    let coming = IpAddr::from([10, 1, 13, 2]);
    let mut moved = 0;
    for ((before, announced), after) in before.iter().zip(&announced).zip(&after) {
        if after[0] == coming {
            assert_eq!((announced, after), (&vec![before[0], coming], &vec![coming, before[0]]));
            moved += 1;
        } else {
            assert_eq!((announced, after), (before, before));
        }
    }
    assert!((10..30).contains(&moved), "{moved} of 59");

    // What is given up is nobody's candidate any more; what is in force is as it was.
    let other = hopping(&[11, 12, 13, 14]);
    bench.prepare(3, &other).await.unwrap();
    assert_ne!(candidates(&bench), after);
    bench.requests.send(Request::Discard(stamp(3, &other))).await.unwrap();
    bench.until("as before", |_| candidates(&bench) == after).await;
    bench.end().await;
}

/// The same with both VIPs at another set, of which only one backend is theirs already.
#[tokio::test]
async fn a_move_to_another_set_is_announced() {
    let bench = Bench::follow(following(None)).await;
    bench.install(1, &hopping(&[11, 12])).await.unwrap();
    let before = candidates(&bench);
    let mut next = hopping(&[11, 12]);
    let set = next.sets().values().next().unwrap().as_ref().clone();
    let backends = hopping(&[12, 13]).sets().values().next().unwrap().backends.clone();
    next.put_set(BackendSet { name: "shop".to_owned(), backends, ..set }).unwrap();
    let vips: Vec<_> = next.vips().values().cloned().collect();
    for vip in vips {
        next.put_vip(guideway_controller_core::Vip { set: "shop".parse().unwrap(), ..(*vip).clone() });
    }
    bench.prepare(2, &next).await.unwrap();
    let announced = candidates(&bench);
    bench.install(2, &next).await.unwrap();
    let after = candidates(&bench);
    let moved = before.iter().zip(&after).filter(|(before, after)| before[0] != after[0]).count();
    assert!((20..50).contains(&moved), "{moved} of 59");
    for ((before, announced), after) in before.iter().zip(&announced).zip(&after) {
        match after[0] == before[0] {
            true => assert_eq!((announced, after), (before, before)),
            false => {
                assert_eq!((announced, after), (&vec![before[0], after[0]], &vec![after[0], before[0]]));
            }
        }
    }
    bench.end().await;
}

/// Every flow has another slot then, and is found where it was and where it will be.
#[tokio::test]
async fn another_seed_and_another_size_are_announced() {
    let present = hopping(&[11, 12]);
    let mut rotated = present.clone();
    rotated.put_seed(Seed::new([9; 16]));
    let mut resized = present.clone();
    let set = present.sets().values().next().unwrap().as_ref().clone();
    resized.put_set(BackendSet { table_size: TableSize::Large, ..set }).unwrap();
    for next in [rotated, resized] {
        let bench = Bench::follow(following(None)).await;
        bench.install(1, &present).await.unwrap();
        let before = candidates(&bench);
        bench.prepare(2, &next).await.unwrap();
        let announced = candidates(&bench);
        bench.install(2, &next).await.unwrap();
        let after = candidates(&bench);
        let mut moved = 0;
        for ((before, announced), after) in before.iter().zip(&announced).zip(&after) {
            assert_eq!(announced[0], before[0]);
            assert!(announced.contains(&after[0]) && after.contains(&before[0]), "{announced:?} {after:?}");
            moved += usize::from(after[0] != before[0]);
        }
        assert!((15..45).contains(&moved), "{moved} of 59");
        let mut other = next.clone();
        other.put_seed(Seed::new([8; 16]));
        // What cannot be announced, for flows of the last change are looked after by the one key that there is, is as before.
        let _refused = bench.prepare(3, &other).await;
        assert!(candidates(&bench).iter().zip(&after).all(|(now, then)| now[..then.len()] == then[..]));
        bench.end().await;
    }
}

/// As after a reboot: what to serve is on the disk, and the maps are new.
#[tokio::test]
async fn with_new_maps_nothing_is_announced_before_the_past_is_known() {
    let follow = || Bench::start_with(paper(), NODE, tempfile::tempdir().unwrap(), Some(following(None)));
    let present = hopping(&[11, 12]);
    let bench = follow().await;
    bench.install(3, &present).await.unwrap();
    assert_eq!(bench.announced(), Some(vec![]));
    let view = bench.outputs.view.load_full();
    assert!(view.vips[0].served && view.fence.as_ref().unwrap().contains("has not said yet"), "{view:?}");
    assert!(candidates(&bench).iter().all(|candidates| candidates.len() == 1));

    let before = hopping(&[12, 13]);
    let set = before.sets().values().next().unwrap().clone();
    let seed = *before.seed();
    let past = vec![PastSet { set, unhealthy: Vec::new(), seed, ago: Duration::from_secs(2) }];
    bench.requests.send(Request::Past(Arc::new(past))).await.unwrap();
    let view = bench.until("told", |view| view.fence.is_none()).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    let gone = IpAddr::from([10, 1, 13, 2]);
    let on_gone = candidates(&bench).iter().filter(|candidates| candidates[1..].contains(&gone)).count();
    assert!((15..45).contains(&on_gone), "{on_gone} of 59");
    assert_eq!(view.sets[0].leaving.len(), 1);
    assert!(bench.outputs.ways.borrow().backends.contains_key(&gone), "its way is kept");
    bench.end().await;

    // Nobody has to say anything while there are no controllers.
    let bench = follow().await;
    bench.install(3, &present).await.unwrap();
    assert_eq!(bench.announced(), Some(vec![]));
    bench.until("announced all the same", |view| view.fence.is_none()).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    bench.end().await;
}

fn checked(backends: &[u8]) -> Content {
    let check = HealthCheck {
        probe: Probe::Tcp,
        port: NonZeroU16::new(80).unwrap(),
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(20),
        rise: NonZeroU8::MIN,
        fall: NonZeroU8::MIN,
    };
    content(backends, |content| put_set(content, backends, Some(check)))
}

#[tokio::test]
async fn health_goes_on_while_something_is_prepared() {
    let bench = Bench::follow(following(None)).await;
    let all = [11, 12, 13].map(|last| IpAddr::from([10, 1, last, 2]));
    bench.up.lock().unwrap().extend(all);
    bench.install(1, &checked(&[11, 12])).await.unwrap();
    let next = checked(&[11, 12, 13]);
    // Its first verdicts are waited for, so that a table with all three is built.
    let moved = bench.prepare(2, &next).await.unwrap();
    assert!(moved.slots > 4000, "{moved:?}");
    bench.up.lock().unwrap().remove(&all[1]);
    let failed = |view: &View| view.sets[0].backends.len() == 2 && view.sets[0].backends[1].slots == 0;
    let view = bench.until("followed by what is in force", failed).await;
    assert!(view.generation >= 2);
    let installed = bench.install(2, &next).await.unwrap();
    let view = bench.outputs.view.load_full();
    assert_eq!((view.generation, view.sets[0].backends.len()), (installed, 3));
    let slots: Vec<u32> = view.sets[0].backends.iter().map(|backend| backend.slots).collect();
    assert!(slots[0] > 4000 && slots[1] == 0 && slots[2] > 4000, "{slots:?}");
    bench.end().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_reasons() {
    let bench = Bench::follow(following(None)).await;
    bench.install(1, &content(&[11, 12], |_| {})).await.unwrap();
    let before = bench.paper.maps.visible();
    let many = content(&[11], |content| {
        let vip = content.vips().values().next().unwrap().as_ref().clone();
        for port in 1..=16 {
            let name = format!("v{port}").parse().unwrap();
            let address = "203.0.113.11/32".parse().unwrap();
            content.put_vip(guideway_controller_core::Vip {
                name,
                address,
                ports: Ports::One(port),
                ..vip.clone()
            });
        }
    });
    let no_set = content(&[11], |content| {
        content.remove_set(&"web".parse().unwrap());
    });
    let own = content(&[11], |content| {
        let prefixes = vec!["10.1.0.0/16".parse().unwrap()];
        content.put_pool(guideway_controller_core::Pool { name: "mine".parse().unwrap(), prefixes });
    });
    for (wrong, expected) in [
        (&many, "services: limits.vips: the VIPs need 18 elements and it is 16"),
        (&no_set, "VIP \"web-443\": backend_set: no set is called \"web\""),
        (&own, "pools: 10.1.0.0/16 contains 10.1.1.2, an address of this node"),
    ] {
        let errors = bench.prepare(2, wrong).await.unwrap_err();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{expected}: {errors:?}");
        let error = bench.install(2, wrong).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_eq!(bench.paper.maps.visible(), before);
        assert_eq!(bench.announced(), Some(vec![vip_address()]));
    }
    bench.end().await;
}

#[tokio::test]
async fn only_the_shards_of_this_forwarder_are_announced() {
    let bench = Bench::follow(following(None)).await;
    let of_others = content(&[11], |content| put_shard(content, &["fw-2"], &[]));
    bench.install(1, &of_others).await.unwrap();
    let view = bench.outputs.view.load_full();
    assert!(view.vips[0].served && !view.vips[0].announced);
    assert_eq!(
        view.vips[0].reason(&view.sets[0]),
        "other forwarders announce it, those of the shard \"all\""
    );
    assert_eq!(bench.announced(), Some(vec![]));

    // It has left the shard, and announces until the others do.
    let leaving = content(&[11], |content| put_shard(content, &["fw-2"], &["fw-1"]));
    assert_eq!(bench.install(2, &leaving).await, Ok(1), "packets meet the same");
    assert_eq!(bench.announced(), Some(vec![vip_address()]));

    let advertise = |advertise: Advertise| {
        content(&[11], |content| {
            let vips: Vec<_> = content.vips().values().cloned().collect();
            for vip in vips {
                let advertise = advertise.clone();
                content.put_vip(guideway_controller_core::Vip { advertise, ..vip.as_ref().clone() });
            }
        })
    };
    bench.install(3, &advertise(Advertise::default())).await.unwrap();
    let view = bench.outputs.view.load_full();
    assert_eq!(view.vips[0].reason(&view.sets[0]), "nothing says how it is to be announced");
    assert_eq!(bench.announced(), Some(vec![]));

    let on_link = |owner: &str| {
        let l2 = L2 { owner: Some(owner.parse().unwrap()), interfaces: vec!["up0".to_owned()] };
        advertise(Advertise { bgp: false, l2: Some(l2) })
    };
    bench.install(4, &on_link("fw-2")).await.unwrap();
    let watch = bench.outputs.announcer.watch();
    assert!(watch.borrow().as_ref().unwrap().on_link.is_empty());
    bench.install(5, &on_link("fw-1")).await.unwrap();
    let links = watch.borrow().as_ref().unwrap().on_link.clone();
    assert_eq!(links[&"203.0.113.10/32".parse().unwrap()], BTreeSet::from(["up0".to_owned()]));
    assert_eq!(bench.announced(), Some(vec![]), "the speaker is not concerned");
    bench.end().await;
}

#[tokio::test]
async fn a_fence_withdraws_and_packets_are_forwarded_on() {
    let bench = Bench::follow(following(None)).await;
    bench.install(1, &content(&[11, 12], |_| {})).await.unwrap();
    let visible = bench.paper.maps.visible();
    bench.fence(Some("generation 2 is committed")).await;
    let view = bench.until("fenced", |view| view.fence.is_some()).await;
    assert_eq!(bench.announced(), Some(vec![]));
    assert!(!view.is_ready() && view.vips[0].served && !view.vips[0].announced);
    assert_eq!(bench.paper.maps.visible(), visible);
    bench.fence(None).await;
    bench.until("back", View::is_ready).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    bench.end().await;
}

#[tokio::test]
async fn the_file_has_the_node_and_the_controller_the_services() {
    let bench = Bench::follow(following(None)).await;
    assert!(bench.reload(NODE).await.errors.is_empty(), "without a content too");
    bench.install(1, &content(&[11, 12], |_| {})).await.unwrap();
    let other = NODE.replace("{name: up0}", "{name: up1}");
    let next = content(&[11], |_| {});
    bench.prepare(2, &next).await.unwrap();
    assert_eq!(bench.reload(&other).await, ReloadAnswer { errors: vec![], generation: 1 });
    assert_eq!(bench.attached(), ["up1"]);
    assert_eq!(bench.outputs.view.load().vips.len(), 2);
    // It was prepared for another node, and still is what is to be installed.
    assert_eq!(bench.install(2, &next).await, Ok(2));
    assert_eq!(bench.attached(), ["up1"]);
    for (text, expected) in [
        (format!("{other}pools: []\n"), "comes from the controller"),
        (CONFIG.to_owned(), "controller: cannot be added or removed while the agent runs"),
        (other.replace("vips: 16", "vips: 1"), "limits"),
    ] {
        let answer = bench.reload(&text).await;
        assert!(answer.errors[0].contains(expected), "{answer:?}");
        assert!(!bench.outputs.view.load().last_reload.as_ref().unwrap().accepted());
    }
    let answer = bench.roll_back(1).await.unwrap();
    assert!(answer.errors[0].contains("come from the controller"), "{answer:?}");
    let history = std::fs::read_dir(bench.dir.path().join("state").join("history"));
    assert_eq!(history.map_or(0, Iterator::count), 0, "contents are kept elsewhere");
    bench.end().await;
}
