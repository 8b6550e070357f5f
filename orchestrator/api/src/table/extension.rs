//! Aggregated APIs and webhooks.

use super::text::condition_entry;
use super::{BuiltIn, aged, name};
use crate::json::View;

pub(crate) const API_SERVICE: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Service", "string", 0),
        ("Available", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |object, now| {
        let service = object.at("spec.service");
        let service = match service.is_object() {
            true => format!("{}/{}", service.text("namespace"), service.text("name")),
            false => "Local".to_owned(),
        };
        let available = match condition_entry(object, "Available") {
            None => "Unknown".to_owned(),
            Some(one) if one.text("status") == "True" => "True".to_owned(),
            Some(one) => format!("{} ({})", one.text("status"), one.text("reason")),
        };
        vec![name(object), service.into(), available.into(), aged(object, now)]
    },
};

pub(crate) const WEBHOOKS: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Webhooks", "integer", 0), ("Age", "string", 0)],
    cells: |object, now| vec![name(object), object.list("webhooks").len().into(), aged(object, now)],
};
