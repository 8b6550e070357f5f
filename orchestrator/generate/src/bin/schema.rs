//! Writes the schemas of Kubernetes' built-in types, one definition per line, to the folder given.
//!
//! The types and their descriptions are those of the `k8s-openapi` crate. What it leaves out comes from `overlay.txt`.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use k8s_openapi::{
    ListableResource, Resource,
    api::{
        admissionregistration::v1 as admission, apps::v1 as apps, authentication::v1 as authentication,
        authorization::v1 as authorization, autoscaling::v1 as autoscaling,
        autoscaling::v2 as autoscaling_v2, batch::v1 as batch, certificates::v1 as certificates,
        coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, events::v1 as events,
        flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node, policy::v1 as policy,
        rbac::v1 as rbac, resource::v1beta2 as resource, scheduling::v1 as scheduling,
        storage::v1 as storage, storage::v1beta1 as storage_v1beta1,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions,
    apimachinery::pkg::{apis::meta::v1 as meta, runtime::RawExtension, version::Info},
    kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

const REFERENCES: &str = "/components/schemas/";

fn main() -> Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("usage: schema FOLDER")?.into();
    let mut kinds = Kinds::default();
    every_kind(&mut kinds);
    let (definitions, names) = kinds.finish()?;

    let mut lines = String::new();
    for (name, schema) in &definitions {
        writeln!(lines, "{name}\t{schema}")?;
    }
    fs::write(folder.join("definitions.txt"), lines)?;
    let mut lines = String::new();
    for ((group, version, kind), name) in &names {
        let group = if group.is_empty() { "-" } else { group };
        writeln!(lines, "{group} {version} {kind} {name}")?;
    }
    fs::write(folder.join("kinds.txt"), lines)?;
    println!("{} definitions, {} kinds", definitions.len(), names.len());
    Ok(())
}

/// Everything that is served, or sent to be acted upon.
fn every_kind(kinds: &mut Kinds) {
    macro_rules! listed {
        ($($module:ident: $($kind:ident)+;)+) => { $($(kinds.listed::<$module::$kind>();)+)+ };
    }
    macro_rules! single {
        ($($module:ident: $($kind:ident)+;)+) => { $($(kinds.single::<$module::$kind>();)+)+ };
    }
    listed! {
        core: ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
            PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount;
        admission: MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding
            ValidatingWebhookConfiguration;
        apiextensions: CustomResourceDefinition;
        apiregistration: APIService;
        apps: ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet;
        autoscaling: HorizontalPodAutoscaler;
        autoscaling_v2: HorizontalPodAutoscaler;
        batch: CronJob Job;
        certificates: CertificateSigningRequest;
        coordination: Lease;
        discovery: EndpointSlice;
        events: Event;
        flowcontrol: FlowSchema PriorityLevelConfiguration;
        networking: IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR;
        node: RuntimeClass;
        policy: PodDisruptionBudget;
        rbac: ClusterRole ClusterRoleBinding Role RoleBinding;
        resource: DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice;
        scheduling: PriorityClass;
        storage: CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment;
        storage_v1beta1: VolumeAttributesClass;
    }
    single! {
        core: Binding;
        authentication: SelfSubjectReview TokenRequest TokenReview;
        authorization: LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview;
        autoscaling: Scale;
        policy: Eviction;
        meta: APIGroup APIGroupList APIResourceList APIVersions Status;
    }
    kinds.named::<meta::DeleteOptions>("", "v1", "DeleteOptions");
    kinds.named::<meta::WatchEvent<RawExtension>>("", "v1", "WatchEvent");
    kinds.plain::<meta::Patch>();
    kinds.plain::<Info>();
}

/// Collects definitions.
struct Kinds {
    generator: SchemaGenerator,
    names: BTreeMap<(String, String, String), String>,
    lists: BTreeMap<String, (String, String, String)>,
}

impl Default for Kinds {
    fn default() -> Self {
        let mut settings = SchemaSettings::openapi3();
        settings.definitions_path = REFERENCES.into();
        settings.transforms.clear();
        Self { generator: settings.into_generator(), names: BTreeMap::new(), lists: BTreeMap::new() }
    }
}

impl Kinds {
    fn plain<T: JsonSchema>(&mut self) {
        self.generator.subschema_for::<T>();
    }

    fn named<T: JsonSchema>(&mut self, group: &str, version: &str, kind: &str) {
        self.plain::<T>();
        self.names.insert((group.into(), version.into(), kind.into()), T::schema_name().into_owned());
    }

    fn single<T: JsonSchema + Resource>(&mut self) {
        self.named::<T>(T::GROUP, T::VERSION, T::KIND);
    }

    fn listed<T: JsonSchema + ListableResource>(&mut self) {
        self.single::<T>();
        self.plain::<meta::ListMeta>();
        let name = T::schema_name().into_owned();
        self.lists.insert(name, (T::GROUP.into(), T::VERSION.into(), T::LIST_KIND.into()));
    }

    /// Definitions by name, and the names of kinds.
    #[allow(clippy::type_complexity)] // once
    fn finish(mut self) -> Result<(BTreeMap<String, Value>, BTreeMap<(String, String, String), String>)> {
        let mut definitions: BTreeMap<String, Value> = BTreeMap::new();
        for (name, schema) in self.generator.take_definitions(true) {
            definitions.insert(name, schema);
        }
        for (item, (group, version, kind)) in std::mem::take(&mut self.lists) {
            let (package, item_kind) = item.rsplit_once('.').context("name without a package")?;
            let object = definitions.get(&item).with_context(|| format!("no {item}"))?;
            let name = format!("{package}.{kind}");
            definitions.insert(name.clone(), list(&item, item_kind, &kind, object));
            self.names.insert((group, version, kind), name);
        }
        for (name, schema) in &mut definitions {
            special(name, schema);
            references(schema);
        }
        for ((group, version, kind), name) in &self.names {
            let schema = object(definitions.get_mut(name).with_context(|| format!("no {name}"))?)?;
            // Kubernetes requires it of no kind; the crate does, because its types have it.
            if let Some(Value::Array(required)) = schema.get_mut("required") {
                required.retain(|field| field != "metadata");
                if required.is_empty() {
                    schema.remove("required");
                }
            }
            let kind = json!([{ "group": group, "version": version, "kind": kind }]);
            schema.insert("x-kubernetes-group-version-kind".into(), kind);
        }
        overlay(&mut definitions)?;
        Ok((definitions, self.names))
    }
}

/// The definition of a list of a kind.
fn list(item: &str, item_kind: &str, kind: &str, object: &Value) -> Value {
    let fields = &object["properties"];
    json!({
        "description": format!("{kind} is a list of {item_kind}."),
        "type": "object",
        "properties": {
            "apiVersion": fields["apiVersion"],
            "kind": fields["kind"],
            "items": {
                "description": format!("Items is the list of {item_kind}."),
                "type": "array",
                "items": { "$ref": format!("#{REFERENCES}{item}") },
            },
            "metadata": {
                "description": "Standard list metadata.",
                "$ref": format!("#{REFERENCES}io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"),
            },
        },
        "required": ["items"],
    })
}

/// Types that JSON schemas of objects cannot say, as Kubernetes writes them.
fn special(name: &str, schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    match name {
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString" => {
            schema.remove("x-kubernetes-int-or-string");
            schema.insert("format".into(), json!("int-or-string"));
            schema.insert("oneOf".into(), json!([{ "type": "integer" }, { "type": "string" }]));
        }
        "io.k8s.apimachinery.pkg.api.resource.Quantity" => {
            schema.remove("x-kubernetes-int-or-string");
            schema.insert("oneOf".into(), json!([{ "type": "string" }, { "type": "number" }]));
        }
        _ if name.contains(".apiextensions.v1.JSON") && name != JSON_SCHEMA => {
            schema.retain(|key, _| key == "description");
        }
        _ => {}
    }
}

const JSON_SCHEMA: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// References beside other words: OpenAPI 3.0 wants them in an `allOf`.
fn references(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.len() > 1
                && fields.get("$ref").is_some_and(Value::is_string)
                && let Some(reference) = fields.remove("$ref")
            {
                fields.insert("allOf".into(), json!([{ "$ref": reference }]));
            }
            fields.values_mut().for_each(references);
        }
        Value::Array(elements) => elements.iter_mut().for_each(references),
        _ => {}
    }
}

fn object(value: &mut Value) -> Result<&mut Map<String, Value>> {
    value.as_object_mut().ok_or_else(|| anyhow!("a schema is no object"))
}

/// Adds what `overlay.txt` says.
fn overlay(definitions: &mut BTreeMap<String, Value>) -> Result<()> {
    for line in include_str!("../../overlay.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some(name), Some(field)) = (words.next(), words.next()) else { bail!("{line}: too short") };
        let definition = definitions
            .get_mut(&format!("io.k8s.{name}"))
            .with_context(|| format!("no definition {name}"))?;
        let target = match field {
            "-" => definition,
            field => definition
                .pointer_mut(&format!("/properties/{field}"))
                .with_context(|| format!("{name} has no field {field}"))?,
        };
        let is_list = target["type"] == "array";
        let target = object(target)?;
        for word in words {
            let (what, value) = word.split_once('=').with_context(|| format!("{line}: {word}?"))?;
            match what {
                "list" if !is_list => bail!("{line}: no list"),
                "list" => match value.split_once(':') {
                    Some((kind, keys)) => {
                        target.insert("x-kubernetes-list-type".into(), json!(kind));
                        let keys: Vec<&str> = keys.split(',').collect();
                        target.insert("x-kubernetes-list-map-keys".into(), json!(keys));
                    }
                    None => {
                        target.insert("x-kubernetes-list-type".into(), json!(value));
                    }
                },
                "map" => {
                    target.insert("x-kubernetes-map-type".into(), json!(value));
                }
                "patch" => {
                    let (strategy, key) = value.split_once(':').unwrap_or((value, ""));
                    target.insert("x-kubernetes-patch-strategy".into(), json!(strategy));
                    if !key.is_empty() {
                        target.insert("x-kubernetes-patch-merge-key".into(), json!(key));
                    }
                }
                "default" => {
                    target.insert("default".into(), json!(value));
                }
                "enum" => {
                    let values: Vec<&str> = value.split('|').collect();
                    target.insert("enum".into(), json!(values));
                }
                other => bail!("{line}: {other}?"),
            }
        }
    }
    Ok(())
}
