//! gzip for large replies.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;

/// Smaller replies are sent as they are: to compress costs more time than to send.
const MIN_BYTES: u64 = 128 * 1024;

/// About how many bytes a reply has that does not know it itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate(pub(crate) u64);

/// Whether the client takes gzip.
pub(crate) fn is_accepted(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && parameters.replace(' ', "") != "q=0"
        })
}

/// The reply with a compressed body, if that is worth it. It is compressed as it is sent.
pub(crate) fn reply(response: Response) -> Response {
    let estimate = response.extensions().get::<Estimate>().map_or(0, |estimate| estimate.0);
    let is_large = response.body().size_hint().lower().max(estimate) >= MIN_BYTES;
    if !is_large || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let frames = body.into_data_stream();
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = futures_util::stream::unfold(Some((frames, encoder)), |state| async move {
        let (mut frames, mut encoder) = state?;
        loop {
            match frames.next().await {
                Some(Ok(frame)) => {
                    // It writes into memory.
                    if let Err(error) = encoder.write_all(&frame) {
                        return Some((Err(axum::Error::new(error)), None));
                    }
                    let ready = std::mem::take(encoder.get_mut());
                    if !ready.is_empty() {
                        return Some((Ok(ready), Some((frames, encoder))));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => return Some((encoder.finish().map_err(axum::Error::new), None)),
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(compressed))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_large_reply_is_compressed() {
        let text = "0123456789".repeat(100_000);
        let response = reply(Response::new(Body::from(text.clone())));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(bytes.len() < text.len() / 10);
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, text);
        let response = reply(Response::new(Body::from("small")));
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
    }

    #[test]
    fn who_takes_it() {
        for (header, expected) in
            [("gzip", true), ("br, gzip;q=0.5", true), ("gzip; q=0", false), ("identity", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(header).unwrap());
            assert_eq!(is_accepted(&headers), expected, "{header}");
        }
    }
}
