//! The rest of the core group: what holds configuration, and namespaces with their limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guideway_schema::{Cause, Quantity};
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};
use crate::meta::NameRule;

/// Bytes that the values of a Secret or a ConfigMap may have together.
const MOST_BYTES: usize = 1024 * 1024;

mod quota;

/// ConfigMaps.
pub(crate) struct ConfigMap;

impl Rules for ConfigMap {
    fn has_status(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let map = Field::root(object);
        let (data, binary) = (map.at("data"), map.at("binaryData"));
        let mut bytes = 0;
        for (key, value) in data.entries() {
            config_key(key, &value, &mut causes);
            if binary.value().get(key).is_some() {
                let words = "duplicate of key present in binaryData";
                causes.push(Cause::invalid(value.path(), &key.into(), words));
            }
            bytes += value.text().len();
        }
        for (key, value) in binary.entries() {
            config_key(key, &value, &mut causes);
            bytes += decoded(&value, &mut causes);
        }
        if bytes > MOST_BYTES {
            causes.push(Cause::too_long("[]", 1_048_576));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = frozen(new, old, &["data", "binaryData"]);
        causes.extend(self.validate(new));
        causes
    }
}

/// Secrets.
pub(crate) struct Secret;

impl Rules for Secret {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        object.or_set("type", "Opaque");
        // What is written in the clear for convenience is kept encoded.
        if let Some(Value::Object(clear)) = object.unset("stringData")
            && let Some(data) = object.made("data").filter(|_| !clear.is_empty())
        {
            for (key, value) in clear {
                data.set(&key, STANDARD.encode(value.as_str().unwrap_or_default()));
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let secret = Field::root(object);
        let mut bytes = 0;
        for (key, value) in secret.at("data").entries() {
            config_key(key, &value, &mut causes);
            bytes += decoded(&value, &mut causes);
        }
        if bytes > MOST_BYTES {
            causes.push(Cause::too_long("data", 1_048_576));
        }
        let needed: &[&str] = match secret.at("type").text() {
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            "kubernetes.io/service-account-token" => {
                let annotations = object.at("metadata.annotations");
                let name = annotations.get("kubernetes.io/service-account.name").and_then(Value::as_str);
                if name.unwrap_or_default().is_empty() {
                    causes.push(Cause::required(
                        "metadata.annotations[kubernetes.io/service-account.name]",
                        "",
                    ));
                }
                &[]
            }
            _ => &[],
        };
        let data = object.at("data");
        for key in needed {
            match data.get(key).and_then(Value::as_str) {
                None => causes.push(Cause::required(format!("data[{key}]"), "")),
                Some(text) if key.starts_with(".docker") => {
                    if let Some(error) = STANDARD.decode(text).ok().and_then(|bytes| no_object(&bytes)) {
                        let hidden = "<secret contents redacted>".into();
                        causes.push(Cause::invalid(format!("data[{key}]"), &hidden, &error));
                    }
                }
                Some(_) => (),
            }
        }
        if secret.at("type").text() == "kubernetes.io/basic-auth"
            && data.get("username").is_none()
            && data.get("password").is_none()
        {
            causes.push(Cause::required("data[username]", ""));
            causes.push(Cause::required("data[password]", ""));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        Field::root(new).at("type").immutable(&Field::root(old).at("type"), &mut causes);
        causes.extend(frozen(new, old, &["data"]));
        causes.extend(self.validate(new));
        causes
    }
}

/// Why bytes are no JSON object, if they are not. Says nothing of what is in them but where they break.
fn no_object(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(_)) => None,
        Ok(_) => Some("must be a JSON object".to_owned()),
        Err(error) if error.is_eof() => Some("unexpected end of JSON input".to_owned()),
        Err(error) => Some(format!("no JSON at line {} column {}", error.line(), error.column())),
    }
}

/// What may not change in what is immutable.
fn frozen(new: &Value, old: &Value, fields: &[&str]) -> Vec<Cause> {
    if !old.flag("immutable") {
        return Vec::new();
    }
    let new = Field::root(new);
    let mut causes = Vec::new();
    if !new.at("immutable").flag() {
        causes.push(new.at("immutable").forbidden("field is immutable when `immutable` is set"));
    }
    for field in fields {
        let empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
        let (after, before) = (new.at(field), old.at(field));
        if after.value() != before && !(empty(after.value()) && empty(before)) {
            causes.push(after.forbidden("field is immutable when `immutable` is set"));
        }
    }
    causes
}

fn config_key(key: &str, field: &Field<'_>, causes: &mut Causes) {
    let mut errors: Vec<String> = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 bytes".into());
    }
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if key.is_empty() || !key.bytes().all(fits) {
        errors.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                .into(),
        );
    }
    if key == "." || key == ".." || key.starts_with("..") {
        errors.push(if key.len() < 3 {
            format!("must not be '{key}'")
        } else {
            "must not start with '..'".into()
        });
    }
    causes.extend(errors.iter().map(|error| Cause::invalid(field.path(), &key.into(), error)));
}

/// Bytes that a value in base64 stands for.
fn decoded(value: &Field<'_>, causes: &mut Causes) -> usize {
    match STANDARD.decode(value.text()) {
        Ok(bytes) => bytes.len(),
        Err(_) => {
            causes.push(Cause::invalid(
                value.path(),
                &"<bytes>".into(),
                "must be base64, see RFC 4648 section 4",
            ));
            0
        }
    }
}

/// ServiceAccounts.
pub(crate) struct ServiceAccount;

impl Rules for ServiceAccount {
    fn has_status(&self) -> bool {
        false
    }
}

/// Namespaces.
pub(crate) struct Namespace;

/// The label by which selectors find a namespace of a name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Rules for Namespace {
    fn name_rule(&self) -> NameRule {
        NameRule::Label
    }

    fn has_generation(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let name = object.text("metadata.name").to_owned();
        if let Some(labels) =
            object.made("metadata").filter(|_| !name.is_empty()).and_then(|metadata| metadata.made("labels"))
        {
            labels.set(NAME_LABEL, name);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        // The name may have been generated since.
        self.default("v1", object);
        object.set("status", json!({"phase": "Active"}));
        if let Some(spec) = object.made("spec") {
            let finalizers = spec.get_mut("finalizers").and_then(Value::as_array_mut);
            match finalizers {
                Some(all) if all.iter().any(|one| one == "kubernetes") => (),
                Some(all) => all.push("kubernetes".into()),
                None => spec.set("finalizers", vec!["kubernetes"]),
            }
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        // Only the subresource `finalize` takes finalizers away.
        super::ordinary::keep(new, old, "status");
        if let Some(spec) = new.made("spec") {
            super::ordinary::keep(spec, old.at("spec"), "finalizers");
        }
    }

    fn validate_part(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        for finalizer in Field::root(new).at("spec.finalizers").items() {
            finalizer.qualified(&mut causes);
            if !finalizer.text().contains('/') && finalizer.text() != "kubernetes" {
                let words = "name is neither a standard finalizer name nor is it fully qualified";
                causes.push(finalizer.invalid(words));
            }
        }
        causes
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        let phase = new.text("status.phase");
        let is_going = new.has("metadata.deletionTimestamp");
        let words = match (is_going, phase) {
            (true, "Terminating") | (false, "Active" | "") => return Vec::new(),
            (true, _) => "may only be 'Terminating' if `deletionTimestamp` is not empty",
            (false, _) => "may only be 'Active' if `deletionTimestamp` is empty",
        };
        vec![Field::root(new).at("status.Phase").invalid(words)]
    }
}

/// LimitRanges.
pub(crate) struct LimitRange;

impl Rules for LimitRange {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.inner("spec") else { return };
        for limit in spec.each("limits") {
            if limit.text("type") != "Container" {
                continue;
            }
            // The largest amount is what one gets without asking; that is what one requests; and so is the least.
            for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
                let amounts = limit.at(from).as_object().cloned().unwrap_or_default();
                if amounts.is_empty() {
                    continue;
                }
                if let Some(target) = limit.made(to) {
                    for (name, amount) in amounts {
                        target.or_set(&name, amount);
                    }
                }
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut types: Vec<&str> = Vec::new();
        for limit in Field::root(object).at("spec.limits").items() {
            let kind = limit.at("type");
            kind.needs(&mut causes);
            if types.contains(&kind.text()) {
                causes.push(kind.duplicate());
            }
            types.push(kind.text());
            limit_of(&limit, &mut causes);
            let bounds = ["min", "defaultRequest", "default", "max"].map(|name| limit.at(name));
            for (index, lower) in bounds.iter().enumerate() {
                for (resource, amount) in lower.entries() {
                    amount.amount(&mut causes);
                    for upper in &bounds[index + 1..] {
                        let Some((_, other)) = upper.entries().find(|(name, _)| *name == resource) else {
                            continue;
                        };
                        let (Some(low), Some(high)) = (amount.quantity(), other.quantity()) else { continue };
                        if low > high {
                            let name = |field: &Field<'_>| match field.path().rsplit('.').next() {
                                Some("defaultRequest") => "default request".to_owned(),
                                other => other.unwrap_or_default().to_owned(),
                            };
                            let words = format!(
                                "{} value {low} is greater than {} value {high}",
                                name(lower),
                                name(upper)
                            );
                            causes.push(amount.invalid(&words));
                        }
                    }
                }
            }
        }
        causes
    }
}

/// What depends on what is limited.
fn limit_of(limit: &Field<'_>, causes: &mut Causes) {
    match limit.at("type").text() {
        "Pod" => {
            for field in ["default", "defaultRequest"].map(|name| limit.at(name)) {
                if !field.is_empty() {
                    causes.push(field.forbidden("may not be specified when `type` is 'Pod'"));
                }
            }
        }
        "PersistentVolumeClaim" => {
            let has = |name: &str| limit.at(name).value().get("storage").is_some();
            if !has("min") && !has("max") {
                let words = "either minimum or maximum storage value is required, but neither was provided";
                causes.push(limit.at("limits").required(words));
            }
        }
        "" | "Container" => (),
        name => {
            limit.at("type").qualified(causes);
            if !name.contains('/') {
                causes.push(limit.at("type").invalid("must be a standard limit type or fully qualified"));
            }
        }
    }
    let one: Option<Quantity> = "1".parse().ok();
    for (_, ratio) in limit.at("maxLimitRequestRatio").entries() {
        if let Some(amount) = ratio.quantity().filter(|amount| Some(*amount) < one) {
            causes.push(ratio.invalid(&format!("ratio {amount} is less than 1")));
        }
    }
}

/// ResourceQuotas.
pub(crate) struct ResourceQuota;

impl Rules for ResourceQuota {
    fn has_generation(&self) -> bool {
        false
    }

    fn prepare_create(&self, object: &mut Value) {
        object.set("status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        for (name, amount) in spec.at("hard").entries() {
            for error in crate::meta::label_key_errors(name) {
                causes.push(Cause::invalid(amount.path(), &name.into(), &error));
            }
            quota::resource(name, &amount, &mut causes);
            amount.amount(&mut causes);
            if is_count(name) && amount.quantity().is_some_and(|amount| !amount.is_whole()) {
                causes.push(amount.invalid("must be an integer"));
            }
        }
        quota::scopes(&spec, &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new).at("spec.scopes"), Field::root(old).at("spec.scopes"));
        if after.value() != before.value() && !(after.is_empty() && before.is_empty()) {
            causes.push(after.invalid("field is immutable"));
        }
        causes
    }
}

/// What is counted in whole objects.
fn is_count(resource: &str) -> bool {
    resource.starts_with("count/")
        || matches!(
            resource,
            "pods"
                | "services"
                | "services.nodeports"
                | "services.loadbalancers"
                | "replicationcontrollers"
                | "resourcequotas"
                | "secrets"
                | "configmaps"
                | "persistentvolumeclaims"
        )
}
