//! storage.k8s.io.

use super::{Row, WRITE};
use crate::kind::Scope::{Cluster, Namespaced};
use crate::rules::volume;
use crate::table::volume as table;

const GROUP: &str = "storage.k8s.io";
const V1: &[&str] = &["v1"];

pub(super) const ROWS: &[Row] = &[
    Row::new(GROUP, V1, "csidrivers", "csidriver", "CSIDriver", Cluster)
        .returned_when_deleted()
        .table(table::CSI_DRIVER)
        .rules(&volume::CsiDriver),
    Row::new(GROUP, V1, "csinodes", "csinode", "CSINode", Cluster)
        .returned_when_deleted()
        .table(table::CSI_NODE)
        .rules(&volume::CsiNode),
    Row::new(GROUP, V1, "csistoragecapacities", "csistoragecapacity", "CSIStorageCapacity", Namespaced)
        .rules(&volume::StorageCapacity),
    Row::new(GROUP, V1, "storageclasses", "storageclass", "StorageClass", Cluster)
        .returned_when_deleted()
        .short(&["sc"])
        .table(table::STORAGE_CLASS)
        .rules(&volume::StorageClass),
    Row::new(GROUP, V1, "volumeattachments", "volumeattachment", "VolumeAttachment", Cluster)
        .returned_when_deleted()
        .subs(&[("status", "", WRITE)])
        .table(table::ATTACHMENT)
        .rules(&volume::Attachment),
];
