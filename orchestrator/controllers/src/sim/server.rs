//! The API server, as far as controllers can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::conditions::time;
use crate::gc::{FOREGROUND, ORPHAN};
use crate::{
    Action, Answer, Discovery, GroupResource, ObjectRef, Propagation, Question, Resource, Scope, Seen, kinds,
};

/// Objects, and every event that there was.
pub(crate) struct Server {
    pub(crate) revision: u64,
    pub(crate) now: Timestamp,
    uids: u64,
    resources: Vec<Resource>,
    objects: BTreeMap<ObjectRef, Value>,
    events: BTreeMap<GroupResource, Vec<Seen>>,
}

/// An HTTP code.
type Code = u16;

impl Server {
    pub(crate) fn new(resources: Vec<Resource>) -> Self {
        Self {
            revision: 0,
            now: Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000),
            uids: 0,
            resources,
            objects: BTreeMap::new(),
            events: BTreeMap::new(),
        }
    }

    pub(crate) fn discovery(&self) -> Discovery {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for resource in &self.resources {
            let versions = groups.entry(resource.id.group.clone()).or_default();
            if !versions.contains(&resource.version) {
                versions.push(resource.version.clone());
            }
        }
        Discovery {
            resources: self.resources.clone(),
            groups: groups.into_iter().collect(),
            failed: Vec::new(),
        }
    }

    pub(crate) fn events(&self, resource: &GroupResource) -> &[Seen] {
        self.events.get(resource).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn get(&self, reference: &ObjectRef) -> Option<&Value> {
        self.objects.get(reference)
    }

    pub(crate) fn list(&self, resource: &GroupResource, namespace: &str) -> Vec<Value> {
        let all = self.objects.iter().filter(|(place, _)| place.resource == *resource);
        all.filter(|(place, _)| namespace.is_empty() || *place.namespace == *namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn put(&mut self, place: ObjectRef, mut object: Value) -> Value {
        if self.objects.get(&place).is_some_and(|old| *old == object) {
            return object;
        }
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let finalizers = |path: &Value| path.as_array().is_some_and(|list| !list.is_empty());
        let goes = !object["metadata"]["deletionTimestamp"].is_null()
            && !finalizers(&object["metadata"]["finalizers"])
            && !finalizers(&object["spec"]["finalizers"]);
        let events = self.events.entry(place.resource.clone()).or_default();
        if goes {
            events.push(Seen::Deleted(object.clone()));
            self.objects.remove(&place);
        } else {
            events.push(Seen::Applied(object.clone()));
            self.objects.insert(place, object.clone());
        }
        object
    }

    pub(crate) fn create(&mut self, resource: &Resource, mut object: Value) -> Result<Value, Code> {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        if resource.scope == Scope::Namespaced {
            match self.get(&ObjectRef::new(&kinds::namespaces().id, "", &namespace)) {
                None => return Err(404),
                Some(namespace) if !namespace["metadata"]["deletionTimestamp"].is_null() => return Err(403),
                Some(_) => {}
            }
        }
        let place = ObjectRef::new(&resource.id, &namespace, &name);
        if self.objects.contains_key(&place) {
            return Err(409);
        }
        self.uids += 1;
        object["metadata"]["uid"] = format!("uid-{}", self.uids).into();
        object["metadata"]["creationTimestamp"] = time(self.now).into();
        if resource.id == kinds::namespaces().id {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
        }
        Ok(self.put(place, object))
    }

    pub(crate) fn patch(&mut self, target: &ObjectRef, patch: &Value) -> Result<(), Code> {
        let object = self.objects.get(target).ok_or(404u16)?;
        for field in ["uid", "resourceVersion"] {
            let wanted = &patch["metadata"][field];
            if !wanted.is_null() && *wanted != object["metadata"][field] {
                return Err(409);
            }
        }
        let mut object = object.clone();
        merge(&mut object, patch);
        self.put(target.clone(), object);
        Ok(())
    }

    pub(crate) fn delete(&mut self, target: &ObjectRef, propagation: Propagation) -> Result<(), Code> {
        let mut object = self.objects.get(target).ok_or(404u16)?.clone();
        let added = match propagation {
            Propagation::Background => None,
            Propagation::Foreground => Some(FOREGROUND),
            Propagation::Orphan => Some(ORPHAN),
        };
        let meta = object["metadata"].as_object_mut().unwrap();
        if meta.get("deletionTimestamp").is_none() {
            let list = meta.entry("finalizers").or_insert_with(|| json!([])).as_array_mut().unwrap();
            if let Some(added) = added
                && !list.iter().any(|finalizer| finalizer == added)
            {
                list.push(added.into());
            }
            meta.insert("deletionTimestamp".to_owned(), time(self.now).into());
        }
        self.put(target.clone(), object);
        Ok(())
    }

    pub(crate) fn act(&mut self, action: &Action) -> Result<(), Code> {
        let result = match action {
            Action::Create { resource, object } => self.create(resource, object.clone()).map(|_| ()),
            Action::Patch { target, patch, .. } => self.patch(target, patch),
            Action::Delete { target, uid, revision, propagation } => {
                let meta = &self.objects.get(target).map_or(Value::Null, |object| object["metadata"].clone());
                let current = meta["resourceVersion"].as_str().map(|revision| revision.parse().unwrap());
                if !meta.is_null()
                    && (meta["uid"] != **uid || revision.is_some_and(|wanted| Some(wanted) != current))
                {
                    Err(409)
                } else {
                    self.delete(target, *propagation)
                }
            }
            Action::DeleteCollection { resource, namespace } => {
                assert!(
                    !namespace.is_empty() || resource.scope == Scope::Cluster,
                    "of all namespaces at once"
                );
                let all: Vec<ObjectRef> = self
                    .objects
                    .keys()
                    .filter(|place| place.resource == resource.id && place.namespace == *namespace)
                    .cloned()
                    .collect();
                all.iter().try_for_each(|place| self.delete(place, Propagation::Background))
            }
            Action::Finalize { namespace } => {
                let place = ObjectRef::new(
                    &kinds::namespaces().id,
                    "",
                    namespace["metadata"]["name"].as_str().unwrap(),
                );
                self.patch(
                    &place,
                    &json!({
                        "metadata": { "uid": namespace["metadata"]["uid"] },
                        "spec": { "finalizers": namespace["spec"]["finalizers"] },
                    }),
                )
            }
            Action::FillTokenSecret { secret, account } => {
                self.patch(&secret.reference(), &crate::token::filled(secret, account, "token", "ca"))
            }
            Action::Event(_) => Ok(()),
        };
        match result {
            // Gone already, or nothing can be made there: as in the runner, no reason to try again.
            Err(404 | 403) => Ok(()),
            result => result,
        }
    }

    pub(crate) fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Get(place) => match self.get(place) {
                Some(object) => Answer::Object(object.clone()),
                None => Answer::Absent,
            },
            Question::List(resource, ..) if !self.resources.iter().any(|served| served.id == resource.id) => {
                Answer::Absent
            }
            Question::List(resource, namespace, _) => Answer::List(self.list(&resource.id, namespace)),
            Question::Discover => Answer::Discovery(self.discovery()),
        }
    }

    /// What the garbage collector deletes has no living owner.
    pub(crate) fn assert_ownerless(&self, target: &ObjectRef, uid: &str, revision: Option<u64>) {
        let Some(object) = self.get(target) else { return };
        let revision = revision.map(|revision| revision.to_string());
        let meta = &object["metadata"];
        if meta["uid"] != uid || revision.is_some_and(|revision| meta["resourceVersion"] != revision) {
            return;
        }
        for owner in meta["ownerReferences"].as_array().into_iter().flatten() {
            let kind = self.resources.iter().find(|resource| owner["kind"] == *resource.kind).unwrap();
            let namespace = if kind.scope == Scope::Cluster { "" } else { &target.namespace };
            let place = ObjectRef::new(&kind.id, namespace, owner["name"].as_str().unwrap());
            if let Some(found) = self.get(&place).filter(|found| found["metadata"]["uid"] == owner["uid"]) {
                let waits = found["metadata"]["finalizers"]
                    .as_array()
                    .is_some_and(|list| list.iter().any(|finalizer| finalizer == FOREGROUND));
                assert!(
                    waits && !found["metadata"]["deletionTimestamp"].is_null(),
                    "{target} is deleted, though {place} lives"
                );
            }
        }
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Map::new().into();
    }
    let target = target.as_object_mut().unwrap();
    for (field, value) in patch {
        if value.is_null() {
            target.remove(field);
        } else {
            merge(target.entry(field).or_insert(Value::Null), value);
        }
    }
}
