//! What operators ask for, and what comes of it.

use guideway_controller_admin::v1;
use guideway_controller_core::Generation;
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::coordinator::{Aborted, Notice, Phase, State};
use tokio::sync::broadcast::error::RecvError;
use tonic::Status;

use super::lists;
use crate::rollout::{Command, Driver, Told};

/// What came of a wish.
enum Outcome {
    Committed(Stamp),
    /// It waits for [`apply`].
    Held(Stamp),
    Resumed,
    /// There was nothing to do.
    Unchanged,
    Refused(String),
}

impl From<Outcome> for v1::OutcomeResponse {
    fn from(outcome: Outcome) -> Self {
        let (outcome, stamp, reason) = match outcome {
            Outcome::Committed(stamp) => ("committed", Some(stamp), String::new()),
            Outcome::Held(stamp) => ("held", Some(stamp), String::new()),
            Outcome::Resumed => ("resumed", None, String::new()),
            Outcome::Unchanged => ("unchanged", None, String::new()),
            Outcome::Refused(reason) => ("refused", None, reason),
        };
        Self { outcome: outcome.to_owned(), stamp: stamp.map(lists::stamp), reason }
    }
}

/// Takes the disruption of a generation that waits. The consent holds for what takes its place meanwhile.
pub(super) async fn apply(driver: &Driver, generation: Generation) -> Result<v1::OutcomeResponse, Status> {
    let waits = |state: &State| {
        let rollout = state.rollout.as_ref();
        rollout.is_some_and(|rollout| rollout.phase == Phase::Held && rollout.stamp.generation >= generation)
    };
    if generation == Generation::NONE || !waits(&driver.state.borrow()) {
        let committed = driver.state.borrow().committed;
        // Somebody else has said it already.
        let is_done =
            generation != Generation::NONE && committed.is_some_and(|stamp| stamp.generation >= generation);
        let outcome = if is_done {
            Outcome::Unchanged
        } else {
            Outcome::Refused(format!("generation {generation} does not wait; `lbctl diff` shows what does"))
        };
        return Ok(outcome.into());
    }
    let outcome = wish(driver, Command::Approve(generation), |notice, _| match notice {
        Some(Notice::Committed(stamp)) if stamp.generation >= generation => Some(Outcome::Committed(*stamp)),
        Some(Notice::Held(stamp, _)) if stamp.generation > generation => Some(Outcome::Held(*stamp)),
        Some(Notice::Aborted(stamp, why)) if stamp.generation >= generation => refused(why),
        Some(Notice::Declined(why)) => Some(Outcome::Refused(why.clone())),
        _ => None,
    });
    outcome.await.map(Into::into)
}

/// Puts the content of an earlier generation in force again.
pub(super) async fn roll_back(
    driver: &Driver,
    generation: Generation,
) -> Result<v1::OutcomeResponse, Status> {
    if driver.state.borrow().rolled_back_to == Some(generation) {
        return Ok(Outcome::Unchanged.into());
    }
    let outcome = wish(driver, Command::Rollback(generation), |notice, state| match notice {
        Some(Notice::Held(stamp, _)) => Some(Outcome::Held(*stamp)),
        // What was on its way is superseded by the wish itself.
        Some(Notice::Aborted(_, why)) => refused(why),
        Some(Notice::Declined(why)) => Some(Outcome::Refused(why.clone())),
        _ => {
            let done = state.rolled_back_to == Some(generation);
            state.committed.filter(|_| done).map(Outcome::Committed)
        }
    });
    outcome.await.map(Into::into)
}

/// Lets what Kubernetes says be rolled out again.
pub(super) async fn resume(driver: &Driver) -> Result<v1::OutcomeResponse, Status> {
    if driver.state.borrow().rolled_back_to.is_none() {
        return Ok(Outcome::Unchanged.into());
    }
    let outcome = wish(driver, Command::Resume, |notice, state| match notice {
        Some(Notice::Declined(why)) => Some(Outcome::Refused(why.clone())),
        _ => state.rolled_back_to.is_none().then_some(Outcome::Resumed),
    });
    outcome.await.map(Into::into)
}

/// Something that takes its place comes next.
fn refused(why: &Aborted) -> Option<Outcome> {
    (*why != Aborted::Superseded).then(|| Outcome::Refused(lists::aborted(why)))
}

/// Tells the driver, and waits until a notice or the state says what came of it.
async fn wish(
    driver: &Driver,
    command: Command,
    outcome: impl Fn(Option<&Notice>, &State) -> Option<Outcome>,
) -> Result<Outcome, Status> {
    let stops = || Status::unavailable("the controller stops: ask the one that leads next");
    // Before it is told, so that nothing is missed.
    let mut told = driver.told.subscribe();
    let mut state = driver.state.clone();
    state.mark_unchanged();
    driver.commands.send(command).await.map_err(|_| stops())?;
    loop {
        let seen = tokio::select! {
            next = told.recv() => match next {
                Ok(Told::Notice(Notice::LeadsNoMore)) => {
                    return Err(Status::unavailable(
                        "this controller leads no more, and what came of it is not known: see `lbctl generations` \
                         at the one that does",
                    ));
                }
                Ok(Told::Notice(notice)) => outcome(Some(&notice), &state.borrow()),
                Ok(_) | Err(RecvError::Lagged(_)) => outcome(None, &state.borrow()),
                Err(RecvError::Closed) => return Err(stops()),
            },
            changed = state.changed() => {
                changed.map_err(|_| stops())?;
                outcome(None, &state.borrow_and_update())
            }
        };
        if let Some(outcome) = seen {
            return Ok(outcome);
        }
    }
}
