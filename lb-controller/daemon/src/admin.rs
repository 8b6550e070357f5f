//! The admin socket: what lbctl asks.

mod difference;
mod lists;
#[cfg(test)]
mod tests;
mod wishes;

use std::sync::Arc;
use std::time::Instant;

use guideway_controller_admin::v1;
use guideway_controller_admin::v1::controller_server::{Controller, ControllerServer};
use guideway_controller_core::{Content, Generation, Routing, predict};
use guideway_controller_rollout::coordinator::{Phase, Role, State};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::state::{Projected, Sights};

/// Serves the API until `stop`.
///
/// # Errors
///
/// When the socket breaks.
pub(crate) async fn serve(
    sights: Sights,
    listener: UnixListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .add_service(ControllerServer::new(Admin { sights }))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

/// Answers from what there is to see.
struct Admin {
    sights: Sights,
}

impl Admin {
    async fn projected(&self) -> Result<Projected, Status> {
        self.sights.projected().await.ok_or_else(|| Status::unavailable("the controller stops"))
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.sights.driver.state.borrow())
    }

    fn leader(&self) -> Option<String> {
        self.sights.leader.borrow().clone()
    }

    /// What only the leader knows.
    fn leading(&self) -> Result<Arc<State>, Status> {
        let state = self.state();
        if state.role != Role::Standby {
            return Ok(state);
        }
        let who = self.leader().map_or_else(
            || "nobody does now: try again in a moment".to_owned(),
            |leader| format!("{leader} does: ask there"),
        );
        Err(Status::failed_precondition(format!("this controller does not lead; {who}")))
    }

    /// What forwarders are to serve, if it is at hand.
    async fn committed(&self, state: &State) -> Option<Content> {
        self.sights.content(state.committed?.generation).await
    }

    /// What would be served instead: its number if it has one, and its content.
    async fn next(&self, state: &State, generation: u64) -> Result<(v1::DiffResponse, Content), Status> {
        if generation > 0 {
            let content = self.sights.look(Generation(generation)).await.ok_or_else(|| {
                Status::not_found(format!(
                    "the content of generation {generation} is not at hand, and no forwarder has sent it; `lbctl history` \
                     shows which are"
                ))
            })?;
            return Ok((v1::DiffResponse::default(), content));
        }
        if let Some(rollout) = state.rollout.as_ref().filter(|rollout| rollout.phase < Phase::Installing)
            && let Some(content) = self.sights.content(rollout.stamp.generation).await
        {
            let next = v1::DiffResponse {
                to: Some(lists::stamp(rollout.stamp)),
                held: rollout.phase == Phase::Held,
                flows_at_risk: rollout.cost.flows_at_risk,
                ..v1::DiffResponse::default()
            };
            return Ok((next, content));
        }
        Ok((v1::DiffResponse::default(), self.projected().await?.content))
    }
}

#[tonic::async_trait]
impl Controller for Admin {
    async fn list_services(
        &self,
        _: Request<v1::ListServicesRequest>,
    ) -> Result<Response<v1::ListServicesResponse>, Status> {
        self.leading()?;
        let projected = self.projected().await?;
        let contacts = self.sights.contacts.all(Instant::now());
        Ok(Response::new(lists::services(&projected, &contacts, &self.sights.driver.sightings.all())))
    }

    async fn list_pools(
        &self,
        _: Request<v1::ListPoolsRequest>,
    ) -> Result<Response<v1::ListPoolsResponse>, Status> {
        self.leading()?;
        Ok(Response::new(lists::pools(&self.projected().await?)))
    }

    async fn list_forwarders(
        &self,
        _: Request<v1::ListForwardersRequest>,
    ) -> Result<Response<v1::ListForwardersResponse>, Status> {
        let state = self.leading()?;
        let content = self.committed(&state).await;
        let (seen, wanted) = (self.sights.driver.sightings.all(), self.sights.admission.names());
        let list = lists::forwarders(&state, content.as_ref(), &seen, &wanted);
        let refused = lists::refused(&self.sights.admission.refusals());
        Ok(Response::new(v1::ListForwardersResponse { refused, ..list }))
    }

    async fn list_shards(
        &self,
        _: Request<v1::ListShardsRequest>,
    ) -> Result<Response<v1::ListShardsResponse>, Status> {
        let state = self.leading()?;
        let content = self.committed(&state).await;
        Ok(Response::new(lists::shards(&state, content.as_ref())))
    }

    async fn generations(
        &self,
        _: Request<v1::GenerationsRequest>,
    ) -> Result<Response<v1::GenerationsResponse>, Status> {
        Ok(Response::new(lists::generations(&self.state(), self.leader())))
    }

    async fn history(&self, _: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let state = self.leading()?;
        let past = self.sights.past.all();
        Ok(Response::new(lists::history(&state, &past, &self.sights.driver.sightings.all())))
    }

    async fn diff(&self, request: Request<v1::DiffRequest>) -> Result<Response<v1::DiffResponse>, Status> {
        let state = self.leading()?;
        let (next, to) = self.next(&state, request.into_inner().generation).await?;
        let from = match state.committed {
            None => Content::new(*to.seed(), Routing::default()),
            Some(_) => self.committed(&state).await.ok_or_else(|| {
                Status::unavailable(
                    "what is committed is not at hand yet: a forwarder is asked for it; try again in a moment",
                )
            })?,
        };
        let (digest, from_stamp) = (to.digest().to_string(), state.committed.map(lists::stamp));
        // Tables are built and compared: milliseconds for each set.
        let compared = tokio::task::spawn_blocking(move || {
            let disruption = lists::disruption(&predict(&from, &to));
            (difference::changes(&from, &to), disruption)
        });
        let ((changes, changes_left_out), disruption) =
            compared.await.map_err(|_| Status::internal("the comparison broke off: that is a defect"))?;
        Ok(Response::new(v1::DiffResponse {
            from: from_stamp,
            digest,
            changes,
            changes_left_out,
            disruption: Some(disruption),
            ..next
        }))
    }

    async fn apply(
        &self,
        request: Request<v1::ApplyRequest>,
    ) -> Result<Response<v1::OutcomeResponse>, Status> {
        self.leading()?;
        let generation = Generation(request.into_inner().generation);
        wishes::apply(&self.sights.driver, generation).await.map(Response::new)
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::OutcomeResponse>, Status> {
        self.leading()?;
        let generation = Generation(request.into_inner().generation);
        if generation == Generation::NONE {
            return Err(Status::invalid_argument(
                "generation 0 is none; `lbctl history` shows which there are",
            ));
        }
        wishes::roll_back(&self.sights.driver, generation).await.map(Response::new)
    }

    async fn resume(&self, _: Request<v1::ResumeRequest>) -> Result<Response<v1::OutcomeResponse>, Status> {
        self.leading()?;
        wishes::resume(&self.sights.driver).await.map(Response::new)
    }
}
