use serde_json::Value;

use crate::definition::{Spec, definition};
use crate::findings::Findings;
use crate::formats::{Format, shown};
use crate::view::View;
use crate::{FieldError, FieldNote, Kind, Object, Resource, check, guideway, metallb};

/// What an object was read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Its kind.
    pub kind: Kind,
    /// Name, namespace, labels.
    pub object: Object,
    /// Its specification, or everything that is wrong with it, in the order of the places.
    pub resource: Result<Resource, Vec<FieldError>>,
    /// What whoever wrote it should know though it is valid, in the order of the places.
    pub notes: Vec<FieldNote>,
}

/// Reads an object of a [`Kind`], whatever it holds.
///
/// # Errors
///
/// The error says what `apiVersion` and `kind` are when they are none that is read.
pub fn parse(value: &Value) -> Result<Parsed, FieldError> {
    let (kind, version) = kind_of(value)?;
    Ok(parse_as(kind, version, value))
}

/// Kind and version of an object.
fn kind_of(value: &Value) -> Result<(Kind, &'static str), FieldError> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, name) = (text("apiVersion"), text("kind"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.group() == group && kind.as_str() == name) else {
        return Err(FieldError {
            place: "kind".to_owned(),
            problem: format!("{} of {} is nothing that Guideway reads", shown(name), shown(api_version)),
            remedy: "write a kind of metallb.io or guideway.dev".to_owned(),
        });
    };
    let known = kind.versions().iter().find(|known| **known == version);
    known.map(|version| (kind, *version)).ok_or_else(|| FieldError {
        place: "apiVersion".to_owned(),
        problem: format!("{} has no version {}", kind.as_str(), shown(version)),
        remedy: format!("write {}/{}", group, kind.versions().join(" or ")),
    })
}

fn parse_as(kind: Kind, version: &str, value: &Value) -> Parsed {
    let mut findings = Findings::default();
    let mut object = object(value, &mut findings);
    match kind {
        Kind::Forwarder => {
            object.labels.insert(guideway::HOSTNAME_LABEL.to_owned(), object.name.clone());
        }
        // Names of VIPs and sets begin with it.
        Kind::Cluster if !object.name.is_empty() => {
            if let Err(wrong) = Format::Namespace.check(&object.name) {
                findings.error("metadata.name", wrong.problem, CLUSTER_NAMES);
            }
        }
        _ => {}
    }
    let definition = definition(kind);
    let spec = value.get("spec").filter(|spec| !spec.is_null());
    let fields = definition.versions.iter().find(|known| known.name == version).map(|known| known.fields);
    match (spec, fields) {
        (Some(spec), Some(fields)) => check::object(spec, fields, "spec", &mut findings),
        (None, _) if definition.spec == Spec::Required => {
            findings.error("spec", "is missing", format!("write it: {}", definition.about));
        }
        _ => {}
    }
    let view = View::new(spec, "spec");
    let resource = read(kind, &view, &mut findings);
    if resource.is_none() && findings.is_clean() {
        findings.error("spec", "cannot be read", "compare it with `kubectl explain`");
    }
    let clean = findings.is_clean();
    let (errors, notes) = findings.into_parts();
    let resource = resource.filter(|_| clean).ok_or(errors);
    Parsed { kind, object, resource, notes }
}

const CLUSTER_NAMES: &str = "name it with lower-case letters, digits and `-`, at most 63";

/// `None` has errors.
fn read(kind: Kind, view: &View<'_>, findings: &mut Findings) -> Option<Resource> {
    match kind {
        Kind::IpAddressPool => metallb::pool::read(view, findings).map(Resource::IpAddressPool),
        Kind::BgpPeer => metallb::peer::read(view, findings).map(Box::new).map(Resource::BgpPeer),
        Kind::BgpAdvertisement => {
            Some(Resource::BgpAdvertisement(metallb::advertisement::read_bgp(view, findings)))
        }
        Kind::L2Advertisement => Some(Resource::L2Advertisement(metallb::advertisement::read_l2(view))),
        Kind::BfdProfile => Some(Resource::BfdProfile(metallb::bfd::read(view, findings))),
        Kind::Community => Some(Resource::Community(metallb::community::read(view))),
        Kind::Shard => guideway::shard::read(view, findings).map(Resource::Shard),
        Kind::BackendPolicy => {
            Some(Resource::BackendPolicy(Box::new(guideway::backend_policy::read(view, findings))))
        }
        Kind::Forwarder => Some(Resource::Forwarder(guideway::forwarder::read(view))),
        Kind::Cluster => guideway::cluster::read(view, findings).map(Resource::Cluster),
        Kind::Rollout => guideway::rollout::read(view, findings).map(Box::new).map(Resource::Rollout),
    }
}

fn object(value: &Value, findings: &mut Findings) -> Object {
    let metadata = View::new(value.get("metadata"), "metadata");
    let name = metadata.owned("name").unwrap_or_default();
    if name.is_empty() {
        findings.error("metadata.name", "is missing", "write a name");
    }
    let labels = metadata.object("labels").map(|labels| labels.all_texts()).unwrap_or_default();
    Object {
        name,
        namespace: metadata.owned("namespace").unwrap_or_default(),
        labels,
        created: metadata.owned("creationTimestamp").unwrap_or_default(),
        generation: metadata.number("generation").unwrap_or_default(),
    }
}
