//! The API for code of the same process, without sockets.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use guideway_access::Identity;

use crate::peer::Peer;
use crate::server::ApiServer;

/// A service for `kube::Client::new`: whoever calls it is the identity that it was made with. It passes flow control,
/// authorization and admission as any client.
#[derive(Clone, Debug)]
pub struct InProcess {
    server: Arc<ApiServer>,
    identity: Arc<Identity>,
}

impl ApiServer {
    /// The API as `identity` has it.
    #[must_use]
    pub fn in_process(self: &Arc<Self>, identity: Identity) -> InProcess {
        InProcess { server: Arc::clone(self), identity: Arc::new(identity) }
    }
}

impl<B> tower::Service<Request<B>> for InProcess
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = Arc::clone(&self.server);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer::in_process(Arc::clone(&self.identity)));
        Box::pin(async move { Ok(server.respond(request).await) })
    }
}
