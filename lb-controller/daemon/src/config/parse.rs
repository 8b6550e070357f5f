//! From the tree to values.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use guideway_bgp_config::Problem;
use guideway_bgp_config::daemon::{listen, listen_of, socket_of};
use guideway_bgp_config::fields::{Section, duration, number, text};
use guideway_bgp_config::yaml::{self, Node, Value};
use guideway_controller_crds::guideway::{Cluster, ClusterAccess, EndpointMode, OverBudget, Rollout};
use guideway_controller_index::{ClusterName, DEFAULT_CLASS};
use guideway_dataplane_config::Seed;

use super::{Ca, Config, Election, Home, Kubeconfig, Liveness, Workload};

const SOCKET: &str = "/run/guideway/controller.sock";
const METRICS: &str = "127.0.0.1:9475";
const ENROLMENT: &str = "[::]:9481";
const LISTEN: &str = "[::]:9480";
const STATE: &str = "/var/lib/guideway/controller";
const CA: &str = "/var/lib/guideway/controller/ca";
const NAMESPACE: &str = "guideway";
const MAX_CLUSTERS: usize = 256;
const MAX_NAMES: usize = 64;

type Problems = Vec<Problem>;

pub(super) fn config(source: &str) -> Result<Config, Problems> {
    let node =
        yaml::parse(source).map_err(|(line, reason)| vec![Problem { line, field: String::new(), reason }])?;
    let mut problems = Vec::new();
    let config = document(&node, &mut problems);
    problems.sort_by_key(|problem| problem.line);
    config.filter(|_| problems.is_empty()).ok_or(problems)
}

fn document(node: &Node, problems: &mut Problems) -> Option<Config> {
    let mut section = Section::open("", node, problems);
    let seed = section.required("seed", problems, seed);
    let home_node = section.node("home");
    let home = home_node.and_then(|node| home(node, problems));
    let defaults = defaults(&mut section, problems);
    let clusters = section.node("clusters").map(|node| clusters(node, &defaults, problems));
    let services_file = section.optional("services_file", problems, text).map(|found| found.value.into());
    let addresses = section.optional("listen", problems, listen).map(|found| found.value);
    let liveness =
        section.node("forwarders").map_or(Some(Liveness::default()), |node| liveness(node, problems));
    let ca = ca(&mut section, problems);
    let state_dir = section.optional("state_dir", problems, text).map(|found| found.value);
    let socket = socket_of(&mut section, "admin", SOCKET, problems);
    let metrics_listen = listen_of(&mut section, "metrics", fixed(METRICS), problems);
    let enrolment_listen = listen_of(&mut section, "enrolment", fixed(ENROLMENT), problems);
    let rollout_node = section.node("rollout");
    if let (Some(node), Some(_)) = (rollout_node, home_node) {
        let reason = "belongs into the Rollout object of the home cluster, remove it here".to_owned();
        problems.push(Problem { line: node.line, field: "rollout".to_owned(), reason });
    }
    let rollout = rollout_node.map_or_else(|| Some(default_rollout()), |node| rollout(node, problems));
    section.close(problems);
    if home_node.is_none() && services_file.is_none() {
        let reason = "says nothing about pools: give it a home cluster (`home`), or pools and services in a file \
                      (`services_file`)";
        problems.push(Problem { line: node.line, field: String::new(), reason: reason.to_owned() });
    }
    Some(Config {
        seed: seed?.value,
        home,
        clusters: clusters.unwrap_or_default(),
        services_file,
        listen: addresses.unwrap_or_else(|| vec![fixed(LISTEN)]),
        liveness: liveness?,
        enrolment_listen: enrolment_listen?,
        ca,
        state_dir: state_dir.unwrap_or_else(|| STATE.to_owned()).into(),
        socket: socket?,
        metrics_listen: metrics_listen?,
        rollout: rollout?,
    })
}

fn fixed(address: &str) -> SocketAddr {
    address.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn seed(value: &Value) -> Result<Seed, String> {
    let wrong = || {
        "must be 32 hexadecimal digits in quotes (128 bits), such as `openssl rand -hex 16` prints".to_owned()
    };
    let Value::Text(text) = value else { return Err(wrong()) };
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| digits).ok_or_else(wrong)?;
    Ok(Seed::new(number.to_be_bytes()))
}

fn name(value: &Value) -> Result<String, String> {
    let name = text(value)?;
    let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    if letters && name.len() <= 253 {
        Ok(name)
    } else {
        Err("must be 1 to 253 of a-z, 0-9, - and .".to_owned())
    }
}

fn home(node: &Node, problems: &mut Problems) -> Option<Home> {
    let mut section = Section::open("home", node, problems);
    let kubeconfig = kubeconfig(&mut section, problems);
    let namespace = section.optional("namespace", problems, name).map(|found| found.value);
    let rollout = section.optional("rollout", problems, name).map(|found| found.value);
    let election =
        section.node("election").map_or(Some(Election::default()), |node| election(node, problems));
    section.close(problems);
    Some(Home {
        kubeconfig: kubeconfig?,
        namespace: namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
        rollout: rollout.unwrap_or_else(|| "default".to_owned()),
        election: election?,
    })
}

/// Kubernetes' own times.
impl Default for Election {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease_duration: seconds(15), renew_deadline: seconds(10), retry_period: seconds(2) }
    }
}

fn election(node: &Node, problems: &mut Problems) -> Option<Election> {
    let path = "home.election";
    let mut section = Section::open(path, node, problems);
    let default = Election::default();
    let mut time = |field, default| {
        section
            .optional(field, problems, within(Duration::from_millis(100), Duration::from_secs(600)))
            .map_or(default, |found| found.value)
    };
    let election = Election {
        lease_duration: time("lease_duration", default.lease_duration),
        renew_deadline: time("renew_deadline", default.renew_deadline),
        retry_period: time("retry_period", default.retry_period),
    };
    section.close(problems);
    let mut wrong = |field: &str, reason: &str| {
        problems.push(Problem {
            line: node.line,
            field: format!("{path}.{field}"),
            reason: reason.to_owned(),
        });
        None
    };
    if election.lease_duration.subsec_nanos() != 0 {
        return wrong("lease_duration", "must be whole seconds, because the Lease says it so");
    }
    if election.renew_deadline >= election.lease_duration {
        return wrong("renew_deadline", "must be less than lease_duration, or two might lead at once");
    }
    if election.retry_period >= election.renew_deadline {
        return wrong("retry_period", "must be less than renew_deadline");
    }
    Some(election)
}

/// So that another forwarder has the VIPs of a dead one within a second in L2 mode.
impl Default for Liveness {
    fn default() -> Self {
        Self { keepalive: Duration::from_millis(200), silence: Duration::from_millis(600) }
    }
}

fn liveness(node: &Node, problems: &mut Problems) -> Option<Liveness> {
    let mut section = Section::open("forwarders", node, problems);
    let default = Liveness::default();
    let mut time = |field, default| {
        section
            .optional(field, problems, within(Duration::from_millis(50), Duration::from_secs(60)))
            .map_or(default, |found| found.value)
    };
    let keepalive = time("keepalive", default.keepalive);
    let silence = time("silence", default.silence);
    section.close(problems);
    if silence > keepalive {
        return Some(Liveness { keepalive, silence });
    }
    let reason = format!("must be more than keepalive, which is {keepalive:?}");
    problems.push(Problem { line: node.line, field: "forwarders.silence".to_owned(), reason });
    None
}

fn within(least: Duration, most: Duration) -> impl Fn(&Value) -> Result<Duration, String> {
    move |value| {
        let time = duration(value)?;
        if (least..=most).contains(&time) {
            Ok(time)
        } else {
            Err(format!("must be from {least:?} to {most:?}"))
        }
    }
}

/// `kubeconfig` with `context`, or `in_cluster: true`.
fn kubeconfig(section: &mut Section<'_>, problems: &mut Problems) -> Option<Kubeconfig> {
    let in_cluster = section.optional("in_cluster", problems, switch).is_some_and(|found| found.value);
    let context = section.optional("context", problems, text).map(|found| found.value);
    if in_cluster {
        if let Some(node) = section.node("kubeconfig") {
            let reason = "does not go together with in_cluster".to_owned();
            problems.push(Problem { line: node.line, field: section.name("kubeconfig"), reason });
        }
        return Some(Kubeconfig::InCluster);
    }
    let file = section.required("kubeconfig", problems, text)?;
    Some(Kubeconfig::File(file.value.into(), context))
}

fn switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(switch) => Ok(*switch),
        other => Err(format!("must be true or false, not {}", other.kind())),
    }
}

fn mode(value: &Value) -> Result<EndpointMode, String> {
    match text(value)?.as_str() {
        "Pod" => Ok(EndpointMode::Pod),
        "Node" => Ok(EndpointMode::Node),
        other => Err(format!("`{}` must be Pod or Node", other.escape_debug())),
    }
}

/// What clusters of the file have that do not say otherwise.
struct Defaults {
    class: String,
    endpoints: EndpointMode,
}

fn defaults(section: &mut Section<'_>, problems: &mut Problems) -> Defaults {
    Defaults {
        class: section
            .optional("class", problems, text)
            .map_or_else(|| DEFAULT_CLASS.to_owned(), |found| found.value),
        endpoints: section
            .optional("endpoints", problems, mode)
            .map_or(EndpointMode::Pod, |found| found.value),
    }
}

fn clusters(node: &Node, defaults: &Defaults, problems: &mut Problems) -> Vec<Workload> {
    let mut wrong =
        |line, reason: String| problems.push(Problem { line, field: "clusters".to_owned(), reason });
    let Value::List(list) = &node.value else {
        wrong(node.line, format!("must be a list of clusters, not {}", node.value.kind()));
        return Vec::new();
    };
    if list.len() > MAX_CLUSTERS {
        wrong(node.line, format!("has {} clusters: at most {MAX_CLUSTERS} are possible", list.len()));
        return Vec::new();
    }
    let mut clusters: Vec<Workload> = Vec::new();
    for (at, node) in list.iter().enumerate() {
        let Some(cluster) = cluster(&format!("clusters[{at}]"), node, defaults, problems) else { continue };
        if clusters.iter().any(|other| other.name == cluster.name) {
            let reason = format!("the name {} stands here twice", cluster.name);
            problems.push(Problem { line: node.line, field: format!("clusters[{at}].name"), reason });
            continue;
        }
        clusters.push(cluster);
    }
    clusters
}

fn cluster(path: &str, node: &Node, defaults: &Defaults, problems: &mut Problems) -> Option<Workload> {
    let mut section = Section::open(path, node, problems);
    let name = section.required("name", problems, |value| {
        ClusterName::new(&text(value)?).map_err(|error| error.to_string())
    });
    let kubeconfig = kubeconfig(&mut section, problems);
    let class = section.optional("class", problems, text).map(|found| found.value);
    let default_class = section.optional("default_class", problems, switch).is_some_and(|found| found.value);
    let namespaces = section.optional("namespaces", problems, texts).map(|found| found.value);
    let endpoints = section.optional("endpoints", problems, mode).map(|found| found.value);
    let shard = section.optional("shard", problems, self::name).map(|found| found.value);
    let backend_policy = section.optional("backend_policy", problems, self::name).map(|found| found.value);
    section.close(problems);
    Some(Workload {
        name: name?.value,
        kubeconfig: kubeconfig?,
        settings: Cluster {
            access: ClusterAccess::Home,
            load_balancer_class: Some(class.unwrap_or_else(|| defaults.class.clone())),
            default_class,
            namespaces: namespaces.unwrap_or_default().into_iter().collect::<BTreeSet<_>>(),
            endpoints: endpoints.unwrap_or(defaults.endpoints),
            shard,
            backend_policy,
        },
    })
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let wrong = || format!("must be a list of at most {MAX_NAMES} texts");
    let Value::List(list) = value else { return Err(wrong()) };
    if list.len() > MAX_NAMES {
        return Err(wrong());
    }
    list.iter().map(|node| text(&node.value)).collect()
}

fn ca(section: &mut Section<'_>, problems: &mut Problems) -> Ca {
    let default = || Ca { folder: PathBuf::from(CA), names: Vec::new() };
    let Some(node) = section.node("ca") else { return default() };
    let mut section = Section::open("ca", node, problems);
    let folder = section.optional("folder", problems, text).map(|found| found.value.into());
    let names = section.optional("names", problems, texts).map(|found| found.value);
    section.close(problems);
    Ca { folder: folder.unwrap_or_else(|| default().folder), names: names.unwrap_or_default() }
}

fn default_rollout() -> Rollout {
    Rollout {
        prepare_timeout: Duration::from_secs(10),
        slots_permille: None,
        sets: None,
        over_budget: OverBudget::Hold,
        history: NonZeroU16::MIN.saturating_add(15),
    }
}

fn rollout(node: &Node, problems: &mut Problems) -> Option<Rollout> {
    let mut section = Section::open("rollout", node, problems);
    let default = default_rollout();
    let times = within(Duration::from_millis(100), Duration::from_secs(600));
    let prepare_timeout = section.optional("prepare_timeout", problems, times);
    let slots_permille = section.optional("slots_permille", problems, permille);
    let sets = section.optional("sets", problems, number("0 to 4294967295"));
    let over_budget = section.optional("over_budget", problems, over_budget);
    let history = section.optional("history", problems, history);
    section.close(problems);
    Some(Rollout {
        prepare_timeout: prepare_timeout.map_or(default.prepare_timeout, |found| found.value),
        slots_permille: slots_permille.map(|found| found.value),
        sets: sets.map(|found| found.value),
        over_budget: over_budget.map_or(default.over_budget, |found| found.value),
        history: history.map_or(default.history, |found| found.value),
    })
}

fn permille(value: &Value) -> Result<u16, String> {
    number("0 to 1000")(value).and_then(|number: u16| match number {
        ..=1000 => Ok(number),
        _ => Err(format!("{number} is not in 0 to 1000")),
    })
}

fn history(value: &Value) -> Result<NonZeroU16, String> {
    let number: u16 = number("1 to 100")(value)?;
    NonZeroU16::new(number)
        .filter(|number| number.get() <= 100)
        .ok_or_else(|| format!("{number} is not in 1 to 100"))
}

fn over_budget(value: &Value) -> Result<OverBudget, String> {
    let wrong = || "must be hold, or a time from 1s to 1h between parts".to_owned();
    if *value == Value::Text("hold".to_owned()) {
        return Ok(OverBudget::Hold);
    }
    let range = within(Duration::from_secs(1), Duration::from_secs(3600));
    range(value).map(|interval| OverBudget::Spread { interval }).map_err(|_| wrong())
}
