//! Which kinds there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use guideway_controllers::{Discovery, GroupResource, Resource, Scope, Verbs};
use kube::Client;

use crate::api::TIMEOUT;

/// Why the kinds are not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoverError {
    /// The API has not told.
    #[error("discovery failed: {0}")]
    Api(#[source] kube::Error),
    /// It took too long.
    #[error("no answer to discovery within {0:?}")]
    Late(Duration),
}

/// Asks the API, in one request for each of its two trees where it can do that.
pub(crate) async fn run(client: &Client) -> Result<Discovery, DiscoverError> {
    let ask = async {
        match kube::Discovery::new(client.clone()).run_aggregated().await {
            Ok(discovery) => Ok(discovery),
            Err(error) => {
                tracing::debug!(%error, "aggregated discovery failed, asking group by group");
                kube::Discovery::new(client.clone()).run().await
            }
        }
    };
    let found = tokio::time::timeout(TIMEOUT, ask).await.map_err(|_| DiscoverError::Late(TIMEOUT))?;
    Ok(convert(&found.map_err(DiscoverError::Api)?))
}

fn convert(found: &kube::Discovery) -> Discovery {
    let mut discovery = Discovery::default();
    let mut resources = BTreeMap::new();
    for group in found.groups() {
        let preferred = group.preferred_version_or_latest();
        let others = group.versions().filter(|version| *version != preferred);
        discovery.groups.push((
            Arc::from(group.name()),
            std::iter::once(preferred).chain(others).map(Arc::from).collect(),
        ));
        let recommended = group.recommended_resources();
        for (resource, abilities) in group.resources_by_stability().into_iter().chain(recommended) {
            let id = GroupResource::new(&resource.group, &resource.plural);
            let resource = Resource {
                id: id.clone(),
                version: resource.version.as_str().into(),
                kind: resource.kind.as_str().into(),
                scope: match abilities.scope {
                    kube::discovery::Scope::Cluster => Scope::Cluster,
                    kube::discovery::Scope::Namespaced => Scope::Namespaced,
                },
                verbs: Verbs::from_names(abilities.operations.iter().map(String::as_str)),
            };
            // The preferred version comes last, and wins.
            resources.insert(id, resource);
        }
    }
    discovery.resources = resources.into_values().collect();
    discovery.groups.sort();
    discovery
}
