//! What the agent answers to `lbctl decap`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use guideway_bpf::{Decap, Service, ServicePort};
use guideway_dataplane_admin::decap::v1 as proto;
use proto::decap_server::{Decap as DecapService, DecapServer};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// What there is to tell.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) decap: Arc<Decap>,
    config: PathBuf,
    pin_root: PathBuf,
    started: Instant,
    problems: watch::Receiver<Vec<String>>,
}

impl Agent {
    pub(crate) fn new(
        decap: Arc<Decap>,
        config: PathBuf,
        pin_root: PathBuf,
        problems: watch::Receiver<Vec<String>>,
    ) -> Self {
        Self { decap, config, pin_root, started: Instant::now(), problems }
    }

    /// What is out of order.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems.borrow().clone()
    }

    fn status(&self) -> anyhow::Result<proto::StatusResponse> {
        let flows = self.decap.flow_counts()?;
        let problems = self.problems();
        Ok(proto::StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.started.elapsed().as_secs(),
            config_path: self.config.display().to_string(),
            pin_root: self.pin_root.display().to_string(),
            gue_port: self.decap.global()?.gue_port.into(),
            interfaces: self.interfaces(&problems)?,
            services: self.services()?,
            counters: self
                .decap
                .counters()?
                .into_iter()
                .map(|(counter, packets)| proto::Counter {
                    name: counter.name().to_owned(),
                    description: counter.description().to_owned(),
                    packets,
                })
                .collect(),
            flows: flows.established,
            half_open_flows: flows.half_open,
            problems,
        })
    }

    fn interfaces(&self, problems: &[String]) -> anyhow::Result<Vec<proto::Interface>> {
        let egress = self.decap.egress_attachments()?;
        let interface = |attachment: guideway_bpf::Attachment| {
            let named = |problem: &&String| problem.contains(attachment.interface.as_str());
            let attached = attachment.attached();
            proto::Interface {
                index: attachment.ifindex.unwrap_or_default(),
                mode: attachment.mode.map(|mode| mode.to_string()).unwrap_or_default(),
                egress: egress.contains(&attachment.interface),
                reason: problems.iter().find(named).filter(|_| !attached).cloned().unwrap_or_default(),
                name: attachment.interface,
            }
        };
        Ok(self.decap.attachments()?.into_iter().map(interface).collect())
    }

    fn services(&self) -> anyhow::Result<Vec<proto::Service>> {
        let mut services = Vec::new();
        for (key, service) in self.decap.services()?.services {
            let (port, protocol, outer): (u16, String, Option<IpAddr>) = match key.port {
                ServicePort::Any => (0, "any".to_owned(), None),
                ServicePort::Port(transport, port) => (port, transport.to_string(), None),
                ServicePort::PortBy(transport, port, outer) => (port, transport.to_string(), Some(outer)),
            };
            let (kind, target) = match service {
                Service::AsIs => ("as_is", String::new()),
                Service::Translate(target) => ("translate", target.to_string()),
                Service::Refuse => ("refuse", String::new()),
                Service::Drain(target) => ("drain", target.to_string()),
            };
            services.push(proto::Service {
                vip: key.vip.to_string(),
                port: port.into(),
                protocol,
                outer: outer.map(|outer| outer.to_string()).unwrap_or_default(),
                target,
                kind: kind.to_owned(),
            });
        }
        Ok(services)
    }
}

#[tonic::async_trait]
impl DecapService for Agent {
    async fn status(
        &self,
        _: Request<proto::StatusRequest>,
    ) -> Result<Response<proto::StatusResponse>, Status> {
        let agent = self.clone();
        // Counting the flows takes a while when there are many.
        let status = tokio::task::spawn_blocking(move || agent.status())
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        status.map(Response::new).map_err(|error| Status::internal(format!("{error:#}")))
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(listener: UnixListener, agent: Agent, stop: CancellationToken) {
    let served = tonic::transport::Server::builder()
        .add_service(DecapServer::new(agent))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin API ended");
    }
}
