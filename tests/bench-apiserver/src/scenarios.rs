//! What is measured.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use guideway_kube_tests::Server;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::Args;
use crate::client::{Connection, Target};
use crate::report::Row;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Objects that are listed.
const LISTED: usize = 6300;
/// Streams of one connection; more than that a server may refuse.
const STREAMS: usize = 100;

type Take<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

pub(crate) async fn measure(args: &Args, take: Take<'_>) -> Result<()> {
    let fsync = fsync(args)?;
    take(fsync.clone())?;
    if args.wants("ready") || args.wants("idle memory") {
        starts(take)?;
    }
    for (scenario, clients) in [("create, 1 client", 1), ("create, 64 clients", 64)] {
        if args.wants(scenario) {
            let server = Server::start()?;
            let (target, time) = (Target::new(&server)?, args.time());
            let row = match clients {
                1 => alone(move || async move { creates(&target, scenario, 1, time).await }).await?,
                _ => creates(&target, scenario, clients, time).await?,
            };
            take(row.beside(&fsync))?;
        }
    }
    if args.wants("get, 32 clients") || args.wants("list of 6300 objects") {
        let server = Server::start()?;
        reads(&Target::new(&server)?, args.time(), take).await?;
    }
    for flood in Flood::ALL.into_iter().filter(|flood| args.wants(flood.scenario())) {
        let server = Server::start()?;
        take(beside(flood, &Target::new(&server)?, args.time()).await?)?;
    }
    for (scenario, watchers, rounds) in
        [("create to event, 1 watcher", 1, 500), ("create to event, 500 watchers", 500, 100)]
    {
        if args.wants(scenario) {
            let server = Server::start()?;
            take(events(&Target::new(&server)?, scenario, watchers, rounds).await?)?;
        }
    }
    if args.wants("memory with 10000 idle watches") {
        let server = Server::start()?;
        let row = idle_watches(&server, 10_000).await?;
        take(row)?;
    }
    Ok(())
}

/// On a thread of its own: one client does not wait for its own threads to wake each other.
async fn alone<F>(measure: impl FnOnce() -> F + Send + 'static) -> Result<Row>
where
    F: Future<Output = Result<Row>>,
{
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure());
    tokio::task::spawn_blocking(run).await?
}

/// What the disk gives: appends of a kilobyte, each with fdatasync.
fn fsync(args: &Args) -> Result<Row> {
    let folder = tempfile::Builder::new().prefix("guideway-bench-").tempdir()?;
    let mut file = File::create(folder.path().join("log"))?;
    let block = [b'x'; 1024];
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < args.time().min(Duration::from_secs(3)) {
        let start = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(Row::of_times("append and fdatasync", &times).over(began.elapsed()))
}

fn starts(take: Take<'_>) -> Result<()> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let start = Instant::now();
        let server = Server::start()?;
        times.push(start.elapsed());
        // What the start leaves to be done in the background is done by then.
        std::thread::sleep(Duration::from_secs(2));
        memory.push(resident(&server)?);
    }
    take(Row::of_times("ready", &times))?;
    take(Row::new("idle memory", "MB", &memory))
}

/// Resident memory in megabytes.
fn resident(server: &Server) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().context("no process")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1024.0)
}

fn object(name: &str) -> Bytes {
    let filler = "x".repeat(400);
    let object = serde_json::json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name },
        "data": { "filler": filler },
    });
    object.to_string().into()
}

async fn creates(target: &Target, scenario: &'static str, clients: usize, time: Duration) -> Result<Row> {
    let number = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(target.connect().await?);
    }
    let began = Instant::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let number = Arc::clone(&number);
            tokio::spawn(async move {
                let mut times = Vec::new();
                while began.elapsed() < time {
                    let name = format!("m-{}", number.fetch_add(1, Ordering::Relaxed));
                    let body = object(&name);
                    let start = Instant::now();
                    connection.post(MAPS, body).await?;
                    times.push(start.elapsed());
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(Row::of_times(scenario, &times).over(began.elapsed()))
}

/// Creates [`LISTED`] objects.
async fn fill(target: &Target) -> Result<()> {
    let connection = target.connect().await?;
    let fill = (0..16).map(|part| {
        let mut connection = connection.clone();
        tokio::spawn(async move {
            for number in (0..LISTED).filter(|number| number % 16 == part) {
                connection.post(MAPS, object(&format!("m-{number:05}"))).await?;
            }
            anyhow::Ok(())
        })
    });
    for task in fill.collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}

async fn reads(target: &Target, time: Duration, take: Take<'_>) -> Result<()> {
    fill(target).await?;
    let mut connection = target.connect().await?;
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let list = connection.get(MAPS).await?;
        times.push(start.elapsed());
        ensure!(list.len() > LISTED * 400, "the list has {} bytes only", list.len());
    }
    take(Row::of_times("list of 6300 objects", &times))?;
    let began = Instant::now();
    let mut tasks = Vec::new();
    for client in 0..32 {
        let mut connection = target.connect().await?;
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < time {
                let path = format!("{MAPS}/m-{:05}", (client * 197 + times.len()) % LISTED);
                let start = Instant::now();
                connection.get(&path).await?;
                times.push(start.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    take(Row::of_times("get, 32 clients", &times).over(began.elapsed()))
}

/// What another client does all the time, over [`FLOODING`] connections.
#[derive(Clone, Copy)]
enum Flood {
    Nothing,
    Creates,
    Lists,
    Tables,
}

/// Connections of a flood.
const FLOODING: usize = 200;

impl Flood {
    const ALL: [Self; 4] = [Self::Nothing, Self::Creates, Self::Lists, Self::Tables];

    const fn scenario(self) -> &'static str {
        match self {
            Self::Nothing => "get, 1 client, nothing else",
            Self::Creates => "get beside a flood of creates",
            Self::Lists => "get beside a flood of lists",
            Self::Tables => "get beside a flood of tables",
        }
    }

    /// One request of it, read to its end.
    async fn ask(self, connection: &mut Connection, number: &AtomicU64) -> Result<()> {
        const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let body = match self {
            Self::Nothing => return Ok(()),
            Self::Creates => {
                let name = format!("f-{}", number.fetch_add(1, Ordering::Relaxed));
                connection.open(Method::POST, MAPS, object(&name)).await?
            }
            Self::Lists => connection.open(Method::GET, MAPS, Bytes::new()).await?,
            Self::Tables => connection.open_as(Method::GET, MAPS, Bytes::new(), TABLE).await?,
        };
        let mut body = body;
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(())
    }
}

/// What one client waits for an object while another one asks for all that it can.
async fn beside(flood: Flood, target: &Target, time: Duration) -> Result<Row> {
    fill(target).await?;
    let flooding = target.other().await?;
    let ended = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..FLOODING {
        let mut connection = flooding.connect().await?;
        let (ended, number) = (Arc::clone(&ended), Arc::clone(&number));
        tasks.push(tokio::spawn(async move {
            let mut asked = 0;
            while !matches!(flood, Flood::Nothing) && !ended.load(Ordering::Relaxed) {
                flood.ask(&mut connection, &number).await?;
                asked += 1;
            }
            anyhow::Ok(asked)
        }));
    }
    let (target, scenario) = (target.clone(), flood.scenario());
    let row = alone(move || async move {
        let mut connection = target.connect().await?;
        let (began, mut times) = (Instant::now(), Vec::new());
        while began.elapsed() < time {
            let path = format!("{MAPS}/m-{:05}", times.len() * 197 % LISTED);
            let start = Instant::now();
            connection.get(&path).await?;
            times.push(start.elapsed());
            // It is not what fills the server.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(Row::of_times(scenario, &times))
    })
    .await?;
    ended.store(true, Ordering::Relaxed);
    let mut asked = 0;
    for task in tasks {
        asked += task.await??;
    }
    if !matches!(flood, Flood::Nothing) {
        ensure!(asked > 0, "{scenario}: the flood had not one answer");
        eprintln!("  beside {asked} requests of the flood");
    }
    Ok(row)
}

/// Tells the time of each line that a watch gives.
fn listen(mut body: Incoming, lines: mpsc::UnboundedSender<Instant>) {
    tokio::spawn(async move {
        let mut rest = BytesMut::new();
        while let Some(Ok(frame)) = body.frame().await {
            let now = Instant::now();
            let Some(data) = frame.data_ref() else { continue };
            rest.extend_from_slice(data);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                drop(rest.split_to(end + 1));
                if lines.send(now).is_err() {
                    return;
                }
            }
        }
    });
}

/// Watches from the present revision on, with up to [`STREAMS`] of them over one connection.
async fn watch(target: &Target, count: usize) -> Result<Vec<Incoming>> {
    let mut connection = target.connect().await?;
    let list: serde_json::Value = serde_json::from_slice(&connection.get(&format!("{MAPS}?limit=1")).await?)?;
    let revision =
        list["metadata"]["resourceVersion"].as_str().context("a list without revision")?.to_owned();
    let path = format!("{MAPS}?watch=true&resourceVersion={revision}&timeoutSeconds=3000");
    let mut watches = Vec::with_capacity(count);
    let mut connection: Option<Connection> = None;
    for number in 0..count {
        if number % STREAMS == 0 {
            connection = Some(target.connect().await?);
        }
        let Some(connection) = &mut connection else { continue };
        watches.push(connection.open(Method::GET, &path, Bytes::new()).await?);
    }
    Ok(watches)
}

async fn events(target: &Target, scenario: &'static str, watchers: usize, rounds: usize) -> Result<Row> {
    let (lines, mut seen) = mpsc::unbounded_channel();
    for body in watch(target, watchers).await? {
        listen(body, lines.clone());
    }
    let mut connection = target.connect().await?;
    let mut times = Vec::with_capacity(watchers * rounds);
    for round in 0..rounds {
        // Of what the server itself does after its start.
        while seen.try_recv().is_ok() {}
        let body = object(&format!("e-{round}"));
        let start = Instant::now();
        let mut write = connection.clone();
        let written = tokio::spawn(async move { write.post(MAPS, body).await });
        for _ in 0..watchers {
            let line = tokio::time::timeout(Duration::from_secs(30), seen.recv()).await?;
            times.push(line.context("the watches ended")?.duration_since(start));
        }
        written.await??;
        // Not one event in the wake of another.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    connection.get("/readyz").await?;
    Ok(Row::of_times(scenario, &times))
}

async fn idle_watches(server: &Server, count: usize) -> Result<Row> {
    let target = Target::new(server)?;
    let watches = watch(&target, count).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory = resident(server)?;
    drop(watches);
    Ok(Row::new("memory with 10000 idle watches", "MB", &[memory]))
}
