//! What is left of a request's body when the reply is made without it.
//!
//! A refusal often needs no body. Over HTTP/2 a body that nobody reads is cut off by a reset of the stream, and clients
//! that see the reset before they have looked at the reply (curl does) lose the reply. So the rest is read and thrown away,
//! within bounds, while the reply is on its way (RFC 9113, section 8.1).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// For the rest to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the rest that are read.
const MOST: usize = 16 * 1024 * 1024;

/// A body for who answers the request.
pub(crate) struct Lent<B>(Arc<Mutex<B>>);

/// The same body for who wants to know what is left of it.
pub(crate) struct Leftover<B>(Arc<Mutex<B>>);

/// A body in two hands.
pub(crate) fn lend<B>(body: B) -> (Lent<B>, Leftover<B>) {
    let body = Arc::new(Mutex::new(body));
    (Lent(Arc::clone(&body)), Leftover(body))
}

impl<B> Lent<B> {
    fn body(&self) -> MutexGuard<'_, B> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Lent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> Leftover<B> {
    /// What nobody else reads any more. None: all of it was read, or the reply goes on reading.
    pub(crate) fn unread(self) -> Option<B> {
        let body = Arc::into_inner(self.0)?.into_inner().unwrap_or_else(PoisonError::into_inner);
        (!body.is_end_stream()).then_some(body)
    }
}

/// Reads a body for nobody, until it ends, is too long, or takes too long.
pub(crate) async fn discard<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > MOST {
                break;
            }
        }
    };
    // That time is over is no news: the client is cut off.
    let _ = tokio::time::timeout(PATIENCE, read).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use http_body_util::{Empty, Full};
    use hyper::Response;
    use hyper::client::conn::http2;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn what_was_read_leaves_nothing() {
        let (lent, leftover) = lend(Full::new(Bytes::from_static(b"abc")));
        assert!(leftover.unread().is_none(), "somebody may still read");
        drop(lent);
        let (lent, leftover) = lend(Full::new(Bytes::from_static(b"abc")));
        drop(lent);
        assert!(leftover.unread().is_some());
        let (lent, leftover) = lend(Empty::<Bytes>::new());
        drop(lent);
        assert!(leftover.unread().is_none());
    }

    /// A body that comes piece by piece.
    struct Pieces(mpsc::Receiver<Bytes>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    #[tokio::test]
    async fn a_reply_without_the_body_resets_nothing() {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (done, mut has_ended) = mpsc::channel(1);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let done = done.clone();
            async move {
                let (lent, leftover) = lend(request.into_body());
                drop(lent);
                let rest = leftover.unread().unwrap();
                tokio::spawn(async move {
                    discard(rest).await;
                    done.send(()).await.unwrap();
                });
                Ok::<_, Infallible>(Response::new(Body::from("no")))
            }
        });
        tokio::spawn(
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(server), service),
        );
        let (mut sender, connection) =
            http2::handshake::<_, _, Pieces>(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection);
        let (pieces, body) = mpsc::channel(1);
        pieces.send(Bytes::from_static(b"first")).await.unwrap();
        let reply = sender.send_request(hyper::Request::new(Pieces(body))).await.unwrap();
        let words = reply.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(words, "no");
        // The stream is still open for what the client has yet to say.
        pieces.send(Bytes::from_static(b"second")).await.unwrap();
        drop(pieces);
        has_ended.recv().await.unwrap();
    }
}
