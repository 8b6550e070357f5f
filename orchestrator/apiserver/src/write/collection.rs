use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;

use super::delete::{Deleted, delete_object, delete_options};
use crate::call::Call;
use crate::reply::Answer;

/// The end of every object that the selectors take.
pub(crate) async fn delete_collection(call: &mut Call, body: Body) -> Answer {
    let selection = call.list_options()?;
    let options = delete_options(call, body).await?;
    let page = call.page(&selection).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for object in &page.items {
        let name = object.name().to_owned();
        match delete_object(call, &name, &options).await {
            Ok(Deleted::Gone(object) | Deleted::Going(object)) => items.push(object),
            // Somebody else was first.
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    let list = json!({
        "kind": call.kind().list_kind,
        "apiVersion": call.version().api_version(),
        "metadata": {"resourceVersion": page.revision.to_string()},
        "items": items,
    });
    Ok(call.reply(StatusCode::OK, &list))
}
