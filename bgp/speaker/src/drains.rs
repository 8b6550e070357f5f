//! Carries drains out: asks the routers' tables and the agent, and tells what happens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use guideway_bgp_admin::v1;
use guideway_dataplane_admin::v1::ActiveFlowsRequest;
use guideway_dataplane_admin::v1::dataplane_client::DataplaneClient;
use thiserror::Error;
use tokio::sync::{Notify, broadcast};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::drain::{Drain, Effect, Event, Order, Phase, Target, stays};
use crate::shared::Shared;
use crate::unix_ms;

/// Steps that a slow listener may be behind.
const STEPS: usize = 64;
/// How often the routers' tables are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Over which time flows are counted.
const WINDOW: Duration = Duration::from_secs(1);
const COUNT_TIMEOUT: Duration = Duration::from_secs(5);
/// Drains at once, as many as anybody can follow.
const MAX_DRAINS: usize = 1000;

/// What happened to a drain.
pub(crate) type Step = (Drain, String);

/// Why a drain does not begin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum OrderError {
    #[error("there is a drain already ({0}); `lbctl bgp undrain` ends it")]
    Exists(&'static str),
    #[error("there are {MAX_DRAINS} drains already")]
    TooMany,
}

/// All drains of the speaker.
#[derive(Debug)]
pub(crate) struct Drains {
    drains: Shared<BTreeMap<Target, Drain>>,
    steps: broadcast::Sender<Step>,
    changed: Notify,
}

/// What the drains act on.
pub(crate) trait Field {
    /// Does to routes and sessions what these drains want, and keeps them for the next process.
    fn apply(&self, drains: &BTreeMap<Target, Drain>);
    /// Announced prefixes that no router shows another path for.
    fn alone(&self, target: Target) -> Vec<ipnet::IpNet>;
    /// The announced aggregate that stands for the target and for others.
    fn covered(&self, target: Target) -> Option<ipnet::IpNet>;
    /// Every peer was told everything.
    fn is_settled(&self) -> bool;
    /// Where flows are counted.
    fn agent_socket(&self) -> PathBuf;
}

impl Drains {
    /// Goes on with what the process before left.
    pub(crate) fn new(left: Vec<Drain>) -> Self {
        let now = unix_ms(SystemTime::now());
        let left = left.into_iter().filter(|drain| drain.phase != Phase::Refused);
        let drains = left.map(|drain| (drain.target, drain.resumed(now))).collect();
        let (steps, _) = broadcast::channel(STEPS);
        Self { drains: Shared::new(drains), steps, changed: Notify::new() }
    }

    /// Each drain, the node's first.
    pub(crate) fn list(&self) -> Vec<Drain> {
        self.drains.lock().values().cloned().collect()
    }

    /// Begins a drain. What it does from now on comes out of the receiver, other drains' steps too.
    pub(crate) fn begin(
        &self,
        order: Order,
        field: &impl Field,
    ) -> Result<broadcast::Receiver<Step>, OrderError> {
        let mut drains = self.drains.lock();
        if let Some(drain) = drains.get(&order.target) {
            return Err(OrderError::Exists(drain.phase.name()));
        }
        if drains.len() >= MAX_DRAINS {
            return Err(OrderError::TooMany);
        }
        let receiver = self.steps.subscribe();
        let (drain, mut text) = Drain::new(order, unix_ms(SystemTime::now()));
        drains.insert(drain.target, drain.clone());
        field.apply(&drains);
        if drain.force
            && let Some(aggregate) = field.covered(drain.target)
        {
            text = format!("{text}; {}", stays(aggregate));
        }
        drop(drains);
        self.say(drain, text);
        self.changed.notify_one();
        Ok(receiver)
    }

    /// Ends a drain; false when there is none.
    pub(crate) fn end(&self, target: Target, field: &impl Field) -> bool {
        let mut drains = self.drains.lock();
        let Some(drain) = drains.remove(&target) else { return false };
        field.apply(&drains);
        drop(drains);
        info!(?target, "the drain is undone");
        if !drain.is_over() {
            self.say(drain.undone(), "undone by an operator".to_owned());
        }
        true
    }

    /// Carries them out, for ever.
    pub(crate) async fn run(&self, field: &impl Field) {
        loop {
            let under_way: Vec<(Target, Phase)> = {
                let drains = self.drains.lock();
                let under_way = drains.values().filter(|drain| !drain.is_over());
                under_way.map(|drain| (drain.target, drain.phase)).collect()
            };
            if under_way.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let waits = under_way.iter().any(|(_, phase)| *phase == Phase::Waiting);
            let flows = if waits { count(&field.agent_socket()).await } else { None };
            for (target, phase) in under_way {
                let event = match phase {
                    Phase::Asking => match field.covered(target) {
                        Some(aggregate) => Event::Covered(aggregate),
                        None => Event::Alone(field.alone(target)),
                    },
                    Phase::Waiting => Event::Flows(flows),
                    Phase::Withdrawing => Event::Told(field.is_settled()),
                    Phase::Drained | Phase::Refused => continue,
                };
                self.put(target, event, field);
            }
            sleep(LOOK).await;
        }
    }

    fn put(&self, target: Target, event: Event, field: &impl Field) {
        let mut drains = self.drains.lock();
        let Some(drain) = drains.get_mut(&target) else { return };
        let before = drain.phase;
        let said = drain.handle(event, unix_ms(SystemTime::now()));
        let drain = drain.clone();
        if drain.phase == Phase::Refused {
            drains.remove(&target);
        }
        if drain.phase != before {
            field.apply(&drains);
        }
        drop(drains);
        if let Some(text) = said {
            self.say(drain, text);
        }
    }

    fn say(&self, drain: Drain, text: String) {
        match drain.phase {
            Phase::Refused => warn!(target = ?drain.target, "drain: {text}"),
            _ => info!(target = ?drain.target, "drain: {text}"),
        }
        // Nobody has to listen.
        let _ = self.steps.send((drain, text));
    }
}

/// What drains do to the routes that they cover.
pub(crate) fn effects(drains: &BTreeMap<Target, Drain>) -> BTreeMap<Target, Effect> {
    drains.iter().map(|(target, drain)| (*target, drain.effect())).collect()
}

/// The text that sessions end with; `None` when they are to be there.
pub(crate) fn shut(drains: &BTreeMap<Target, Drain>) -> Option<String> {
    let drain = drains.get(&Target::Node).filter(|drain| drain.ends_sessions())?;
    Some(if drain.reason.is_empty() { "drained".to_owned() } else { drain.reason.clone() })
}

/// A drain for the API.
pub(crate) fn message(drain: &Drain) -> v1::Drain {
    v1::Drain {
        vip: match drain.target {
            Target::Node => String::new(),
            Target::Vip(vip) => vip.to_string(),
        },
        phase: drain.phase.name().to_owned(),
        since_unix_ms: drain.since,
        deadline_unix_ms: if drain.is_over() { 0 } else { drain.deadline },
        below_flows: drain.below,
        flows: drain.flows,
        force: drain.force,
        reason: drain.reason.clone(),
    }
}

/// Flows that send packets now; `None` when the agent does not tell.
async fn count(socket: &Path) -> Option<u64> {
    let request = ActiveFlowsRequest { window_ms: u32::try_from(WINDOW.as_millis()).unwrap_or(0) };
    let asking = async {
        let channel = guideway_dataplane_admin::connect(socket).await.ok()?;
        let answer = DataplaneClient::new(channel).active_flows(request).await;
        answer.ok().map(|answer| answer.into_inner().flows)
    };
    timeout(COUNT_TIMEOUT, asking).await.ok().flatten()
}
