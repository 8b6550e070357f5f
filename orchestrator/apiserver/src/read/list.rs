use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use guideway_api::convert;
use guideway_api::kind::Origin;
use guideway_api::table::{self, IncludeObject};
use guideway_cache::Object;
use serde_json::{Map, Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::chunks::{Chunks, Item};
use super::made::Made;
use super::page::{FEW, Page};
use crate::call::Call;
use crate::compress;
use crate::negotiate::{Encoding, Form, Wanted};
use crate::reply::{self, Answer};

/// Objects that are parsed between two chances for other tasks.
const BREATH: usize = 200;

/// Objects, all as of one revision.
pub(crate) async fn list(call: &mut Call) -> Answer {
    let options = call.list_options()?;
    let page = call.page(&options).await?;
    let metadata = metadata(&page);
    match call.wanted {
        Wanted { encoding: Encoding::Json, form: Form::Object } => Ok(objects(call, page, &metadata)),
        Wanted { encoding: Encoding::Json, form: Form::Metadata } => {
            let shown = call.clone();
            let make = move |object: &Object| table::partial_object_metadata(&shown.shown(object));
            let head = head("PartialObjectMetadataList", "meta.k8s.io/v1", &metadata, "items");
            Ok(made(page, head, make))
        }
        Wanted { encoding: Encoding::Json, form: Form::Table(version) } => {
            let include = IncludeObject::parse(call.query())?;
            let columns = table::columns(call.version());
            let (kind, version) = ("Table", format!("meta.k8s.io/{version}"));
            let head = head(kind, &version, &metadata, &format!(r#"columnDefinitions":{columns},"rows"#));
            let shown = call.clone();
            let make =
                move |object: &Object| table::row(shown.version(), &shown.shown(object), include, shown.now);
            Ok(made(page, head, make))
        }
        _ => document(call, page, metadata).await,
    }
}

/// In an encoding that needs all of it at once.
async fn document(call: &mut Call, page: Page, metadata: Value) -> Answer {
    if page.items.len() > FEW {
        call.enter_whole_list().await?;
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
    Ok(beside_others(|| call.reply(StatusCode::OK, &document)))
}

/// Does what takes long, while other threads do what this one would have done.
fn beside_others<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
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

/// The beginning of a list, up to its objects.
fn head(kind: &str, version: &str, metadata: &Value, items: &str) -> Bytes {
    let (kind, version) = (Value::from(kind), Value::from(version));
    format!(r#"{{"kind":{kind},"apiVersion":{version},"metadata":{metadata},"{items}":["#).into()
}

const TAIL: &[u8] = b"]}";

/// The objects themselves: their bytes as they are, if all of them are of the request's version.
fn objects(call: &Call, page: Page, metadata: &Value) -> Response {
    let head = head(&call.kind().list_kind, &call.version().api_version(), metadata, "items");
    let is_typed = is_typed(call);
    let is_as_stored =
        |object: &Arc<Object>| convert::is_shown_as_stored(call.kind(), call.version(), object.revision.0);
    if page.items.iter().all(is_as_stored) {
        let without = |object: &Object| if is_typed { object.type_words() } else { [(0, 0); 2] };
        let items = page.items.iter().map(|object| Item::new(object.json.clone(), without(object))).collect();
        return reply::typed_json(Chunks::new(head, items, Bytes::from_static(TAIL)).into_body());
    }
    let shown = call.clone();
    let make = move |object: &Object| {
        let mut value = shown.shown(object);
        if is_typed {
            remove_type(&mut value);
        }
        value
    };
    made(page, head, make)
}

/// A list whose items are made as they are sent.
fn made(page: Page, head: Bytes, make: impl FnMut(&Object) -> Value + Send + Unpin + 'static) -> Response {
    let stored = page.items.iter().map(|object| object.json.len() as u64).sum();
    let mut response = reply::typed_json(Made::body(head, page.items, make, TAIL));
    response.extensions_mut().insert(compress::Estimate(stored));
    response
}
