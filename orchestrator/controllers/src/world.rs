//! What informers have told, with the indexes that controllers ask by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::object::{Object, ObjectError, ObjectRef};
use crate::resource::{GroupResource, Resource};

/// The label by which slices are found.
const INDEXED: &str = "kubernetes.io/service-name";

/// What the API serves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Discovery {
    /// Each resource once, in its group's preferred version if it is in that.
    pub resources: Vec<Resource>,
    /// All groups with their versions, the preferred one first.
    pub groups: Vec<(Arc<str>, Vec<Arc<str>>)>,
    /// Groups and versions (`example.com/v1`) that did not answer, and why.
    pub failed: Vec<(String, String)>,
}

impl Discovery {
    /// The resource of a kind.
    pub fn kind(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| *resource.id.group == *group && *resource.kind == *kind)
    }

    /// Kinds whose objects can be dependents: all that can be watched and deleted, but Events.
    pub fn collectable(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(|resource| {
            resource.verbs.watch && resource.verbs.delete && *resource.id.plural != *"events"
        })
    }

    /// The resource of this group and plural.
    pub fn resource(&self, id: &GroupResource) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == *id)
    }
}

/// What an informer tells about its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A list begins.
    ListBegins,
    /// An object of the list.
    Listed(Value),
    /// The list is complete: what was not in it is gone.
    ListEnds,
    /// Created or changed.
    Applied(Value),
    /// Deleted; the last state.
    Deleted(Value),
}

/// One object before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it was known; nothing when it is new.
    pub old: Option<Arc<Object>>,
    /// As it is; nothing when it is gone.
    pub new: Option<Arc<Object>>,
}

impl Change {
    /// The later state that there is.
    pub fn object(&self) -> Option<&Arc<Object>> {
        self.new.as_ref().or(self.old.as_ref())
    }

    /// Old and new state, whichever there are.
    pub fn states(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.old.iter().chain(self.new.iter())
    }
}

/// How much of a kind's objects is kept or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// What the fields of [`Object`] hold; its body has nothing but owner references.
    Metadata,
    /// What controllers read.
    Body,
}

type Place = (Arc<str>, Arc<str>);

#[derive(Debug)]
struct Kind {
    resource: Resource,
    detail: Detail,
    synced: bool,
    seen: u64,
    objects: BTreeMap<Place, Arc<Object>>,
    listing: Option<BTreeMap<Place, Arc<Object>>>,
    labelled: HashMap<Place, BTreeSet<Arc<str>>>,
}

/// The state of a cluster as informers have told it.
#[derive(Debug, Default)]
pub struct World {
    kinds: BTreeMap<GroupResource, Kind>,
    dependents: HashMap<Arc<str>, BTreeSet<ObjectRef>>,
    owners_seen: HashMap<Arc<str>, ObjectRef>,
    discovery: Discovery,
}

impl World {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the API serves, as last heard.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The API serves this now.
    pub fn discovered(&mut self, discovery: Discovery) {
        self.discovery = discovery;
    }

    /// An informer for this kind begins.
    pub fn watch(&mut self, resource: &Resource, detail: Detail) {
        self.kinds.entry(resource.id.clone()).or_insert_with(|| Kind {
            resource: resource.clone(),
            detail,
            synced: false,
            seen: 0,
            objects: BTreeMap::new(),
            listing: None,
            labelled: HashMap::new(),
        });
    }

    /// The kind is not served any more: its objects are gone.
    pub fn forget(&mut self, resource: &GroupResource) -> Vec<Change> {
        let Some(kind) = self.kinds.remove(resource) else { return Vec::new() };
        kind.objects
            .into_values()
            .map(|object| {
                self.unindex(&object);
                Change { old: Some(object), new: None }
            })
            .collect()
    }

    /// Takes in what an informer tells. Kinds that are not watched are not kept.
    ///
    /// # Errors
    ///
    /// What was told is not an object; nothing has changed then.
    pub fn see(&mut self, resource: &GroupResource, seen: Seen) -> Result<Vec<Change>, ObjectError> {
        let Some(kind) = self.kinds.get_mut(resource) else { return Ok(Vec::new()) };
        let parse = |kind: &Kind, body| {
            let body = match kind.detail {
                Detail::Metadata => body,
                Detail::Body => crate::keep::keep(resource, body),
            };
            let mut object = Object::new(&kind.resource, body)?;
            if kind.detail == Detail::Metadata {
                object.body = crate::keep::owner_references(&mut object.body);
            }
            Ok(Arc::new(object))
        };
        Ok(match seen {
            Seen::ListBegins => {
                kind.listing = Some(BTreeMap::new());
                Vec::new()
            }
            Seen::Listed(body) => {
                let object = parse(kind, body)?;
                if let Some(listing) = &mut kind.listing {
                    listing.insert(place(&object), object);
                }
                Vec::new()
            }
            Seen::ListEnds => {
                let listed = kind.listing.take().unwrap_or_default();
                kind.synced = true;
                let gone: Vec<Place> =
                    kind.objects.keys().filter(|place| !listed.contains_key(*place)).cloned().collect();
                let gone: Vec<_> = gone.iter().filter_map(|place| self.remove(resource, place)).collect();
                gone.into_iter()
                    .chain(listed.into_values().filter_map(|object| self.insert(object)))
                    .collect()
            }
            Seen::Applied(body) => {
                let object = parse(kind, body)?;
                self.insert(object).into_iter().collect()
            }
            Seen::Deleted(body) => {
                let object = parse(kind, body)?;
                kind.seen = kind.seen.max(object.revision);
                self.remove(resource, &place(&object)).into_iter().collect()
            }
        })
    }

    /// Whether the kind has been listed.
    pub fn synced(&self, resource: &GroupResource) -> bool {
        self.kinds.get(resource).is_some_and(|kind| kind.synced)
    }

    /// Whether every kind that could have dependents of something has been listed.
    pub fn complete(&self) -> bool {
        !self.discovery.resources.is_empty()
            && self.discovery.failed.is_empty()
            && self.discovery.collectable().all(|resource| self.synced(&resource.id))
    }

    /// Whether the kind has an informer.
    pub fn watches(&self, resource: &GroupResource) -> bool {
        self.kinds.contains_key(resource)
    }

    /// A kind, as it is watched or discovered.
    pub fn resource(&self, id: &GroupResource) -> Option<&Resource> {
        self.kinds.get(id).map(|kind| &kind.resource).or_else(|| self.discovery.resource(id))
    }

    /// The highest revision that the kind's informer has shown.
    pub fn revision(&self, resource: &GroupResource) -> u64 {
        self.kinds.get(resource).map_or(0, |kind| kind.seen)
    }

    /// The object at a place.
    pub fn object(&self, reference: &ObjectRef) -> Option<&Arc<Object>> {
        self.kinds
            .get(&reference.resource)?
            .objects
            .get(&(reference.namespace.clone(), reference.name.clone()))
    }

    /// An object by kind, namespace (`""`: none) and name.
    pub fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.kinds.get(resource)?.objects.get(&(namespace.into(), name.into()))
    }

    /// All objects of a kind, by namespace and name.
    pub fn all<'a>(&'a self, resource: &GroupResource) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        self.kinds.get(resource).into_iter().flat_map(|kind| kind.objects.values())
    }

    /// All objects of all kinds.
    pub fn everything(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.kinds.values().flat_map(|kind| kind.objects.values())
    }

    /// The objects of a kind in a namespace, by name.
    pub fn within<'a>(
        &'a self,
        resource: &GroupResource,
        namespace: &str,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let namespace: Arc<str> = namespace.into();
        let from = (namespace.clone(), Arc::from(""));
        self.kinds
            .get(resource)
            .into_iter()
            .flat_map(move |kind| kind.objects.range(from.clone()..))
            .take_while(move |((place, _), _)| *place == namespace)
            .map(|(_, object)| object)
    }

    /// The objects of a kind in a namespace whose label `kubernetes.io/service-name` is `service`, by name.
    pub fn of_service(&self, resource: &GroupResource, namespace: &str, service: &str) -> Vec<&Arc<Object>> {
        let namespace: Arc<str> = namespace.into();
        let Some(kind) = self.kinds.get(resource) else { return Vec::new() };
        let names = kind.labelled.get(&(namespace.clone(), service.into()));
        names
            .into_iter()
            .flatten()
            .filter_map(|name| kind.objects.get(&(namespace.clone(), name.clone())))
            .collect()
    }

    /// What names `uid` as an owner.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.dependents.get(uid).into_iter().flatten().filter_map(|reference| self.object(reference))
    }

    /// The object of this uid.
    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Object>> {
        self.owners_seen.get(uid).and_then(|reference| self.object(reference))
    }

    fn insert(&mut self, object: Arc<Object>) -> Option<Change> {
        let kind = self.kinds.get_mut(&object.resource)?;
        kind.seen = kind.seen.max(object.revision);
        let old = kind.objects.get(&place(&object)).cloned();
        if old.as_ref().is_some_and(|old| **old == *object) {
            return None;
        }
        kind.objects.insert(place(&object), object.clone());
        if let Some(old) = &old {
            self.unindex(old);
        }
        self.index(&object);
        Some(Change { old, new: Some(object) })
    }

    fn remove(&mut self, resource: &GroupResource, place: &Place) -> Option<Change> {
        let old = self.kinds.get_mut(resource)?.objects.remove(place)?;
        self.unindex(&old);
        Some(Change { old: Some(old), new: None })
    }

    fn index(&mut self, object: &Arc<Object>) {
        self.owners_seen.insert(object.uid.clone(), object.reference());
        for owner in &object.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(object.reference());
        }
        if let (Some(service), Some(kind)) = (object.label(INDEXED), self.kinds.get_mut(&object.resource)) {
            kind.labelled
                .entry((object.namespace.clone(), service.into()))
                .or_default()
                .insert(object.name.clone());
        }
    }

    fn unindex(&mut self, object: &Arc<Object>) {
        self.owners_seen.remove(&object.uid);
        for owner in &object.owners {
            if let Some(set) = self.dependents.get_mut(&owner.uid) {
                set.remove(&object.reference());
                if set.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        if let (Some(service), Some(kind)) = (object.label(INDEXED), self.kinds.get_mut(&object.resource)) {
            let key = (object.namespace.clone(), service.into());
            if let Some(set) = kind.labelled.get_mut(&key) {
                set.remove(&object.name);
                if set.is_empty() {
                    kind.labelled.remove(&key);
                }
            }
        }
    }
}

fn place(object: &Object) -> Place {
    (object.namespace.clone(), object.name.clone())
}
