//! Volumes, claims and what provides them.

use serde_json::Value;

use super::text::{UNSET, access_modes, field, or};
use super::{BuiltIn, aged, name};
use crate::json::{View, plain};

const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_CLASS_BETA: &str = "storageclass.beta.kubernetes.io/is-default-class";

pub(crate) const CLAIM: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Status", "string", 0),
        ("Volume", "string", 0),
        ("Capacity", "string", 0),
        ("Access Modes", "string", 0),
        ("StorageClass", "string", 0),
        ("VolumeAttributesClass", "string", 0),
        ("Age", "string", 0),
        ("VolumeMode", "string", 1),
    ],
    cells: |claim, now| {
        let volume = claim.text("spec.volumeName");
        let bound = !volume.is_empty();
        let modes = if bound { access_modes(claim.at("status.accessModes")) } else { String::new() };
        let capacity = if bound { plain(claim.at("status.capacity.storage")) } else { String::new() };
        vec![
            name(claim),
            phase(claim).into(),
            volume.into(),
            capacity.into(),
            modes.into(),
            class(claim).into(),
            field(claim, "spec.volumeAttributesClassName", UNSET),
            aged(claim, now),
            field(claim, "spec.volumeMode", UNSET),
        ]
    },
};

pub(crate) const VOLUME: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Capacity", "string", 0),
        ("Access Modes", "string", 0),
        ("Reclaim Policy", "string", 0),
        ("Status", "string", 0),
        ("Claim", "string", 0),
        ("StorageClass", "string", 0),
        ("VolumeAttributesClass", "string", 0),
        ("Reason", "string", 0),
        ("Age", "string", 0),
        ("VolumeMode", "string", 1),
    ],
    cells: |volume, now| {
        let claim = volume.at("spec.claimRef");
        let claim = match claim.is_object() {
            true => format!("{}/{}", claim.text("namespace"), claim.text("name")),
            false => String::new(),
        };
        vec![
            name(volume),
            plain(volume.at("spec.capacity.storage")).into(),
            access_modes(volume.at("spec.accessModes")).into(),
            volume.text("spec.persistentVolumeReclaimPolicy").into(),
            phase(volume).into(),
            claim.into(),
            class(volume).into(),
            field(volume, "spec.volumeAttributesClassName", UNSET),
            volume.text("status.reason").into(),
            aged(volume, now),
            field(volume, "spec.volumeMode", UNSET),
        ]
    },
};

pub(crate) const STORAGE_CLASS: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Provisioner", "string", 0),
        ("ReclaimPolicy", "string", 0),
        ("VolumeBindingMode", "string", 0),
        ("AllowVolumeExpansion", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |class, now| {
        let annotations = class.at("metadata.annotations");
        let is_default = [DEFAULT_CLASS, DEFAULT_CLASS_BETA]
            .iter()
            .any(|key| annotations.get(key).is_some_and(|value| value == "true"));
        let title = class.text("metadata.name");
        let title = if is_default { format!("{title} (default)") } else { title.to_owned() };
        vec![
            title.into(),
            class.text("provisioner").into(),
            or(class.text("reclaimPolicy"), "Delete").into(),
            or(class.text("volumeBindingMode"), "Immediate").into(),
            class.flag("allowVolumeExpansion").into(),
            aged(class, now),
        ]
    },
};

pub(crate) const ATTACHMENT: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Attacher", "string", 0),
        ("PV", "string", 0),
        ("Node", "string", 0),
        ("Attached", "boolean", 0),
        ("Age", "string", 0),
    ],
    cells: |object, now| {
        vec![
            name(object),
            object.text("spec.attacher").into(),
            object.text("spec.source.persistentVolumeName").into(),
            object.text("spec.nodeName").into(),
            object.flag("status.attached").into(),
            aged(object, now),
        ]
    },
};

pub(crate) const CSI_DRIVER: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("AttachRequired", "boolean", 0),
        ("PodInfoOnMount", "boolean", 0),
        ("StorageCapacity", "boolean", 0),
        ("TokenRequests", "string", 0),
        ("RequiresRepublish", "boolean", 0),
        ("Modes", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |driver, now| {
        let audiences: Vec<&str> =
            driver.list("spec.tokenRequests").iter().map(|one| one.text("audience")).collect();
        let modes: Vec<&str> =
            driver.list("spec.volumeLifecycleModes").iter().filter_map(Value::as_str).collect();
        vec![
            name(driver),
            driver.at("spec.attachRequired").as_bool().unwrap_or(true).into(),
            driver.flag("spec.podInfoOnMount").into(),
            driver.flag("spec.storageCapacity").into(),
            or(&audiences.join(","), UNSET).into(),
            driver.flag("spec.requiresRepublish").into(),
            or(&modes.join(","), "<none>").into(),
            aged(driver, now),
        ]
    },
};

pub(crate) const CSI_NODE: BuiltIn = BuiltIn {
    columns: &[("Name", "string", 0), ("Drivers", "integer", 0), ("Age", "string", 0)],
    cells: |node, now| vec![name(node), node.list("spec.drivers").len().into(), aged(node, now)],
};

fn phase(object: &Value) -> &str {
    if object.has("metadata.deletionTimestamp") { "Terminating" } else { object.text("status.phase") }
}

/// The storage class, which an old annotation may name.
fn class(object: &Value) -> &str {
    let old = object.at("metadata.annotations").get(CLASS).and_then(Value::as_str);
    old.unwrap_or_else(|| object.text("spec.storageClassName"))
}
