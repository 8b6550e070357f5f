use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use guideway_api::{Status, table};
use serde_json::{Map, Value, json};

use super::Chunks;
use super::page::Page;
use crate::call::Call;
use crate::negotiate::{Encoding, Form};
use crate::reply::Answer;

/// Objects that are parsed between two chances for other tasks.
const BREATH: usize = 200;

/// Objects, all as of one revision.
pub(crate) async fn list(call: &Call) -> Answer {
    let options = call.list_options()?;
    let page = call.page(&options).await?;
    let metadata = metadata(&page);
    if call.wanted.form == Form::Object && call.wanted.encoding == Encoding::Json {
        return plain(call, &page, &metadata);
    }
    let mut values = Vec::with_capacity(page.items.len());
    for (index, object) in page.items.iter().enumerate() {
        if index % BREATH == BREATH - 1 {
            tokio::task::yield_now().await;
        }
        values.push(call.shown(object));
    }
    let document = match call.wanted.form {
        Form::Table(version) => call.table(version, &values, metadata)?,
        Form::Metadata => {
            let items: Vec<Value> = values.iter().map(table::partial_object_metadata).collect();
            json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items,
            })
        }
        Form::Object => json!({
            "kind": call.kind().list_kind,
            "apiVersion": call.version().api_version(),
            "metadata": metadata,
            "items": values,
        }),
    };
    Ok(call.reply(StatusCode::OK, &document))
}

fn metadata(page: &Page) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), Value::from(page.revision.to_string()));
    if let Some(next) = &page.next {
        metadata.insert("continue".into(), Value::from(next.as_str()));
    }
    if let Some(remaining) = page.remaining {
        metadata.insert("remainingItemCount".into(), Value::from(remaining));
    }
    Value::Object(metadata)
}

/// The bytes of the objects as they are, between the words of a list.
fn plain(call: &Call, page: &Page, metadata: &Value) -> Result<Response, Status> {
    let kind = Value::from(call.kind().list_kind.as_str());
    let version = Value::from(call.version().api_version());
    let head = format!(r#"{{"kind":{kind},"apiVersion":{version},"metadata":{metadata},"items":["#);
    let items = page.items.iter().map(|object| call.bytes(object)).collect::<Result<Vec<_>, _>>()?;
    let body = Chunks::new(Bytes::from(head), items, Bytes::from_static(b"]}")).into_body();
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Encoding::Json.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    Ok(response)
}
