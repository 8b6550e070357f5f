use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use guideway_api::kind::Origin;
use guideway_api::{Status, convert, table};
use guideway_cache::Object;
use serde_json::{Map, Value, json};

use super::chunks::{Chunks, Item};
use super::page::Page;
use crate::call::Call;
use crate::negotiate::{Encoding, Form};
use crate::reply::{self, Answer};

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
        let mut value = call.shown(object);
        if call.wanted.form == Form::Object && is_typed(call) {
            remove_type(&mut value);
        }
        values.push(value);
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

/// Whether objects in lists are of the list's kind without saying so, as those of built-in kinds are in Kubernetes.
fn is_typed(call: &Call) -> bool {
    call.kind().origin == Origin::BuiltIn
}

fn remove_type(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
}

fn item(call: &Call, object: &Object) -> Result<Item, Status> {
    let is_as_stored = convert::is_shown_as_stored(call.kind(), call.version(), object.revision.0);
    if !is_typed(call) {
        return call.bytes(object).map(|bytes| Item::new(bytes, [(0, 0); 2]));
    }
    if is_as_stored {
        return Ok(Item::new(object.json.clone(), object.type_words()));
    }
    let mut value = call.shown(object);
    remove_type(&mut value);
    reply::encode(Encoding::Json, &value).map(|bytes| Item::new(bytes.into(), [(0, 0); 2]))
}

/// The bytes of the objects as they are, between the words of a list.
fn plain(call: &Call, page: &Page, metadata: &Value) -> Result<Response, Status> {
    let kind = Value::from(call.kind().list_kind.as_str());
    let version = Value::from(call.version().api_version());
    let head = format!(r#"{{"kind":{kind},"apiVersion":{version},"metadata":{metadata},"items":["#);
    let items = page.items.iter().map(|object| item(call, object)).collect::<Result<Vec<_>, _>>()?;
    let body = Chunks::new(Bytes::from(head), items, Bytes::from_static(b"]}")).into_body();
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(Encoding::Json.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    Ok(response)
}
