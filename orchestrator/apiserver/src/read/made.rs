//! The body of a list whose items are made while they are sent: what a reply holds of the memory does not grow with the list.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use guideway_cache::Object;
use hyper::body::{Frame, SizeHint};
use serde_json::Value;

/// Bytes of one frame, about.
const FRAME: usize = 32 * 1024;

/// A head, what `make` makes of each object with commas between, and a tail.
pub(crate) struct Made<F> {
    head: Bytes,
    objects: std::vec::IntoIter<Arc<Object>>,
    make: F,
    tail: Bytes,
    is_first: bool,
    is_ended: bool,
    /// Others have had a chance since the last frame.
    has_rested: bool,
}

impl<F> Made<F>
where
    F: FnMut(&Object) -> Value + Send + Unpin + 'static,
{
    pub(crate) fn body(head: Bytes, objects: Vec<Arc<Object>>, make: F, tail: &'static [u8]) -> Body {
        let (objects, tail) = (objects.into_iter(), Bytes::from_static(tail));
        Body::new(Self { head, objects, make, tail, is_first: true, is_ended: false, has_rested: true })
    }

    fn next_frame(&mut self) -> serde_json::Result<Bytes> {
        let mut frame = Vec::with_capacity(FRAME + FRAME / 4);
        frame.extend_from_slice(&std::mem::take(&mut self.head));
        while frame.len() < FRAME {
            let Some(object) = self.objects.next() else {
                frame.extend_from_slice(&self.tail);
                self.is_ended = true;
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                frame.push(b',');
            }
            serde_json::to_writer(&mut frame, &(self.make)(&object))?;
        }
        Ok(frame.into())
    }
}

impl<F> HttpBody for Made<F>
where
    F: FnMut(&Object) -> Value + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        // A frame takes about a millisecond, and a connection may have room for many.
        if !std::mem::replace(&mut self.has_rested, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_rested = false;
        Poll::Ready(Some(self.next_frame().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use guideway_store::{KeyValue, Revision};
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn every_object_is_there_once_and_in_order() {
        for count in [0, 1, 2, 5000] {
            let object = |number: u64| {
                let value = json!({"metadata": {"name": number.to_string()}}).to_string();
                Arc::new(Object::new(&KeyValue {
                    key: format!("/registry/k/{number}").into(),
                    value: value.into(),
                    created: Revision(number + 1),
                    modified: Revision(number + 1),
                }))
            };
            let make = |object: &Object| object.value()["metadata"]["name"].clone();
            let body = Made::body(Bytes::from_static(b"["), (0..count).map(object).collect(), make, b"]");
            let bytes = body.collect().await.unwrap().to_bytes();
            let found: Vec<String> = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(found, (0..count).map(|number| number.to_string()).collect::<Vec<_>>());
        }
    }
}
