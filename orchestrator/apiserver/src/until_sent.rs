//! What a request has taken and gives back when its reply is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

/// Replies up to here cost nobody anything while they wait to be sent.
const SMALL: u64 = 64 * 1024;

/// The reply, which drops `held` when it is at its end, or given up. A small one does so at once.
pub(crate) fn until_sent<T: Send + Unpin + 'static>(response: Response, held: T) -> Response {
    if response.body().size_hint().upper().is_some_and(|upper| upper <= SMALL) {
        return response;
    }
    response.map(|body| Body::new(Holding { body, held: Some(held) }))
}

struct Holding<T> {
    body: Body,
    held: Option<T>,
}

impl<T: Unpin> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.held = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_small_reply_holds_nothing_and_a_large_one_until_its_end() {
        let held = Arc::new(());
        let small = until_sent(Response::new(Body::from("{}")), Arc::clone(&held));
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(small.into_body().collect().await.unwrap().to_bytes(), "{}");

        let text = "x".repeat(100_000);
        let mut large = until_sent(Response::new(Body::from(text.clone())), Arc::clone(&held)).into_body();
        assert_eq!(Arc::strong_count(&held), 2);
        assert_eq!(large.size_hint().exact(), Some(100_000));
        assert_eq!(large.frame().await.unwrap().unwrap().into_data().unwrap(), text);
        assert_eq!(Arc::strong_count(&held), 1, "all of it is on its way");
        assert!(large.frame().await.is_none());

        let given_up = until_sent(Response::new(Body::from(text)), Arc::clone(&held));
        drop(given_up);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
