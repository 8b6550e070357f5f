//! The body of a list: bytes that others hold too, put together as they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// Bytes of one frame, about. Small objects are copied into frames of this size.
const FRAME: usize = 64 * 1024;

/// A head, items with commas between them, and a tail.
#[derive(Debug)]
pub(crate) struct Chunks {
    head: Bytes,
    items: std::vec::IntoIter<Bytes>,
    is_first: bool,
    tail: Bytes,
    left: u64,
}

impl Chunks {
    pub(crate) fn new(head: Bytes, items: Vec<Bytes>, tail: Bytes) -> Self {
        let commas = items.len().saturating_sub(1);
        let left = head.len() + tail.len() + commas + items.iter().map(Bytes::len).sum::<usize>();
        Self { head, items: items.into_iter(), is_first: true, tail, left: left as u64 }
    }

    pub(crate) fn into_body(self) -> axum::body::Body {
        axum::body::Body::new(self.map_err(|never: Infallible| match never {}))
    }

    fn next_frame(&mut self) -> Option<Bytes> {
        if self.left == 0 {
            return None;
        }
        let mut frame = Vec::with_capacity(FRAME.min(usize::try_from(self.left).unwrap_or(FRAME)));
        frame.extend_from_slice(&std::mem::take(&mut self.head));
        while frame.len() < FRAME {
            let Some(item) = self.items.next() else {
                frame.extend_from_slice(&std::mem::take(&mut self.tail));
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                frame.push(b',');
            }
            frame.extend_from_slice(&item);
        }
        self.left = self.left.saturating_sub(frame.len() as u64);
        Some(Bytes::from(frame))
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_frame().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everything_arrives_in_order() {
        for count in [0usize, 1, 3, 5000] {
            let items: Vec<Bytes> =
                (0..count).map(|index| Bytes::from(format!("{{\"item\":{index}}}"))).collect();
            let joined = items.iter().map(|item| String::from_utf8_lossy(item)).collect::<Vec<_>>().join(",");
            let chunks = Chunks::new(Bytes::from_static(b"["), items, Bytes::from_static(b"]"));
            let exact = chunks.size_hint().exact();
            let bytes = chunks.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(bytes, format!("[{joined}]"));
            assert_eq!(exact, Some(bytes.len() as u64));
        }
    }
}
