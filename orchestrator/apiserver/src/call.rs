//! One request to a resource, once it is known who asks and what for.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri};
use guideway_access::Identity;
use guideway_access::admission::{Operation, Request as Admission};
use guideway_access::rbac::Index;
use guideway_api::options::ListOptions;
use guideway_api::path::ResourceRequest;
use guideway_api::{Kind, Qualified, Resource, Status, Version, convert, options};
use guideway_cache::Object;
use guideway_patch::managed::Manager;
use guideway_store::Key;
use jiff::Timestamp;
use serde_json::Value;

use crate::flow::Seat;
use crate::negotiate::Wanted;
use crate::objects::CachedObjects;
use crate::respond::busy;
use crate::server::ApiServer;

/// The state of the cluster around a request.
pub(crate) struct View<'a> {
    index: Arc<Index>,
    objects: CachedObjects<'a>,
}

/// A request with everything that the verbs need.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) server: Arc<ApiServer>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
    pub(crate) path: ResourceRequest,
    pub(crate) resource: Resource,
    pub(crate) wanted: Wanted,
    pub(crate) now: Timestamp,
    /// For headers of the reply.
    pub(crate) warnings: Vec<String>,
    /// Taken by a list that is in memory as a whole.
    pub(crate) whole_list: Option<Arc<Seat>>,
}

impl Call {
    pub(crate) fn kind(&self) -> &Kind {
        self.resource.kind()
    }

    pub(crate) fn version(&self) -> &Version {
        self.resource.version()
    }

    /// The resource, as most errors name it.
    pub(crate) fn named(&self) -> Qualified<'_> {
        self.kind().resource()
    }

    /// Empty without one.
    pub(crate) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// None in the whole cluster.
    pub(crate) fn namespace(&self) -> Option<&str> {
        Some(self.path.namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }

    /// Which objects a list, a watch or the end of a collection is for.
    pub(crate) fn list_options(&self) -> Result<ListOptions, Status> {
        let mut options = ListOptions::parse(self.query(), self.kind(), self.version())?;
        if !self.path.name.is_empty() {
            // What is shown is what rights were looked up for.
            options.field_selector.also_name(&self.path.name);
        }
        Ok(options)
    }

    /// Waits until this client may have a whole list in memory, which it then may until its reply is sent.
    pub(crate) async fn enter_whole_list(&mut self) -> Result<(), Status> {
        if self.whole_list.is_none() {
            let seat = self.server.whole_lists.enter(&self.identity.name).await.map_err(busy)?;
            self.whole_list = Some(Arc::new(seat));
        }
        Ok(())
    }

    pub(crate) fn key(&self, name: &str) -> Key {
        Key::from(self.kind().key(self.namespace(), name))
    }

    /// The seconds of now, as in `creationTimestamp`.
    pub(crate) fn time(&self) -> String {
        self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    pub(crate) fn objects(&self) -> CachedObjects<'_> {
        CachedObjects { server: &self.server }
    }

    /// What admission looks at.
    pub(crate) fn view(&self) -> View<'_> {
        View { index: self.server.rbac.load_full(), objects: self.objects() }
    }

    /// The object that the path names, with every write that was acknowledged before.
    pub(crate) async fn current(&self) -> Result<Arc<Object>, Status> {
        self.server.fresh().await?;
        self.server
            .cache
            .get(&self.key(&self.path.name))
            .ok_or_else(|| Status::not_found(self.named(), &self.path.name))
    }

    /// An object of the store in the version of the request.
    pub(crate) fn shown(&self, object: &Object) -> Value {
        let mut value = object.value();
        convert::from_storage(self.kind(), self.version(), &mut value);
        value
    }

    /// Who writes, for `managedFields`. The name in the options goes before the client's own.
    pub(crate) fn manager(&self, named: Option<&str>) -> Manager {
        let agent = self.headers.get(axum::http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let name = named.unwrap_or_else(|| options::default_manager(agent.unwrap_or_default()));
        let api_version = self.version().api_version();
        let unset = guideway_protobuf::unset(&api_version, &self.kind().kind).unwrap_or_default();
        let subresource = self.path.subresource.clone();
        Manager { subresource, unset, ..Manager::new(name, api_version) }
    }

    /// The request as admission sees it.
    pub(crate) fn admission<'a>(
        &'a self,
        operation: Operation,
        name: &'a str,
        old: Option<&'a Value>,
        view: &'a View<'a>,
        random: &'a str,
    ) -> Admission<'a> {
        Admission {
            operation,
            group: &self.kind().group,
            version: &self.version().name,
            resource: &self.kind().plural,
            subresource: &self.path.subresource,
            kind: &self.kind().kind,
            namespace: &self.path.namespace,
            name,
            identity: &self.identity,
            old,
            index: &view.index,
            objects: &view.objects,
            random,
        }
    }

    /// Another resource in the place of the one that the path names.
    pub(crate) fn about(&self, resource: Resource, name: &str) -> Self {
        let kind = resource.kind();
        let path = ResourceRequest {
            group: kind.group.clone(),
            version: resource.version().name.clone(),
            resource: kind.plural.clone(),
            subresource: String::new(),
            name: name.to_owned(),
            rest: String::new(),
            ..self.path.clone()
        };
        Self {
            server: Arc::clone(&self.server),
            identity: Arc::clone(&self.identity),
            headers: self.headers.clone(),
            uri: self.uri.clone(),
            path,
            resource,
            wanted: self.wanted,
            now: self.now,
            warnings: Vec::new(),
            whole_list: None,
        }
    }
}
