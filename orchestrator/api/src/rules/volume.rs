//! Volumes, claims, and what provides them.

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// PersistentVolumeClaims.
pub(crate) struct Claim;

impl Rules for Claim {
    fn has_generation(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(spec) = object.made("spec") {
            spec.or_set("volumeMode", "Filesystem");
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object.set("status", json!({"phase": "Pending"}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        access_modes(&spec, &mut causes);
        let storage = spec.at("resources.requests").at("storage");
        match storage.quantity() {
            None => causes.push(Cause::required("spec.resources[storage]", "")),
            Some(amount) if amount.is_negative() || amount.is_zero() => {
                causes.push(Cause::invalid(
                    "spec.resources[storage]",
                    storage.value(),
                    "must be greater than zero",
                ));
            }
            Some(_) => (),
        }
        spec.at("selector").selector(&mut causes);
        spec.at("storageClassName").dns_subdomain(&mut causes);
        spec.at("volumeMode").one_of(&["Block", "Filesystem"], &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new).at("spec"), Field::root(old).at("spec"));
        let mut rest = after.value().clone();
        super::ordinary::keep(&mut rest, before.value(), "volumeAttributesClassName");
        if before.at("volumeName").is_empty() {
            super::ordinary::keep(&mut rest, before.value(), "volumeName");
        }
        if !before.at("storageClassName").is_set() {
            super::ordinary::keep(&mut rest, before.value(), "storageClassName");
        }
        let (asked, had) = (after.at("resources.requests.storage"), before.at("resources.requests.storage"));
        if let Some(resources) = rest.inner("resources").and_then(|resources| resources.inner("requests")) {
            super::ordinary::keep(resources, before.at("resources.requests").value(), "storage");
        }
        if &rest != before.value() {
            let words = "spec is immutable after creation except resources.requests and volumeAttributesClassName \
                         for bound claims";
            causes.push(after.forbidden(words));
        }
        let bound = old.text("status.phase") == "Bound";
        if let (Some(asked), Some(had)) = (asked.quantity(), had.quantity()) {
            if asked < had {
                let words = "field can not be less than status.capacity";
                causes.push(after.at("resources.requests.storage").forbidden(words));
            } else if asked > had && !bound {
                let words = "spec is immutable after creation except resources.requests and \
                             volumeAttributesClassName for bound claims";
                causes.push(after.forbidden(words));
            }
        }
        causes
    }
}

/// PersistentVolumes.
pub(crate) struct Volume;

impl Rules for Volume {
    fn has_generation(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("persistentVolumeReclaimPolicy", "Retain");
        spec.or_set("volumeMode", "Filesystem");
        if let Some(path) = spec.inner("hostPath") {
            path.or_set("type", "");
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object.set("status", json!({"phase": "Pending"}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        access_modes(&spec, &mut causes);
        let capacity = spec.at("capacity");
        match capacity.value().get("storage") {
            None if capacity.is_empty() => causes.push(capacity.required("")),
            None => causes.push(capacity.not_supported(&["storage"])),
            Some(_) => {
                let storage = capacity.at("storage");
                if storage.quantity().is_some_and(|amount| amount.is_negative() || amount.is_zero()) {
                    let words = "must be greater than zero";
                    causes.push(Cause::invalid("spec.capacity[storage]", storage.value(), words));
                }
            }
        }
        let sources: Vec<&str> = SOURCES.into_iter().filter(|source| spec.at(source).is_set()).collect();
        match sources.as_slice() {
            [] => causes.push(spec.required("must specify a volume type")),
            [_] => (),
            [_, more @ ..] => {
                for source in more {
                    causes.push(spec.at(source).forbidden("may not specify more than 1 volume type"));
                }
            }
        }
        if spec.at("hostPath").is_set() {
            spec.at("hostPath.path").needs(&mut causes);
        }
        if spec.at("local").is_set() {
            spec.at("local.path").needs(&mut causes);
            if !spec.at("nodeAffinity").is_set() {
                causes.push(Cause::required("metadata.annotations", "Local volume requires node affinity"));
            }
        }
        let policy = spec.at("persistentVolumeReclaimPolicy");
        policy.one_of(&["Delete", "Recycle", "Retain"], &mut causes);
        if spec.at("hostPath.path").text() == "/" && policy.text() == "Recycle" {
            causes.push(policy.forbidden("may not be 'recycle' for a hostPath mount of '/'"));
        }
        spec.at("storageClassName").dns_subdomain(&mut causes);
        spec.at("volumeMode").one_of(&["Block", "Filesystem"], &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new).at("spec"), Field::root(old).at("spec"));
        for source in SOURCES {
            if after.at(source).value() != before.at(source).value() {
                let words = "spec.persistentvolumesource is immutable after creation";
                causes.push(Cause::forbidden("spec.persistentvolumesource", words));
                break;
            }
        }
        after.at("volumeMode").immutable(&before.at("volumeMode"), &mut causes);
        if before.at("nodeAffinity").is_set() {
            after.at("nodeAffinity").immutable(&before.at("nodeAffinity"), &mut causes);
        }
        causes
    }
}

/// Kinds of volumes that a PersistentVolume can be.
const SOURCES: [&str; 22] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

fn access_modes(spec: &Field<'_>, causes: &mut Causes) {
    let modes = spec.at("accessModes");
    if modes.is_empty() {
        causes.push(modes.required("at least 1 access mode is required"));
    }
    for mode in modes.items() {
        mode.one_of(&MODES, causes);
    }
    let alone = modes.items().any(|mode| mode.text() == "ReadWriteOncePod");
    if alone && modes.len() > 1 {
        causes.push(modes.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
}

/// StorageClasses.
pub(crate) struct StorageClass;

impl Rules for StorageClass {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        object.or_set("reclaimPolicy", "Delete");
        object.or_set("volumeBindingMode", "Immediate");
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let class = Field::root(object);
        let provisioner = class.at("provisioner");
        if provisioner.needs(&mut causes) {
            provisioner.all(&crate::meta::label_key_errors(&provisioner.text().to_lowercase()), &mut causes);
        }
        class.at("reclaimPolicy").one_of(&["Delete", "Retain"], &mut causes);
        class.at("volumeBindingMode").needs_one_of(&["Immediate", "WaitForFirstConsumer"], &mut causes);
        if class.at("parameters").len() > 512 {
            causes.push(Cause::too_long("parameters", 512));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new), Field::root(old));
        let (parameters, old_parameters) = (after.at("parameters"), before.at("parameters"));
        if parameters.value() != old_parameters.value()
            && !(parameters.is_empty() && old_parameters.is_empty())
        {
            causes.push(parameters.forbidden("updates to parameters are forbidden."));
        }
        if after.at("provisioner").value() != before.at("provisioner").value() {
            causes.push(after.at("provisioner").forbidden("updates to provisioner are forbidden."));
        }
        if after.at("reclaimPolicy").value() != before.at("reclaimPolicy").value() {
            causes.push(after.at("reclaimPolicy").forbidden("updates to reclaimPolicy are forbidden."));
        }
        after.at("volumeBindingMode").immutable(&before.at("volumeBindingMode"), &mut causes);
        causes
    }
}

/// VolumeAttachments.
pub(crate) struct Attachment;

impl Rules for Attachment {
    fn has_generation(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        for name in ["attacher", "nodeName"] {
            spec.at(name).needs(&mut causes);
        }
        if spec.at("source").is_empty() {
            causes.push(
                spec.at("source")
                    .required("must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
            );
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        Field::root(new).at("spec").immutable(&Field::root(old).at("spec"), &mut causes);
        causes
    }
}

/// CSIDrivers.
pub(crate) struct CsiDriver;

impl Rules for CsiDriver {
    fn has_status(&self) -> bool {
        false
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        for (field, value) in [
            ("attachRequired", true),
            ("podInfoOnMount", false),
            ("storageCapacity", false),
            ("requiresRepublish", false),
            ("seLinuxMount", false),
        ] {
            spec.or_set(field, value);
        }
        spec.or_set("fsGroupPolicy", "ReadWriteOnceWithFSType");
        if spec.list("volumeLifecycleModes").is_empty() {
            spec.set("volumeLifecycleModes", vec!["Persistent"]);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        for mode in spec.at("volumeLifecycleModes").items() {
            if !["Ephemeral", "Persistent"].contains(&mode.text()) {
                let known = &["Ephemeral", "Persistent"];
                causes.push(Cause::not_supported("spec.volumeLifecycleModes", mode.value(), known));
            }
        }
        spec.at("fsGroupPolicy").one_of(&["File", "None", "ReadWriteOnceWithFSType"], &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        for name in ["attachRequired", "volumeLifecycleModes"] {
            Field::root(new)
                .at("spec")
                .at(name)
                .immutable(&Field::root(old).at("spec").at(name), &mut causes);
        }
        causes
    }
}

/// CSINodes.
pub(crate) struct CsiNode;

impl Rules for CsiNode {
    fn has_status(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for driver in Field::root(object).at("spec.drivers").items() {
            let name = driver.at("name");
            name.needs(&mut causes);
            driver.at("nodeID").needs(&mut causes);
            if names.contains(&name.text()) {
                causes.push(name.duplicate());
            }
            names.push(name.text());
        }
        causes
    }
}

/// `CSIStorageCapacities`.
pub(crate) struct StorageCapacity;

impl Rules for StorageCapacity {
    fn has_status(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let capacity = Field::root(object);
        let class = capacity.at("storageClassName").text();
        for error in crate::meta::dns_subdomain_errors(class) {
            causes.push(Cause::invalid("storageClassName", &class.into(), &error));
        }
        for name in ["capacity", "maximumVolumeSize"] {
            capacity.at(name).amount(&mut causes);
        }
        capacity.at("nodeTopology").selector(&mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        for name in ["nodeTopology", "storageClassName"] {
            Field::root(new).at(name).immutable(&Field::root(old).at(name), &mut causes);
        }
        causes
    }
}
