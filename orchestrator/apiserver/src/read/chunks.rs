//! The body of a list: bytes that others hold too, put together as they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use guideway_cache::Span;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// Bytes of one frame, about. Small objects are copied into frames of this size.
const FRAME: usize = 64 * 1024;

/// An item of a list: bytes, and what of them is left out.
#[derive(Debug)]
pub(crate) struct Item {
    bytes: Bytes,
    without: [Span; 2],
}

impl Item {
    /// The bytes without what is in the spans, which follow each other.
    pub(crate) fn new(bytes: Bytes, without: [Span; 2]) -> Self {
        Self { bytes, without }
    }

    fn len(&self) -> usize {
        self.parts().map(<[u8]>::len).sum()
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let [first, second] = self.without.map(|(start, end)| (start as usize, end as usize));
        let parts = [0..first.0, first.1..second.0, second.1..self.bytes.len()];
        parts.into_iter().map(|part| self.bytes.get(part).unwrap_or_default())
    }
}

/// A head, items with commas between them, and a tail.
#[derive(Debug)]
pub(crate) struct Chunks {
    head: Bytes,
    items: std::vec::IntoIter<Item>,
    is_first: bool,
    tail: Bytes,
    left: u64,
}

impl Chunks {
    pub(crate) fn new(head: Bytes, items: Vec<Item>, tail: Bytes) -> Self {
        let commas = items.len().saturating_sub(1);
        let left = head.len() + tail.len() + commas + items.iter().map(Item::len).sum::<usize>();
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
            item.parts().for_each(|part| frame.extend_from_slice(part));
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
            let item = |index| Item::new(Bytes::from(format!("{{-\"item\"--:{index}}}")), [(1, 2), (8, 10)]);
            let items: Vec<Item> = (0..count).map(item).collect();
            let joined =
                (0..count).map(|index| format!("{{\"item\":{index}}}")).collect::<Vec<_>>().join(",");
            let chunks = Chunks::new(Bytes::from_static(b"["), items, Bytes::from_static(b"]"));
            let exact = chunks.size_hint().exact();
            let bytes = chunks.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(bytes, format!("[{joined}]"));
            assert_eq!(exact, Some(bytes.len() as u64));
        }
    }
}
