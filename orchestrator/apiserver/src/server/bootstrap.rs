//! What every cluster has: namespaces, priorities, roles, and the Service of the API itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Uri};
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use guideway_access::rbac::defaults::{self, DefaultWrite};
use guideway_access::{Identity, MASTERS};
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::{ApiServer, StartError};
use crate::objects::CachedObjects;
use crate::peer::Peer;

/// Objects that are written at the same time.
const AT_ONCE: usize = 12;
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

impl ApiServer {
    /// Writes what is missing. Another server may do the same at the same time.
    pub(super) async fn bootstrap(self: &Arc<Self>) -> Result<(), StartError> {
        let namespaces = NAMESPACES.iter().map(|name| {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.create_missing("/api/v1/namespaces", namespace)
        });
        future::try_join_all(namespaces).await?;
        let priorities = priority_classes()
            .into_iter()
            .map(|class| self.create_missing("/apis/scheduling.k8s.io/v1/priorityclasses", class));
        future::try_join_all(priorities).await?;
        self.default_roles().await?;
        self.own_service().await
    }

    async fn default_roles(self: &Arc<Self>) -> Result<(), StartError> {
        let missing = defaults::missing(&CachedObjects { server: self });
        let writes = missing.into_iter().map(|default| async move {
            let namespace = default.object["metadata"]["namespace"].as_str().unwrap_or_default();
            let base = if namespace.is_empty() {
                format!("/apis/rbac.authorization.k8s.io/v1/{}", default.resource)
            } else {
                format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{}", default.resource)
            };
            match default.write {
                DefaultWrite::Create => self.create_missing(&base, default.object).await,
                DefaultWrite::Replace => {
                    let name = default.object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                    let (code, body) =
                        self.ask(Method::PUT, &format!("{base}/{name}"), Some(&default.object)).await;
                    // Another server was first.
                    if matches!(code, 200 | 201 | 409) {
                        Ok(())
                    } else {
                        Err(refused(&format!("{base}/{name}"), &body))
                    }
                }
            }
        });
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
        self.fresh().await.map_err(|status| refused("the default roles", &status.to_value()))?;
        self.read_roles();
        Ok(())
    }

    /// The Service `default/kubernetes`, whose endpoints are the servers themselves.
    pub(super) async fn own_service(self: &Arc<Self>) -> Result<(), StartError> {
        let Some(advertise) = self.config.advertise else { return Ok(()) };
        let addresses: Vec<String> = self.config.service_networks.iter().filter_map(first_address).collect();
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "type": "ClusterIP",
                "clusterIP": addresses.first(),
                "sessionAffinity": "None",
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": advertise.port()}],
            },
        });
        self.create_missing("/api/v1/namespaces/default/services", service).await?;
        if advertise.ip().is_loopback() {
            // Nobody else reaches it.
            return Ok(());
        }
        self.own_endpoints(advertise).await
    }

    /// This server's address beside those of the others.
    async fn own_endpoints(self: &Arc<Self>, advertise: SocketAddr) -> Result<(), StartError> {
        let name = format!("kubernetes-{}", advertise.ip().to_string().replace(['.', ':'], "-"));
        let family = if advertise.is_ipv4() { "IPv4" } else { "IPv6" };
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": {
                    "kubernetes.io/service-name": "kubernetes",
                    "endpointslice.kubernetes.io/managed-by": "guideway-apiserver",
                },
            },
            "addressType": family,
            "endpoints": [{"addresses": [advertise.ip().to_string()], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": advertise.port(), "protocol": "TCP"}],
        });
        let base = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
        let (code, body) = self.ask(Method::GET, &format!("{base}/{name}"), None).await;
        if code == 200 {
            if body["ports"] == slice["ports"] {
                return Ok(());
            }
            let (code, body) = self.ask(Method::PUT, &format!("{base}/{name}"), Some(&slice)).await;
            return if code == 200 { Ok(()) } else { Err(refused(base, &body)) };
        }
        self.create_missing(base, slice).await
    }

    async fn create_missing(self: &Arc<Self>, base: &str, object: Value) -> Result<(), StartError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if self.ask(Method::GET, &format!("{base}/{name}"), None).await.0 == 200 {
            return Ok(());
        }
        let (code, body) = self.ask(Method::POST, base, Some(&object)).await;
        if matches!(code, 201 | 409) { Ok(()) } else { Err(refused(&format!("{base}/{name}"), &body)) }
    }

    /// A request of the server to itself.
    async fn ask(self: &Arc<Self>, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(|body| Body::from(body.to_string())).unwrap_or_default();
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse::<Uri>().unwrap_or_default();
        request.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json"));
        request.headers_mut().insert(
            axum::http::header::USER_AGENT,
            axum::http::HeaderValue::from_static("guideway-apiserver/bootstrap"),
        );
        let identity = Identity::user("system:apiserver", &[MASTERS]);
        request.extensions_mut().insert(Peer::in_process(Arc::new(identity)));
        let response = self.respond(request).await;
        let code = response.status().as_u16();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn refused(what: &str, body: &Value) -> StartError {
    StartError::Bootstrap {
        what: what.to_owned(),
        why: body["message"].as_str().unwrap_or("no answer").to_owned(),
    }
}

/// The first usable address of a network, which is that of the API.
fn first_address(network: &IpNet) -> Option<String> {
    network.hosts().find(|address| *address != network.network()).map(|address| address.to_string())
}

fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, description: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            "description": description,
        })
    };
    [
        class("system-node-critical", 2_000_001_000, "For pods without which a node does not work."),
        class("system-cluster-critical", 2_000_000_000, "For pods without which the cluster does not work."),
    ]
}
