//! Objects in the form and the encoding that the client takes.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use guideway_api::table::{Definitions, IncludeObject};
use guideway_api::{Status, convert, table};
use guideway_cache::Object;
use serde_json::{Value, json};

use crate::call::Call;
use crate::negotiate::{Encoding, Form};
use crate::reply::{self, Answer};

impl Call {
    /// A reply with an object of the cache: its bytes as they are, if that is what the client takes.
    pub(crate) fn show_stored(&self, object: &Object) -> Answer {
        if self.wanted.form == Form::Object && self.wanted.encoding == Encoding::Json {
            return Ok(reply::json(StatusCode::OK, self.bytes(object)?));
        }
        self.show(StatusCode::OK, &self.shown(object))
    }

    /// The JSON of an object in the version of the request.
    pub(crate) fn bytes(&self, object: &Object) -> Result<Bytes, Status> {
        if convert::is_shown_as_stored(self.kind(), self.version(), object.revision.0) {
            return Ok(object.json.clone());
        }
        reply::encode(Encoding::Json, &self.shown(object)).map(Bytes::from)
    }

    /// A reply with an object of the version of the request.
    pub(crate) fn show(&self, code: StatusCode, object: &Value) -> Answer {
        let shown = self.formed(object)?;
        Ok(self.reply(code, &shown))
    }

    /// A reply with a value in the client's encoding, whatever form it asks for.
    pub(crate) fn reply(&self, code: StatusCode, value: &Value) -> Response {
        reply::value(code, self.wanted.encoding, value)
    }

    /// An object in the form that the client takes.
    pub(crate) fn formed<'a>(&self, object: &'a Value) -> Result<Cow<'a, Value>, Status> {
        Ok(match self.wanted.form {
            Form::Object => Cow::Borrowed(object),
            Form::Metadata => Cow::Owned(table::partial_object_metadata(object)),
            Form::Table(version) => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                Cow::Owned(self.table(version, std::slice::from_ref(object), metadata)?)
            }
        })
    }

    /// A Table of objects of the version of the request.
    pub(crate) fn table(&self, version: &str, objects: &[Value], metadata: Value) -> Result<Value, Status> {
        let include = IncludeObject::parse(self.query())?;
        Ok(table::table(self.version(), objects, metadata, Definitions::Shown, include, version, self.now))
    }
}
