//! Workloads: apps, autoscaling, batch.

use super::{Row, SCALE, WRITE};
use crate::kind::Scope::Namespaced;
use crate::rules::{apps, autoscaling, batch};
use crate::table::{apps as table, batch as batch_table};

const V1: &[&str] = &["v1"];

pub(super) const ROWS: &[Row] = &[
    Row::new("apps", V1, "controllerrevisions", "controllerrevision", "ControllerRevision", Namespaced)
        .table(table::CONTROLLER_REVISION)
        .rules(&apps::ControllerRevision),
    Row::new("apps", V1, "daemonsets", "daemonset", "DaemonSet", Namespaced)
        .short(&["ds"])
        .category(&["all"])
        .subs(&[("status", "", WRITE)])
        .table(table::DAEMON_SET)
        .rules(&apps::DaemonSet),
    Row::new("apps", V1, "deployments", "deployment", "Deployment", Namespaced)
        .short(&["deploy"])
        .category(&["all"])
        .subs(&[("scale", SCALE, WRITE), ("status", "", WRITE)])
        .table(table::DEPLOYMENT)
        .rules(&apps::Deployment),
    Row::new("apps", V1, "replicasets", "replicaset", "ReplicaSet", Namespaced)
        .short(&["rs"])
        .category(&["all"])
        .subs(&[("scale", SCALE, WRITE), ("status", "", WRITE)])
        .fields(&[("status.replicas", "", "0")])
        .table(table::REPLICA_SET)
        .rules(&apps::ReplicaSet),
    Row::new("apps", V1, "statefulsets", "statefulset", "StatefulSet", Namespaced)
        .short(&["sts"])
        .category(&["all"])
        .subs(&[("scale", SCALE, WRITE), ("status", "", WRITE)])
        .table(table::STATEFUL_SET)
        .rules(&apps::StatefulSet),
    Row::new(
        "autoscaling",
        &["v2", "v1"],
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        "HorizontalPodAutoscaler",
        Namespaced,
    )
    .short(&["hpa"])
    .category(&["all"])
    .subs(&[("status", "", WRITE)])
    .table(crate::table::autoscaling::AUTOSCALER)
    .rules(&autoscaling::Autoscaler),
    Row::new("batch", V1, "cronjobs", "cronjob", "CronJob", Namespaced)
        .short(&["cj"])
        .category(&["all"])
        .subs(&[("status", "", WRITE)])
        .table(batch_table::CRON_JOB)
        .rules(&batch::CronJob),
    Row::new("batch", V1, "jobs", "job", "Job", Namespaced)
        .category(&["all"])
        .subs(&[("status", "", WRITE)])
        .fields(&[("status.successful", "status.succeeded", "0")])
        .table(batch_table::JOB)
        .rules(&batch::Job),
];
