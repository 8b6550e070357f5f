//! Candidates, an API server that is slow and forgets to answer, and clocks of machines that say anything, in virtual time:
//! there are never two leaders, and one as soon as all is well.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use kube::client::Body;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::*;

const CANDIDATES: usize = 3;
const TROUBLE: Duration = Duration::from_secs(600);
const CALM: Duration = Duration::from_secs(120);

struct World {
    random: SmallRng,
    lease: Option<Value>,
    revision: u64,
    is_calm: bool,
    leaders: Vec<usize>,
    terms: usize,
}

/// What becomes of a request.
enum Fate {
    /// It never arrives.
    Lost,
    /// It is done after the first time, and the answer comes after the second; `None`: never.
    Done(Duration, Option<Duration>),
}

impl World {
    fn fate(&mut self) -> Fate {
        let mut time = |most: u64| Duration::from_millis(self.random.random_range(1..=most));
        let (soon, late) = (time(50), time(8000));
        match self.random.random_range(0..100) {
            _ if self.is_calm => Fate::Done(soon, Some(soon)),
            0..10 => Fate::Lost,
            10..20 => Fate::Done(soon, None),
            20..25 => Fate::Done(late, None),
            25..35 => Fate::Done(late, Some(soon)),
            35..45 => Fate::Done(soon, Some(late)),
            _ => Fate::Done(soon, Some(soon)),
        }
    }

    /// Status code and body.
    fn answer(&mut self, method: &http::Method, body: &[u8]) -> (u16, Value) {
        let status = |code: u16, reason: &str| {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason,
                "reason": reason, "code": code,
            });
            (code, status)
        };
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        let revision = self.lease.as_ref().map(|lease| lease["metadata"]["resourceVersion"].clone());
        match (method.as_str(), revision) {
            ("GET", None) | ("PUT", None) => return status(404, "NotFound"),
            ("POST", Some(_)) => return status(409, "AlreadyExists"),
            ("PUT", Some(now)) if sent["metadata"]["resourceVersion"] != now => {
                return status(409, "Conflict");
            }
            ("GET", Some(_)) => {}
            _ => {
                self.lease = Some(sent);
                self.touch();
                // The clock of whoever has written it may be years off, and go backwards.
                let year = self.random.random_range(1990..2050);
                let second = self.random.random_range(0..60);
                let micros = self.random.random_range(0..1_000_000);
                let lease = self.lease.as_mut().unwrap();
                lease["spec"]["renewTime"] = format!("{year}-01-01T00:00:{second:02}.{micros:06}Z").into();
            }
        }
        (200, self.lease.clone().unwrap())
    }

    fn touch(&mut self) {
        self.revision += 1;
        if let Some(lease) = &mut self.lease {
            lease["metadata"]["resourceVersion"] = self.revision.to_string().into();
        }
    }
}

fn client(world: &Arc<Mutex<World>>) -> Client {
    let world = Arc::clone(world);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let world = Arc::clone(&world);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let fate = world.lock().unwrap().fate();
            let Fate::Done(before, after) = fate else { return std::future::pending().await };
            // Whoever gives up waiting does not undo it.
            let doing = tokio::spawn(async move {
                tokio::time::sleep(before).await;
                world.lock().unwrap().answer(&parts.method, &body)
            });
            let (code, value) = doing.await.unwrap();
            let Some(after) = after else { return std::future::pending().await };
            tokio::time::sleep(after).await;
            let body = Body::from(value.to_string().into_bytes());
            Ok::<_, Infallible>(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    Client::new(service, "default")
}

/// Leads until it is told not to, and then for a moment more.
async fn lead(number: usize, world: Arc<Mutex<World>>, leading: CancellationToken) {
    let (end, resigns) = {
        let mut world = world.lock().unwrap();
        world.leaders.push(number);
        world.terms += 1;
        assert_eq!(world.leaders.len(), 1, "two lead: {:?}", world.leaders);
        let resigns = !world.is_calm && world.random.random_bool(0.2);
        (Duration::from_millis(world.random.random_range(0..500)), resigns)
    };
    if resigns {
        tokio::time::sleep(end * 20).await;
        leading.cancel();
    }
    leading.cancelled().await;
    tokio::time::sleep(end).await;
    world.lock().unwrap().leaders.clear();
}

async fn play(seed: u64) -> usize {
    let random = SmallRng::seed_from_u64(seed);
    let world = World { random, lease: None, revision: 0, is_calm: false, leaders: Vec::new(), terms: 0 };
    let world = Arc::new(Mutex::new(world));
    let stop = CancellationToken::new();
    let mut candidates = tokio::task::JoinSet::new();
    for number in 0..CANDIDATES {
        let (world, stop, client) = (Arc::clone(&world), stop.clone(), client(&world));
        candidates.spawn(async move {
            let config = ElectionConfig::new("default", "test", format!("candidate-{number}"));
            let lead = |leading| lead(number, Arc::clone(&world), leading);
            run(client, &config, None, &stop, lead).await;
        });
    }
    let start = Instant::now();
    while start.elapsed() < TROUBLE {
        // Somebody labels it.
        let pause = Duration::from_secs(world.lock().unwrap().random.random_range(1..20));
        tokio::time::sleep(pause).await;
        world.lock().unwrap().touch();
    }
    world.lock().unwrap().is_calm = true;
    tokio::time::sleep(CALM).await;
    assert_eq!(world.lock().unwrap().leaders.len(), 1, "nobody leads although all is well");
    stop.cancel();
    // A panic of one is one of the test.
    while let Some(ended) = candidates.join_next().await {
        ended.unwrap();
    }
    world.lock().unwrap().terms
}

#[tokio::test(start_paused = true)]
async fn there_are_never_two_leaders() {
    let mut terms = 0;
    for seed in 0..40 {
        terms += play(seed).await;
    }
    assert!(terms > 200, "they do not change often enough to show anything: {terms}");
}
