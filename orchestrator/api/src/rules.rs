//! What is special about a kind.
//!
//! Objects are of the version that the client writes, which for autoscalers and events need not be the stored one. The
//! pipeline calls [`Rules`] in this order. Create: [`default`](Rules::default),
//! [`prepare_create`](Rules::prepare_create), [`validate`](Rules::validate), [`claims`](Rules::claims). Update:
//! `default`, [`prepare_update`](Rules::prepare_update), [`validate_update`](Rules::validate_update), `claims` of both.
//! Update of `status`: [`prepare_status`](Rules::prepare_status), [`validate_status`](Rules::validate_status). The
//! metadata is checked by [`meta`](crate::meta) for every kind.

use serde_json::Value;

use crate::Cause;
use crate::json::Fill;

/// A value that only one object may have. The server stores it beside the object, in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// As in `clusterips`, `nodeports`.
    pub what: &'static str,
    /// As in `10.96.0.10`, `30080-TCP`.
    pub value: String,
    /// Path of the field that has it, for the error if it is taken.
    pub field: String,
}

impl Claim {
    /// Key of the claim in the store.
    pub fn key(&self) -> String {
        format!("/registry/claims/{}/{}", self.what, self.value)
    }
}

/// Family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A value that an object needs and the server chooses, from what no [`Claim`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// A ClusterIP for `spec.clusterIPs[index]`; index 0 is `spec.clusterIP` too.
    ClusterIp {
        /// Place in `spec.clusterIPs`.
        index: usize,
        /// Which range.
        family: Family,
    },
    /// A port of all nodes for `spec.ports[index].nodePort`.
    NodePort {
        /// Place in `spec.ports`.
        index: usize,
        /// The claim is for the port with this protocol.
        protocol: String,
    },
    /// A port for `spec.healthCheckNodePort`.
    HealthCheckNodePort,
}

/// What is special about a kind. The defaults do what most kinds do.
pub trait Rules: Sync {
    /// Sets what the client left out. Idempotent; also called for objects that a patch gives. `version` is that of the
    /// object.
    fn default(&self, version: &str, object: &mut Value) {
        let _ = (version, object);
    }

    /// Objects have a `status` that only the status subresource changes.
    fn has_status(&self) -> bool {
        true
    }

    /// Makes a new object of what a client sent: with an empty status, and with a first generation if there is one.
    fn prepare_create(&self, object: &mut Value) {
        ordinary::prepare_create(self.has_status(), self.has_generation(), object);
    }

    /// Makes the next state of an object of what a client sent: with the old status, and the next generation if
    /// anything but the metadata differs.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        ordinary::prepare_update(self.has_status(), self.has_generation(), new, old);
    }

    /// Makes the next state of an object of what a client sent to `status`: the status is new, and the metadata but for
    /// [`status_keeps`](Rules::status_keeps).
    fn prepare_status(&self, new: &mut Value, old: &Value) {
        ordinary::prepare_status(self.status_keeps(), new, old);
    }

    /// Sets the times that the server knows and the client left out, in the next state of an object. `now` is as in
    /// `metadata.creationTimestamp`.
    fn stamp(&self, new: &mut Value, old: &Value, now: &str) {
        let _ = (new, old, now);
    }

    /// Fields of the metadata that a write to `status` leaves as they are. Agents of nodes label their nodes and
    /// annotate their pods there.
    fn status_keeps(&self) -> &'static [&'static str] {
        &[]
    }

    /// `metadata.generation` counts the changes of the spec.
    fn has_generation(&self) -> bool {
        self.has_status()
    }

    /// What is wrong with a new object.
    fn validate(&self, object: &Value) -> Vec<Cause> {
        let _ = object;
        Vec::new()
    }

    /// What is wrong with an object's next state: what is wrong with it as such, and what may not change.
    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let _ = old;
        self.validate(new)
    }

    /// What is wrong with an object's next status.
    fn validate_status(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let _ = (new, old);
        Vec::new()
    }

    /// What is wrong with the next state of an object of which a part was written through a path of its own
    /// (`approval`, `ephemeralcontainers`, `finalize`, `resize`). What the part cannot change is as it was.
    fn validate_part(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let _ = (new, old);
        Vec::new()
    }

    /// What its name must look like.
    fn name_rule(&self) -> crate::meta::NameRule {
        crate::meta::NameRule::Subdomain
    }

    /// A PUT or PATCH of an object that is not there creates it.
    fn creates_on_update(&self) -> bool {
        false
    }

    /// A PUT needs no resourceVersion.
    fn updates_unconditionally(&self) -> bool {
        true
    }

    /// Sets the families of addresses that it is to have, of those that the cluster has, the main one first.
    fn choose_families(&self, object: &mut Value, served: &[Family]) {
        let _ = (object, served);
    }

    /// Values that the object alone may have.
    fn claims(&self, object: &Value) -> Vec<Claim> {
        let _ = object;
        Vec::new()
    }

    /// Values that the object needs and the server chooses. `old` is the state before an update.
    fn allocations(&self, object: &Value, old: Option<&Value>) -> Vec<Allocation> {
        let _ = (object, old);
        Vec::new()
    }

    /// Seconds that a deletion leaves to the object, if it does not go at once: what the client asks for, or the
    /// kind's own time.
    fn grace_seconds(&self, object: &Value, asked: Option<i64>) -> Option<i64> {
        let _ = (object, asked);
        None
    }

    /// A finalizer that an object has from its deletion on, if it had none of the name before: who takes it away cleans up
    /// first.
    fn deletion_finalizer(&self) -> Option<&'static str> {
        None
    }

    /// What clients are warned of when they write the object.
    fn warnings(&self, object: &Value) -> Vec<String> {
        let _ = object;
        Vec::new()
    }
}

/// Kinds without anything special.
pub struct Ordinary;

impl Rules for Ordinary {
    fn has_status(&self) -> bool {
        false
    }
}

/// Custom resources. Their schema does the defaulting and validation.
pub(crate) struct Custom {
    has_status: bool,
}

/// Custom resources whose status is a part of its own.
pub(crate) static CUSTOM_WITH_STATUS: Custom = Custom { has_status: true };
/// Custom resources without.
pub(crate) static CUSTOM: Custom = Custom { has_status: false };

impl Rules for Custom {
    fn has_status(&self) -> bool {
        self.has_status
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, object: &mut Value) {
        ordinary::prepare_create(self.has_status, true, object);
        // Nobody knows what an empty status would look like.
        if self.has_status {
            object.unset("status");
        }
    }

    fn updates_unconditionally(&self) -> bool {
        false
    }

    fn status_keeps(&self) -> &'static [&'static str] {
        &KEPT_METADATA
    }
}

/// Where a write to `status` writes the status alone.
const KEPT_METADATA: [&str; 4] = ["labels", "annotations", "ownerReferences", "finalizers"];

pub(crate) mod apps;
pub(crate) mod autoscaling;
pub(crate) mod batch;
pub(crate) mod certificate;
pub(crate) mod core;
pub(crate) mod event;
pub(crate) mod extension;
mod field;
pub(crate) mod networking;
pub(crate) mod node;
mod ordinary;
pub(crate) mod pod;
pub(crate) mod policy;
pub(crate) mod rbac;
pub(crate) mod service;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod volume;
