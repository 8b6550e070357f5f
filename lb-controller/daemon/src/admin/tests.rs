use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_controller_admin::v1;
use guideway_controller_admin::v1::controller_server::Controller as _;
use guideway_controller_core::message::{FromForwarder, Hello, Report, ReportScope, Standing, VipReport};
use guideway_controller_core::{
    Advertise, Content, Disruption, ForwarderName, Generation, Moved, Pool, PoolName, Routing, SetDisruption,
    SetName, Shard, ShardName, Term, Vip,
};
use guideway_controller_crds::guideway::EndpointMode;
use guideway_controller_index::{Change, ServiceView};
use guideway_controller_ipam::{Family, PoolUse, ServiceKey};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::coordinator::{
    Aborted, ForwarderState, Notice, Phase, Role, RolloutState, State,
};
use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, EncapsulationKind, Ports, Protocol, Seed, TableSize,
};
use tokio::sync::{broadcast, mpsc, watch};
use tonic::{Code, Request};

use super::{Admin, difference};
use crate::forwarders::Admission;
use crate::rollout::{Command, Driver, Told};
use crate::sources::Contacts;
use crate::state::{Past, Projected, Question, Sightings, Sights};

/// A name of some kind.
fn name<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

fn set(name: &str, backends: u8) -> BackendSet {
    BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        drain_window: Duration::from_secs(60),
        health_check: None,
        backends: (1..=backends)
            .map(|index| Backend { name: format!("b{index}"), address: [10, 0, 0, index].into(), weight: 1 })
            .collect(),
    }
}

fn vip(owner: &str, shard: &str) -> Vip {
    Vip {
        name: name(&format!("{owner}/80/v4")),
        address: "192.0.2.1/32".parse().unwrap(),
        ports: Ports::One(80),
        protocol: Protocol::Tcp,
        set: name(&format!("{owner}/80")),
        affinity: Affinity::None,
        flow_entries: None,
        sources: Vec::new(),
        shard: name(shard),
        advertise: Advertise { bgp: true, l2: None },
        owner: owner.to_owned(),
    }
}

fn content(backends: u8) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    content.put_set(set("east/web/shop/80", backends)).unwrap();
    content.put_vip(vip("east/web/shop", "tenants"));
    content.put_pool(Pool { name: name("pool"), prefixes: vec!["192.0.2.0/24".parse().unwrap()] });
    content.put_shard(Shard {
        name: name("tenants"),
        members: ["fw1", "fw2"].into_iter().map(name).collect(),
        leaving: [name("fw3")].into(),
        zone: Some("a".to_owned()),
    });
    content
}

fn stamp(generation: u64, content: &Content) -> Stamp {
    Stamp { generation: Generation(generation), digest: content.digest() }
}

/// A controller that is played: what it shows, and what its driver hears.
struct Played {
    admin: Admin,
    show: watch::Sender<Arc<State>>,
    heard: mpsc::Receiver<Command>,
    leader: watch::Sender<Option<String>>,
}

/// What the leader shows: generation 3 is committed and served by fw1.
fn state() -> State {
    let committed = stamp(3, &content(2));
    let standing = Standing { committed: Some(committed.into()), ..Standing::default() };
    let forwarder =
        |current| ForwarderState { connected: true, standing, current, ..ForwarderState::default() };
    State {
        role: Role::Leading(Term(5)),
        committed: Some(committed),
        desired: Some(content(3).digest()),
        forwarders: [(name("fw1"), forwarder(true)), (name("fw2"), forwarder(false))].into(),
        ..State::default()
    }
}

fn play(state: State) -> Played {
    let (commands, heard) = mpsc::channel(8);
    let (told, _) = broadcast::channel(16);
    let (show, state) = watch::channel(Arc::new(state));
    let (leader, leaders) = watch::channel(Some("controller-b".to_owned()));
    let (asking, mut questions) = mpsc::channel(8);
    let driver = Driver { commands, told, state, sightings: Sightings::default() };
    tokio::spawn(async move {
        while let Some(question) = questions.recv().await {
            let Question::Projected(answer) = question else { continue };
            _ = answer.send(projected());
        }
    });
    let sights = Sights {
        driver,
        projector: asking,
        contacts: Contacts::default(),
        admission: Admission::default(),
        past: Past::default(),
        leader: leaders,
    };
    Played { admin: Admin { sights }, show, heard, leader }
}

fn projected() -> Projected {
    let view = ServiceView {
        service: ServiceKey::new("east", "web", "shop"),
        mode: EndpointMode::Pod,
        addresses: vec![[192, 0, 2, 1].into()],
        pool: Some("pool".to_owned()),
        shard: Some("tenants".to_owned()),
        vips: 1,
        problems: vec!["weights: 0 is no weight".to_owned()],
    };
    let used =
        PoolUse { name: "pool".into(), family: Family::V4, capacity: u128::MAX, assigned: 1, leaving: 2 };
    Projected { content: content(3), services: vec![view], pools: vec![used], problems: Vec::new() }
}

impl Played {
    /// Answers questions for contents: generation 3 has two backends, 4 has three.
    fn answer_contents(self) -> (Admin, watch::Sender<Arc<State>>) {
        let mut heard = self.heard;
        tokio::spawn(async move {
            while let Some(command) = heard.recv().await {
                if let Command::Content(generation, answer) = command {
                    let known = match generation.0 {
                        3 => Some(content(2)),
                        4 => Some(content(3)),
                        _ => None,
                    };
                    _ = answer.send(known);
                }
            }
        });
        (self.admin, self.show)
    }
}

#[tokio::test]
async fn services_and_pools() {
    let played = play(state());
    let fw1: ForwarderName = name("fw1");
    let sightings = &played.admin.sights.driver.sightings;
    sightings.connected(&fw1, &Hello::default(), UNIX_EPOCH);
    let report = VipReport { name: name("east/web/shop/80/v4"), announced: true, healthy: 2, backends: 3 };
    let report = Report { scope: ReportScope::Whole, vips: vec![report], ..Report::default() };
    sightings.heard(&fw1, &FromForwarder::Report(report), UNIX_EPOCH);

    let answer =
        played.admin.list_services(Request::new(v1::ListServicesRequest {})).await.unwrap().into_inner();
    let [service] = answer.services.as_slice() else { panic!("{answer:?}") };
    assert_eq!(
        (service.cluster.as_str(), service.vips, service.vips_announced, service.backends),
        ("east", 1, 1, 3)
    );
    assert_eq!(
        (service.addresses.as_slice(), service.problems.len()),
        (["192.0.2.1".to_owned()].as_slice(), 1)
    );

    let answer = played.admin.list_pools(Request::new(v1::ListPoolsRequest {})).await.unwrap().into_inner();
    let pool = &answer.pools[0];
    assert_eq!((pool.capacity, pool.assigned, pool.leaving, pool.family), (u64::MAX, 1, 2, 4));
    assert_eq!(pool.prefixes, ["192.0.2.0/24"]);
}

/// A Forwarder object.
fn registered(name: &str) -> Change {
    let object = serde_json::json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder", "metadata": {"name": name}, "spec": {}
    });
    let parsed = guideway_controller_crds::parse(&object).unwrap();
    Change::Resource(parsed.object, Box::new(parsed.resource.unwrap()))
}

#[tokio::test]
async fn forwarders_and_shards() {
    let played = play(state());
    let sightings = played.admin.sights.driver.sightings.clone();
    let hello = Hello { version: "1.2.3".to_owned(), zone: Some("a".to_owned()), ..Hello::default() };
    sightings.connected(&name("fw1"), &hello, UNIX_EPOCH + Duration::from_secs(9));
    played.admin.sights.admission.see(&registered("fw4"));
    let (admin, _show) = played.answer_contents();

    let answer =
        admin.list_forwarders(Request::new(v1::ListForwardersRequest {})).await.unwrap().into_inner();
    let seen: Vec<_> = answer
        .forwarders
        .iter()
        .map(|forwarder| {
            (
                forwarder.name.as_str(),
                forwarder.connected,
                forwarder.current,
                forwarder.generation,
                forwarder.vips,
            )
        })
        .collect();
    // fw3 leaves the shard, and is not there; fw4 never was.
    assert_eq!(
        seen,
        [
            ("fw1", true, true, 3, 1),
            ("fw2", true, false, 3, 1),
            ("fw3", false, false, 0, 1),
            ("fw4", false, false, 0, 0)
        ]
    );
    let fw1 = &answer.forwarders[0];
    assert_eq!((fw1.version.as_str(), fw1.zone.as_str(), fw1.last_contact_unix_ms), ("1.2.3", "a", 9000));

    let answer = admin.list_shards(Request::new(v1::ListShardsRequest {})).await.unwrap().into_inner();
    let [shard] = answer.shards.as_slice() else { panic!("{answer:?}") };
    assert_eq!((shard.vips, shard.members_current, shard.members.len(), shard.leaving.len()), (1, 1, 2, 1));
}

#[tokio::test]
async fn one_that_does_not_lead_says_who_does() {
    let played = play(State::default());
    let refused = played.admin.list_forwarders(Request::new(v1::ListForwardersRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.message(), "this controller does not lead; controller-b does: ask there");
    played.leader.send_replace(None);
    let refused = played.admin.apply(Request::new(v1::ApplyRequest { generation: 1 })).await.unwrap_err();
    assert!(refused.message().contains("nobody does now"), "{refused}");
    let answer =
        played.admin.generations(Request::new(v1::GenerationsRequest {})).await.unwrap().into_inner();
    assert_eq!((answer.role.as_str(), answer.term), ("standby", 0));
}

#[tokio::test]
async fn generations_say_what_is_under_way() {
    let disruption = Disruption {
        sets: vec![SetDisruption {
            set: name::<SetName>("s"),
            moved: Moved { slots: 16_381, live: 5, dead: 6 },
            exact: true,
        }],
        vips: Vec::new(),
    };
    let rollout = RolloutState {
        stamp: stamp(4, &content(3)),
        phase: Phase::Held,
        disruption,
        cost: guideway_controller_core::message::Cost { flows_at_risk: 7, ..Default::default() },
        waiting: vec![name("fw2")],
    };
    let aborted = (stamp(2, &content(1)), Aborted::Refused(name("fw2"), vec!["no room".to_owned()]));
    let played = play(State {
        rollout: Some(rollout),
        aborted: Some(aborted),
        rolled_back_to: Some(Generation(1)),
        ..state()
    });
    let answer =
        played.admin.generations(Request::new(v1::GenerationsRequest {})).await.unwrap().into_inner();
    assert_eq!((answer.role.as_str(), answer.term, answer.rolled_back_to), ("leading", 5, 1));
    let rollout = answer.rollout.unwrap();
    assert_eq!((rollout.phase.as_str(), rollout.flows_at_risk), ("held", 7));
    assert_eq!(rollout.disruption.unwrap().sets[0].moved_live, 5);
    assert_eq!(answer.aborted.unwrap().reason, "fw2 refused it: no room");
    assert_eq!(answer.forwarders.len(), 2);
}

#[tokio::test]
async fn a_difference_is_told_with_what_it_disturbs() {
    let (admin, show) = play(state()).answer_contents();
    let ask = |generation| Request::new(v1::DiffRequest { generation });
    let answer = admin.diff(ask(0)).await.unwrap().into_inner();
    assert_eq!((answer.from.unwrap().generation, answer.to.is_none(), answer.held), (3, true, false));
    assert_eq!(answer.changes.len(), 1);
    let change = &answer.changes[0];
    assert_eq!(
        (change.what.as_str(), change.how.as_str(), change.detail.as_str()),
        ("set", "changed", "1 backend more")
    );
    let moved = &answer.disruption.unwrap().sets[0];
    assert!(moved.moved_live > 5000 && moved.exact, "{moved:?}");

    // What is under way has a number.
    let rollout = RolloutState {
        stamp: stamp(4, &content(3)),
        phase: Phase::Held,
        disruption: Disruption::default(),
        cost: Default::default(),
        waiting: Vec::new(),
    };
    show.send_replace(Arc::new(State { rollout: Some(rollout), ..state() }));
    let answer = admin.diff(ask(0)).await.unwrap().into_inner();
    assert_eq!((answer.to.unwrap().generation, answer.held), (4, true));

    assert_eq!(admin.diff(ask(9)).await.unwrap_err().code(), Code::NotFound);
    // Nothing is committed: everything is new.
    show.send_replace(Arc::new(State { committed: None, ..state() }));
    let answer = admin.diff(ask(0)).await.unwrap().into_inner();
    assert!(answer.from.is_none() && answer.changes.iter().all(|change| change.how == "added"), "{answer:?}");
    // The committed content may be with the forwarders alone.
    show.send_replace(Arc::new(State { committed: Some(stamp(8, &content(1))), ..state() }));
    assert_eq!(admin.diff(ask(0)).await.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn every_kind_of_change_has_a_text() {
    let (from, mut to) = (content(2), content(2));
    let mut changed = set("east/web/shop/80", 2);
    let backends = Arc::make_mut(&mut changed.backends);
    backends[0].weight = 7;
    backends[1].address = [10, 0, 9, 9].into();
    changed.drain_window = Duration::from_secs(61);
    to.put_set(changed).unwrap();
    to.put_set(set("east/web/new/80", 1)).unwrap();
    to.put_vip(Vip {
        shard: name("other"),
        sources: vec!["10.0.0.0/8".parse().unwrap()],
        ..vip("east/web/shop", "tenants")
    });
    to.put_pool(Pool { name: name("pool"), prefixes: vec!["198.51.100.0/24".parse().unwrap()] });
    to.put_shard(Shard {
        name: name("tenants"),
        members: ["fw1", "fw4"].into_iter().map(name).collect(),
        leaving: [name("fw2")].into(),
        zone: None,
    });
    to.put_seed(Seed::new([8; 16]));
    let (changes, left_out) = difference::changes(&from, &to);
    let lines: Vec<String> = changes
        .iter()
        .map(|change| format!("{} {} {}: {}", change.how, change.what, change.name, change.detail))
        .collect();
    let expected = [
        "changed seed : flows of every set move",
        "changed vip east/web/shop/80/v4: shard other in place of tenants, source ranges",
        "added set east/web/new/80: 1 backends",
        "changed set east/web/shop/80: 1 backend with another weight, 1 backend moved, drain window",
        "changed shard tenants: +fw4, -fw2, fw2 leaves, fw3 has left",
        "changed pool pool: +198.51.100.0/24, -192.0.2.0/24",
    ];
    assert_eq!((lines, left_out), (expected.map(str::to_owned).to_vec(), 0));

    let mut emptied = content(2);
    emptied.remove_vip(&name("east/web/shop/80/v4"));
    emptied.remove_set(&name("east/web/shop/80"));
    emptied.remove_pool(&name::<PoolName>("pool"));
    emptied.remove_shard(&name::<ShardName>("tenants"));
    let (changes, _) = difference::changes(&from, &emptied);
    assert_eq!(changes.iter().filter(|change| change.how == "removed").count(), 4);
}

fn held(generation: u64) -> State {
    let rollout = RolloutState {
        stamp: stamp(generation, &content(3)),
        phase: Phase::Held,
        disruption: Disruption::default(),
        cost: Default::default(),
        waiting: Vec::new(),
    };
    State { rollout: Some(rollout), ..state() }
}

/// Plays the driver: hears one command, and tells these notices.
async fn outcome(state: State, wish: Wish, tell: Vec<Notice>, then: Option<State>) -> v1::OutcomeResponse {
    let mut played = play(state);
    let told = played.admin.sights.driver.told.clone();
    let driver = async {
        let command = played.heard.recv().await.unwrap();
        match (&wish, command) {
            (Wish::Apply(wanted), Command::Approve(generation))
            | (Wish::Rollback(wanted), Command::Rollback(generation)) => assert_eq!(generation.0, *wanted),
            (Wish::Resume, Command::Resume) => {}
            (_, other) => panic!("{other:?}"),
        }
        for notice in tell {
            told.send(Told::Notice(notice)).unwrap();
        }
        if let Some(then) = then {
            played.show.send_replace(Arc::new(then));
        }
    };
    let asking = async {
        match wish {
            Wish::Apply(generation) => {
                played.admin.apply(Request::new(v1::ApplyRequest { generation })).await
            }
            Wish::Rollback(generation) => {
                played.admin.rollback(Request::new(v1::RollbackRequest { generation })).await
            }
            Wish::Resume => played.admin.resume(Request::new(v1::ResumeRequest {})).await,
        }
    };
    let (answer, ()) = tokio::join!(asking, driver);
    answer.unwrap().into_inner()
}

enum Wish {
    Apply(u64),
    Rollback(u64),
    Resume,
}

#[tokio::test]
async fn an_approval_is_answered_when_it_is_decided() {
    let at = |generation| stamp(generation, &content(3));
    let committed = outcome(held(4), Wish::Apply(4), vec![Notice::Committed(at(4))], None).await;
    assert_eq!((committed.outcome.as_str(), committed.stamp.unwrap().generation), ("committed", 4));
    // The consent holds for what took its place.
    let later = vec![Notice::Aborted(at(4), Aborted::Superseded), Notice::Committed(at(5))];
    let later = outcome(held(4), Wish::Apply(4), later, None).await;
    assert_eq!((later.outcome.as_str(), later.stamp.unwrap().generation), ("committed", 5));
    let worse =
        outcome(held(4), Wish::Apply(4), vec![Notice::Held(at(5), Disruption::default())], None).await;
    assert_eq!(worse.outcome, "held");
    let refused = vec![Notice::Aborted(at(4), Aborted::TooFew(1, 3))];
    let refused = outcome(held(4), Wish::Apply(4), refused, None).await;
    assert_eq!((refused.outcome.as_str(), refused.reason.contains("1 of 3")), ("refused", true));
    let declined = outcome(held(4), Wish::Apply(4), vec![Notice::Declined("no".to_owned())], None).await;
    assert_eq!((declined.outcome.as_str(), declined.reason.as_str()), ("refused", "no"));
}

#[tokio::test]
async fn rollback_and_resume_wait_for_the_record() {
    let done = State { rolled_back_to: Some(Generation(2)), ..state() };
    let back = outcome(state(), Wish::Rollback(2), Vec::new(), Some(done.clone())).await;
    assert_eq!((back.outcome.as_str(), back.stamp.unwrap().generation), ("committed", 3));
    let waits = vec![Notice::Held(stamp(4, &content(1)), Disruption::default())];
    assert_eq!(outcome(state(), Wish::Rollback(2), waits, None).await.outcome, "held");
    let resumed = outcome(done.clone(), Wish::Resume, Vec::new(), Some(state())).await;
    assert_eq!(resumed.outcome, "resumed");
}

#[tokio::test]
async fn what_needs_nothing_is_answered_at_once() {
    let played = play(state());
    let apply = |generation| played.admin.apply(Request::new(v1::ApplyRequest { generation }));
    assert_eq!(apply(3).await.unwrap().into_inner().outcome, "unchanged");
    let refused = apply(9).await.unwrap().into_inner();
    assert_eq!((refused.outcome.as_str(), refused.reason.contains("does not wait")), ("refused", true));
    let resume = played.admin.resume(Request::new(v1::ResumeRequest {})).await.unwrap().into_inner();
    assert_eq!(resume.outcome, "unchanged");
    let zero = played.admin.rollback(Request::new(v1::RollbackRequest { generation: 0 })).await.unwrap_err();
    assert_eq!(zero.code(), Code::InvalidArgument);
    // The lead is lost while somebody waits.
    let mut played = play(held(4));
    let told = played.admin.sights.driver.told.clone();
    let lost = async {
        played.heard.recv().await.unwrap();
        told.send(Told::Notice(Notice::LeadsNoMore)).unwrap();
    };
    let (answer, ()) =
        tokio::join!(played.admin.apply(Request::new(v1::ApplyRequest { generation: 4 })), lost);
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn history_has_what_was_seen_and_what_forwarders_keep() {
    let played = play(state());
    let kept = vec![(Generation(1), content(1).digest(), UNIX_EPOCH + Duration::from_secs(1))];
    let hello = Hello { kept, ..Hello::default() };
    let sightings = &played.admin.sights.driver.sightings;
    sightings.connected(&name("fw1"), &hello, SystemTime::now());
    let answer = played.admin.history(Request::new(v1::HistoryRequest {})).await.unwrap().into_inner();
    let seen: Vec<_> = answer
        .generations
        .iter()
        .map(|past| (past.stamp.as_ref().unwrap().generation, past.at_unix_ms, past.in_force, past.at_hand))
        .collect();
    assert_eq!(seen, [(3, 0, true, true), (1, 1000, false, true)]);
}
