//! What a change leaves behind: drain windows, backends that leave, grace periods, the history.

use super::*;

/// [`CONFIG`] with these backends, of which each `N` is at 10.1.N.2, and a drain window of ten seconds.
pub(super) fn with_backends(backends: &[u8]) -> String {
    let (head, rest) = CONFIG.split_once("    backends:\n").unwrap();
    let (_, tail) = rest.split_once("vips:\n").unwrap();
    let lines: String =
        backends.iter().map(|one| format!("      - {{name: b{one}, address: 10.1.{one}.2}}\n")).collect();
    format!("{head}    drain_window: 10s\n    backends:\n{lines}vips:\n{tail}")
}

pub(super) fn checked(text: &str) -> String {
    const CHECK: &str =
        "health_check: {type: tcp, port: 80, interval: 20ms, timeout: 20ms, rise: 1, fall: 1}";
    text.replace("table_size: 16381\n", &format!("table_size: 16381\n    {CHECK}\n"))
}

#[tokio::test]
async fn slots_settle_when_their_drain_window_ends() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    bench.reload(&with_backends(&[11, 12, 13])).await;
    let view = bench.outputs.view.load_full();
    let set = &view.sets[0];
    assert!(set.unsettled > 4000 && set.settles_at.is_some(), "{set:?}");
    let generation = view.generation;
    bench.pass(Duration::from_secs(9));
    bench.requests.send(Request::FileChanged).await.unwrap();
    assert!(bench.outputs.view.load().sets[0].unsettled > 0);
    bench.pass(Duration::from_secs(2));
    let view = bench.until("settled", |view| view.sets[0].unsettled == 0).await;
    assert!(view.generation > generation && view.sets[0].settles_at.is_none());
    bench.end().await;
}

#[tokio::test]
async fn a_backend_that_left_is_probed_until_nobody_needs_it() {
    let left: IpAddr = "10.1.12.2".parse().unwrap();
    let bench = Bench::start(paper(), &checked(&with_backends(&[11, 12]))).await;
    bench.up.lock().unwrap().extend([be1(), left]);
    bench.until("started", |view| view.started && view.sets[0].healthy() == 2).await;
    bench.reload(&checked(&with_backends(&[11]))).await;
    let view = bench.outputs.view.load_full();
    let leaving = &view.sets[0].leaving;
    assert_eq!(leaving.len(), 1);
    assert_eq!(
        (leaving[0].name.as_str(), leaving[0].state(), leaving[0].health()),
        ("b12", "draining", "healthy")
    );
    assert!(bench.outputs.ways.borrow().backends.contains_key(&left));

    // No time passes: it is the probe that tells.
    bench.up.lock().unwrap().remove(&left);
    let gone = |view: &View| view.sets[0].leaving.is_empty() && view.sets[0].unsettled == 0;
    bench.until("gone", gone).await;
    let mut wanted = bench.outputs.ways.subscribe();
    let dropped = wanted.wait_for(|wanted| !wanted.backends.contains_key(&left));
    tokio::time::timeout(Duration::from_secs(10), dropped).await.unwrap().unwrap();
    bench.end().await;
}

/// The other set goes on with it, so that nobody says that it is gone: what counts is whether anybody finds it alive.
#[tokio::test]
async fn a_backend_that_another_set_keeps_is_given_up_when_it_is_dead() {
    let mail = |text: String| {
        let (head, vips) = text.split_once("vips:\n").unwrap();
        let set = "  - name: mail\n    table_size: 16381\n    backends:\n      - {name: b12, address: 10.1.12.2}\n      \
                   - {name: b13, address: 10.1.13.2}\n";
        let vip = "  - {name: mail, address: 203.0.113.10, port: 25, protocol: tcp, backend_set: mail}\n";
        checked(&format!("{head}{set}vips:\n{vips}{vip}")).replace("tables_16381: 4", "tables_16381: 8")
    };
    let before = mail(with_backends(&[11, 12]));
    let paper = paper_with(crate::load::capacities(&crate::fixtures::config(&before)));
    let [other, shared]: [IpAddr; 2] = ["10.1.13.2", "10.1.12.2"].map(|address| address.parse().unwrap());
    let bench = Bench::start(paper, &before).await;
    bench.up.lock().unwrap().extend([be1(), shared, other]);
    bench.until("started", |view| view.started && view.sets.iter().all(|set| set.healthy() == 2)).await;
    let text = mail(with_backends(&[11]));
    bench.reload(&text).await;
    let view = bench.outputs.view.load_full();
    assert!(view.sets[0].unsettled > 4000, "{:?}", view.sets[0]);
    assert!(view.sets[0].leaving.is_empty() && view.sets[1].healthy() == 2);

    // Also one that has just started, and knows of the check of its former set from the history.
    let (paper, dir) = bench.end_with_dir().await;
    let bench = Bench::start_in(paper, &text, dir).await;
    bench.up.lock().unwrap().extend([be1(), shared, other]);
    bench.until("started", |view| view.started && view.sets[1].healthy() == 2).await;
    assert!(bench.outputs.view.load().sets[0].unsettled > 4000);
    bench.up.lock().unwrap().remove(&shared);
    bench.until("given up", |view| view.sets[0].unsettled == 0 && view.sets[1].healthy() == 1).await;
    bench.end().await;
}

/// The maps have no names and no checks: both come from the history.
#[tokio::test]
async fn a_backend_that_left_is_probed_on_after_a_restart() {
    let left: IpAddr = "10.1.12.2".parse().unwrap();
    let bench = Bench::start(paper(), &checked(&with_backends(&[11, 12]))).await;
    bench.up.lock().unwrap().extend([be1(), left]);
    bench.until("started", |view| view.started && view.sets[0].healthy() == 2).await;
    let text = checked(&with_backends(&[11]));
    bench.reload(&text).await;
    let (paper, dir) = bench.end_with_dir().await;
    let bench = Bench::start_in(paper, &text, dir).await;
    bench.up.lock().unwrap().extend([be1(), left]);
    let known = |view: &View| {
        let leaving = view.sets.first().and_then(|set| set.leaving.first());
        leaving.is_some_and(|leaving| (leaving.name.as_str(), leaving.health()) == ("b12", "healthy"))
    };
    bench.until("probed", known).await;
    bench.up.lock().unwrap().remove(&left);
    bench.until("gone", |view| view.sets[0].leaving.is_empty() && view.sets[0].unsettled == 0).await;
    bench.end().await;
}

#[tokio::test]
async fn the_answer_does_not_wait_for_a_grace_period() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    bench.paper.maps.fail_grace_periods();
    let answer = bench.reload(&with_backends(&[11, 13])).await;
    assert_eq!(answer, ReloadAnswer { errors: vec![], generation: 2 });
    // But the next write does: nothing is overwritten that a packet may see.
    let answer = bench.reload(&with_backends(&[11, 14])).await;
    assert!(
        answer.errors[0].contains("grace period") && answer.errors[0].contains("trying again"),
        "{answer:?}"
    );
    assert_eq!(bench.paper.maps.activations(), 2);
    bench.paper.maps.heal();
    bench.until("installed", |view| view.generation == 3 && view.apply_error.is_none()).await;
    bench.end().await;
}

#[tokio::test]
async fn rolls_back_to_an_earlier_configuration() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    bench.reload(&with_backends(&[11, 13])).await;
    let names = |view: &View| view.sets[0].backends.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let past =
        |view: &View| view.history.iter().map(|one| (one.generation, one.in_force)).collect::<Vec<_>>();
    let view = bench.outputs.view.load_full();
    assert_eq!(
        (names(&view), past(&view)),
        (vec!["b11".to_owned(), "b13".to_owned()], vec![(2, true), (1, false)])
    );
    assert_eq!(view.rolled_back_to, None);

    assert_eq!(bench.roll_back(9).await, Err(NotInHistory { generation: 9, known: vec![2, 1] }));
    assert_eq!(bench.roll_back(1).await, Ok(ReloadAnswer { errors: vec![], generation: 3 }));
    let view = bench.outputs.view.load_full();
    assert_eq!((names(&view), view.rolled_back_to), (vec!["b11".to_owned(), "b12".to_owned()], Some(1)));
    assert_eq!(past(&view), [(3, true), (2, false), (1, false)]);
    assert!(view.history[0].summary.ends_with("as generation 1"), "{:?}", view.history);
    assert_eq!(view.sets[0].leaving.len(), 1, "it goes by a drain window, as any change");

    // The file as it was is no news; a reload reads it.
    bench.requests.send(Request::FileChanged).await.unwrap();
    assert_eq!(bench.outputs.view.load().rolled_back_to, Some(1));
    let (sender, answer) = oneshot::channel();
    bench.requests.send(Request::Reload(Some(sender))).await.unwrap();
    assert_eq!(answer.await.unwrap(), ReloadAnswer { errors: vec![], generation: 4 });
    let view = bench.outputs.view.load_full();
    assert_eq!((names(&view)[1].as_str(), view.rolled_back_to), ("b13", None));
    bench.end().await;
}

#[tokio::test]
async fn the_history_survives_a_restart() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    bench.reload(&with_backends(&[11, 13])).await;
    bench.roll_back(1).await.unwrap();
    let (paper, dir) = bench.end_with_dir().await;
    let bench = Bench::start_in(paper, &with_backends(&[11, 13]), dir).await;
    let view = bench.until("started", |view| view.started).await;
    let past: Vec<(u64, bool)> = view.history.iter().map(|one| (one.generation, one.in_force)).collect();
    assert_eq!((past, view.rolled_back_to), (vec![(4, true), (3, false), (2, false), (1, false)], None));
    assert!(bench.roll_back(1).await.unwrap().errors.is_empty());
    bench.end().await;
}

/// What is in the history may not be good any more: the maps may have other limits.
#[tokio::test]
async fn a_rollback_can_be_refused() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    let other = with_backends(&[11]).replace("{name: up0}", "{name: up1}");
    bench.reload(&other).await;
    bench.paper.existing.lock().unwrap().remove("up0");
    let answer = bench.roll_back(1).await.unwrap();
    assert!(answer.errors[0].contains("no such interface"), "{answer:?}");
    assert_eq!((answer.generation, bench.attached()), (2, vec!["up1".to_owned()]));
    assert!(answer.errors[0].starts_with("generation 1 of the history: "), "{answer:?}");
    let view = bench.outputs.view.load_full();
    assert_eq!(view.rolled_back_to, None);
    assert!(view.last_reload.as_ref().unwrap().accepted(), "nothing is wrong with the file");
    bench.end().await;
}

/// As after a reboot with other limits: the maps are new, and the history is not.
#[tokio::test]
async fn the_history_outlives_the_maps() {
    let text = with_backends(&[11, 12]);
    let bench = Bench::start(paper(), &text).await;
    bench.until("started", |view| view.started).await;
    bench.reload(&with_backends(&[11, 13])).await;
    let (_, dir) = bench.end_with_dir().await;
    let others = with_backends(&[14]).replace("{vips: 16, backends: 16,", "{vips: 8, backends: 24,");
    let capacities = crate::load::capacities(&crate::fixtures::config(&others));
    let bench = Bench::start_in(paper_with(capacities), &others, dir).await;
    let view = bench.until("started", |view| view.started).await;
    assert_eq!(view.generation, 3, "numbers of the history are not given twice");
    assert_eq!(bench.roll_back(1).await, Ok(ReloadAnswer { errors: vec![], generation: 4 }));
    // The limits of the file are still those that count.
    assert!(bench.reload(&others).await.errors.is_empty());
    assert!(bench.reload(&text).await.errors[0].contains("limits"));
    bench.end().await;
}

#[tokio::test]
async fn prefixes_are_announced_as_such() {
    let text = CONFIG.replace("203.0.113.10, port: 443", "203.0.113.128/25, port: any");
    let bench = Bench::start(paper(), &text).await;
    bench.until("started", |view| view.started).await;
    assert_eq!(bench.announced(), Some(vec![vip_address(), "203.0.113.128/25".to_owned()]));
    assert_eq!(bench.outputs.null_routes.borrow().as_ref().map(|prefixes| prefixes.len()), Some(2));
    // Its sessions would end, and nobody could take that back from afar.
    let answer = bench.reload(&text.replace("203.0.113.128/25", "10.1.1.0/30")).await;
    assert!(answer.errors[0].contains("vips: 10.1.1.0/30 contains 10.1.1.2"), "{answer:?}");
    assert_eq!(bench.announced(), Some(vec![vip_address(), "203.0.113.128/25".to_owned()]));
    // A single address is named on purpose.
    let answer = bench.reload(&text.replace("203.0.113.128/25", "10.1.1.2")).await;
    assert!(answer.errors.is_empty(), "{answer:?}");
    bench.end().await;
}

#[tokio::test]
async fn pools_are_null_routed_and_not_announced() {
    let pools = |text: &str| format!("{CONFIG}\npools: [{text}]\n");
    let bench = Bench::start(paper(), &pools("203.0.113.0/24, \"2001:db8::/64\"")).await;
    bench.until("started", |view| view.started).await;
    assert_eq!(bench.announced(), Some(vec![vip_address()]));
    assert_eq!(bench.outputs.null_routes.borrow().as_ref().map(|prefixes| prefixes.len()), Some(3));
    let answer = bench.reload(&pools("10.1.0.0/16")).await;
    assert!(answer.errors[0].contains("10.1.0.0/16 contains 10.1.1.2"), "{answer:?}");
    assert!(bench.reload(CONFIG).await.errors.is_empty());
    assert_eq!(bench.outputs.null_routes.borrow().as_ref().map(|prefixes| prefixes.len()), Some(1));
    bench.end().await;
}

/// A start is no reason to give up what serves: neither one failed probe nor the lack of a verdict is.
#[tokio::test]
async fn backends_that_serve_stay_over_a_restart_until_they_have_failed() {
    let text = checked(&with_backends(&[11, 12, 99])).replace("fall: 1", "fall: 200");
    let bench = Bench::start(paper(), &text).await;
    bench.up.lock().unwrap().extend([be1(), slow_backend()]);
    bench.slow.notify_one();
    let shares = |view: &View| view.sets[0].backends.iter().map(|one| one.slots > 0).collect::<Vec<_>>();
    let view = bench.until("started", |view| view.started).await;
    assert_eq!(shares(&view), [true, false, true]);
    let (generation, (paper, dir)) = (view.generation, bench.end_with_dir().await);

    // The first one fails once, the last one has no verdict when the time is over.
    let bench = Bench::start_in(paper, &text, dir).await;
    let view = bench.until("started again", |view| view.started).await;
    assert_eq!((shares(&view), view.generation), (vec![true, false, true], generation));
    assert!(view.vips.iter().all(|vip| vip.served));
    // `fall` applies as ever.
    bench.until("withdrawn", |view| shares(view) == [false, false, true]).await;
    bench.end().await;
}

/// Nor to take back at once what has not answered often enough: other forwarders do not know of its connections yet.
#[tokio::test]
async fn backends_that_were_dead_have_to_answer_as_often_as_ever_after_a_restart() {
    let text = checked(&with_backends(&[11, 12])).replace("rise: 1", "rise: 200");
    let other: IpAddr = "10.1.12.2".parse().unwrap();
    // It is announced once it answers, which takes slots that are in doubt.
    let text = text.replace("table_size: 16381\n", "table_size: 16381\n    second_hop: true\n");
    let is_dead = |view: &View| view.sets[0].backends[1].slots == 0 && view.sets[0].healthy() == 1;
    let bench = Bench::start(paper(), &text).await;
    bench.up.lock().unwrap().insert(be1());
    let dead = |view: &View| view.started && is_dead(view) && view.sets[0].unsettled == 0;
    bench.until("dead", dead).await;
    let (paper, dir) = bench.end_with_dir().await;

    let bench = Bench::start_in(paper, &text, dir).await;
    bench.up.lock().unwrap().extend([be1(), other]);
    let announced = |view: &View| view.started && is_dead(view) && view.sets[0].unsettled > 4000;
    bench.until("announced", announced).await;
    let (paper, dir) = bench.end_with_dir().await;

    // What was announced still is, even before there is an answer.
    let bench = Bench::start_in(paper, &text, dir).await;
    bench.up.lock().unwrap().extend([be1(), other]);
    let view = bench.until("started again", |view| view.started).await;
    assert!(announced(&view), "{:?}", view.sets[0]);
    bench.until("back", |view| view.sets[0].healthy() == 2 && view.sets[0].backends[1].slots > 4000).await;
    bench.end().await;
}

#[tokio::test]
async fn a_history_that_cannot_be_written_holds_nothing_up() {
    let bench = Bench::start(paper(), &with_backends(&[11, 12])).await;
    bench.until("started", |view| view.started).await;
    // Nobody reads from it, so that whoever writes waits.
    let slow = bench.dir.path().join("state/history").join(format!("{:020}.new", 2));
    let made = std::process::Command::new("mkfifo").arg(&slow).status().unwrap();
    assert!(made.success());
    for (backend, generation) in [(13, 2), (14, 3), (15, 4)] {
        let answer = bench.reload(&with_backends(&[11, backend])).await;
        assert_eq!(answer, ReloadAnswer { errors: vec![], generation });
    }
    let (_, _dir) = bench.end_with_dir().await;
    // Or the test would not end.
    std::fs::read(&slow).unwrap();
}
