//! Reaches a daemon, and says what to look at when there is no answer.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use guideway_bgp_admin::bfd::v1::bfd_client::BfdClient;
use guideway_bgp_admin::v1::speaker_client::SpeakerClient;
use guideway_controller_admin::v1::controller_client::ControllerClient;
use guideway_dataplane_admin::decap::v1::decap_client::DecapClient;
use guideway_dataplane_admin::v1::dataplane_client::DataplaneClient;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use crate::cli::Cli;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{daemon} cannot be reached at {}: {reason}", socket.display())]
    Unreachable { daemon: &'static str, socket: PathBuf, reason: String },
    #[error("{daemon} at {} gave no answer within {} s: look at its log, or wait longer with --timeout", socket.display(), timeout.as_secs())]
    Slow { daemon: &'static str, socket: PathBuf, timeout: Duration },
    #[error("{daemon} at {} answered with an error: {reason}", socket.display())]
    Refused { daemon: &'static str, socket: PathBuf, reason: String },
    #[error("the connection to {daemon} at {} ended before its answer did{hint}", socket.display())]
    Cut { daemon: &'static str, socket: PathBuf, hint: &'static str },
    #[error("{0}")]
    Declined(String),
    #[error("wrong usage: {0}")]
    Usage(String),
    #[error("the answer cannot be printed: {0}")]
    Output(io::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Declined(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Refused { .. }
            | Self::Cut { .. }
            | Self::Output(_)
            | Self::Runtime(_) => 3,
        })
    }
}

/// How long an answer may take unless --timeout says otherwise.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a part of an answer may take; a drain says something every few seconds.
const PART_TIMEOUT: Duration = Duration::from_secs(30);

/// A daemon and its socket.
pub(crate) struct Daemon<'a> {
    name: &'static str,
    /// In `deploy/systemd`.
    unit: &'static str,
    option: &'static str,
    socket: &'a Path,
    timeout: Duration,
}

impl<'a> Daemon<'a> {
    pub(crate) fn dataplane(cli: &'a Cli) -> Self {
        let option = "--dataplane-socket";
        let unit = "guideway-dataplane";
        Self {
            name: "lb-dataplane",
            unit,
            option,
            socket: &cli.dataplane_socket,
            timeout: cli.timeout.unwrap_or(ANSWER_TIMEOUT),
        }
    }

    pub(crate) fn speaker(cli: &'a Cli) -> Self {
        let (unit, option) = ("guideway-bgp", "--bgp-socket");
        Self {
            name: "bgp-speaker",
            unit,
            option,
            socket: &cli.bgp_socket,
            timeout: cli.timeout.unwrap_or(ANSWER_TIMEOUT),
        }
    }

    pub(crate) fn bfd(cli: &'a Cli) -> Self {
        let (unit, option) = ("guideway-bfd", "--bfd-socket");
        Self {
            name: "lb-bfd",
            unit,
            option,
            socket: &cli.bfd_socket,
            timeout: cli.timeout.unwrap_or(ANSWER_TIMEOUT),
        }
    }

    pub(crate) fn decap(cli: &'a Cli) -> Self {
        let (unit, option) = ("guideway-decap", "--decap-socket");
        Self {
            name: "lb-decap",
            unit,
            option,
            socket: &cli.decap_socket,
            timeout: cli.timeout.unwrap_or(ANSWER_TIMEOUT),
        }
    }

    pub(crate) fn controller(cli: &'a Cli) -> Self {
        let (unit, option) = ("guideway-controller", "--controller-socket");
        Self {
            name: "lb-controller",
            unit,
            option,
            socket: &cli.controller_socket,
            timeout: cli.timeout.unwrap_or(ANSWER_TIMEOUT),
        }
    }

    /// Dials, and makes one call with what was dialled.
    async fn ask<T, F>(&self, call: impl FnOnce(Channel) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let exchange = async {
            let channel = guideway_dataplane_admin::connect(self.socket)
                .await
                .map_err(|error| self.unreachable(&error))?;
            call(channel).await.map(Response::into_inner).map_err(|status| self.refused(&status))
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(Failure::Slow { daemon: self.name, socket: self.socket.to_owned(), timeout: self.timeout })
        })
    }

    fn unreachable(&self, error: &(dyn Error + 'static)) -> Failure {
        let Self { name, unit, option, .. } = *self;
        let reason = match io_kind(error) {
            Some(io::ErrorKind::NotFound) => format!(
                "there is no socket; does {name} run (`systemctl status {unit}`), and is this the socket of its \
                 configuration? Another one is given with {option}"
            ),
            Some(io::ErrorKind::ConnectionRefused) => {
                format!("nobody listens on the socket; did {name} end (`systemctl status {unit}`)?")
            }
            Some(io::ErrorKind::PermissionDenied) => {
                "permission denied; run lbctl as root or as a user who may open the socket".to_owned()
            }
            _ => root_cause(error),
        };
        Failure::Unreachable { daemon: name, socket: self.socket.to_owned(), reason }
    }

    fn refused(&self, status: &Status) -> Failure {
        let (daemon, socket) = (self.name, self.socket.to_owned());
        match status.code() {
            Code::NotFound | Code::AlreadyExists | Code::ResourceExhausted => {
                Failure::Declined(status.message().to_owned())
            }
            Code::InvalidArgument => Failure::Usage(status.message().to_owned()),
            Code::Unavailable => Failure::Unreachable { daemon, socket, reason: root_cause(status) },
            Code::Unimplemented => {
                let reason = "it does not know this question; are lbctl and the daemon of the same release?"
                    .to_owned();
                Failure::Refused { daemon, socket, reason }
            }
            Code::FailedPrecondition => {
                Failure::Refused { daemon, socket, reason: status.message().to_owned() }
            }
            code => Failure::Refused { daemon, socket, reason: format!("{} ({code})", status.message()) },
        }
    }
}

/// One question to lb-dataplane.
pub(crate) async fn dataplane<T, F>(
    cli: &Cli,
    call: impl FnOnce(DataplaneClient<Channel>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    Daemon::dataplane(cli)
        .ask(|channel| call(DataplaneClient::new(channel).max_decoding_message_size(MAX_ANSWER)))
        .await
}

/// One question to bgp-speaker.
pub(crate) async fn speaker<T, F>(
    cli: &Cli,
    call: impl FnOnce(SpeakerClient<Channel>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    Daemon::speaker(cli)
        .ask(|channel| call(SpeakerClient::new(channel).max_decoding_message_size(MAX_ANSWER)))
        .await
}

/// A question to bgp-speaker whose answer comes in parts, as many and for as long as it likes. `hint` is for who waits in vain
/// because the speaker ended.
pub(crate) async fn speaker_stream<T, F>(
    cli: &Cli,
    hint: &'static str,
    call: impl FnOnce(SpeakerClient<Channel>) -> F,
    mut each: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure>
where
    F: Future<Output = Result<Response<tonic::Streaming<T>>, Status>>,
{
    // --timeout is about what is asked for, not about the way there.
    let daemon = Daemon { timeout: ANSWER_TIMEOUT, ..Daemon::speaker(cli) };
    let mut parts = daemon.ask(|channel| call(SpeakerClient::new(channel))).await?;
    loop {
        let next = tokio::time::timeout(PART_TIMEOUT, parts.message())
            .await
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("it began to answer and stopped")));
        let failed = |status: Status| match status.source() {
            // Not from the daemon, but from the connection.
            Some(_) => Failure::Cut { daemon: daemon.name, socket: daemon.socket.to_owned(), hint },
            None => daemon.refused(&status),
        };
        match next.map_err(failed)? {
            Some(part) => each(part)?,
            None => return Ok(()),
        }
    }
}

/// One question to lb-bfd.
pub(crate) async fn bfd<T, F>(cli: &Cli, call: impl FnOnce(BfdClient<Channel>) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    Daemon::bfd(cli).ask(|channel| call(BfdClient::new(channel).max_decoding_message_size(MAX_ANSWER))).await
}

/// One question to lb-decap.
pub(crate) async fn decap<T, F>(cli: &Cli, call: impl FnOnce(DecapClient<Channel>) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    Daemon::decap(cli)
        .ask(|channel| call(DecapClient::new(channel).max_decoding_message_size(MAX_ANSWER)))
        .await
}

/// One question to lb-controller.
pub(crate) async fn controller<T, F>(
    cli: &Cli,
    call: impl FnOnce(ControllerClient<Channel>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    Daemon::controller(cli)
        .ask(|channel| call(ControllerClient::new(channel).max_decoding_message_size(MAX_ANSWER)))
        .await
}

/// A list of a million VIPs is larger than the 4 MiB that gRPC clients accept unless told otherwise.
const MAX_ANSWER: usize = 1 << 30;

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| -> Option<&'e (dyn Error + 'static)> { (*error).source() })
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    chain(error).find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind)
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
