//! The manifests are structural schemas, and agree with the parser.

use guideway_schema::Schema;
use serde_json::{Value, json};

use crate::fields::{Fields, Need, Shape};
use crate::guideway::status;
use crate::{Kind, definition, manifest};

/// The schema of the stored version, or of another one.
pub(super) fn schema(kind: Kind, version: &str) -> Schema {
    let manifest = manifest(kind);
    let versions = manifest["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|each| each["name"] == version).unwrap();
    Schema::from_crd(&version["schema"]["openAPIV3Schema"], "schema").unwrap()
}

#[test]
fn every_version_of_every_kind_is_structural() {
    for kind in Kind::ALL {
        let versions: Vec<&str> = definition(kind).versions.iter().map(|version| version.name).collect();
        assert_eq!(versions, kind.versions());
        for version in versions {
            schema(kind, version);
        }
    }
}

#[test]
fn every_default_is_json_that_the_field_may_hold() {
    fn walk(fields: &Fields) {
        for field in fields.fields {
            if let Need::Default(text) = field.need {
                let value: Value = serde_json::from_str(text).unwrap();
                let mut findings = crate::findings::Findings::default();
                let holder = Fields { fields: std::slice::from_ref(field), rules: &[] };
                let mut object = json!({});
                object[field.name] = value;
                crate::check::object(&object, &holder, "spec", &mut findings);
                assert!(findings.is_clean(), "{}: {findings:?}", field.name);
            }
            match &field.shape {
                Shape::Object(inner) | Shape::List { of: Shape::Object(inner), .. } => walk(inner),
                _ => {}
            }
        }
    }
    for kind in Kind::ALL {
        definition(kind).versions.iter().for_each(|version| walk(version.fields));
    }
}

/// What the controller writes is what the schemas know, all of it.
#[test]
fn statuses_have_schemas() {
    let condition = status::Condition {
        r#type: status::VALID.to_owned(),
        status: status::ConditionStatus::True,
        reason: "Read".to_owned(),
        message: String::new(),
        observed_generation: Some(3),
        last_transition_time: "2026-11-20T22:00:00Z".to_owned(),
    };
    let conditions = vec![condition];
    let digest = "0123456789abcdef".repeat(4);
    let at = "2026-11-20T22:00:00Z".to_owned();
    let stamp = status::GenerationStamp { generation: 7, digest: digest.clone() };
    let pool = crate::metallb::PoolStatus { assigned_v4: 1, available_v4: 2, ..Default::default() };
    let table = [
        (
            Kind::Cluster,
            serde_json::to_value(status::ClusterStatus {
                conditions: conditions.clone(),
                services: 3,
                last_contact: Some(at.clone()),
                version: Some("v1.33.1".to_owned()),
                addresses: Some(vec!["192.0.2.1-192.0.2.9".to_owned(), "2001:db8::1-2001:db8::1".to_owned()]),
            }),
        ),
        (
            Kind::Forwarder,
            serde_json::to_value(status::ForwarderStatus {
                conditions: conditions.clone(),
                version: Some("0.1.0".to_owned()),
                generation: 7,
                digest: Some(digest.clone()),
                vips: 10,
                last_contact: Some(at.clone()),
            }),
        ),
        (
            Kind::Shard,
            serde_json::to_value(status::ShardStatus {
                conditions: conditions.clone(),
                forwarders: vec!["f1".to_owned()],
                vips: 1,
                tenants: 1,
            }),
        ),
        (Kind::BackendPolicy, serde_json::to_value(status::PlainStatus { conditions: conditions.clone() })),
        (
            Kind::Rollout,
            serde_json::to_value(status::RolloutStatus {
                conditions,
                record: Some(status::RolloutRecord {
                    term: 2,
                    leader: "a".to_owned(),
                    proposed: 8,
                    committed: Some(stamp),
                    rolled_back_to: Some(6),
                }),
                history: vec![status::CommittedGeneration { generation: 7, digest, committed_at: at }],
            }),
        ),
        (Kind::IpAddressPool, serde_json::to_value(pool)),
    ];
    for (kind, status) in table {
        let object = json!({"status": status.unwrap()});
        let schema = schema(kind, kind.versions()[0]);
        assert_eq!(schema.unknown_fields(&object), Vec::<String>::new(), "{kind:?}");
        let causes = schema.validate(&object);
        let causes: Vec<_> = causes.iter().filter(|cause| cause.field.starts_with("status")).collect();
        assert!(causes.is_empty(), "{kind:?}: {causes:?}");
    }
}
