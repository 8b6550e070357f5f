//! Objects of a workload cluster, whatever they hold, give a content that forwarders take. A line is one object: `S`, `E` or
//! `N` for a Service, an EndpointSlice or a Node, and its JSON.
#![no_main]

use guideway_controller_crds::guideway::{Cluster, ClusterAccess, EndpointMode};
use guideway_controller_index::{Change, ClusterName, Defaults, Index, IndexConfig};
use guideway_dataplane_config::Seed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(name) = ClusterName::new("east") else { return };
    let mut index = Index::new(IndexConfig { seed: Seed::new([7; 16]), defaults: Defaults::default() });
    let cluster = Cluster {
        access: ClusterAccess::Home,
        load_balancer_class: None,
        default_class: true,
        namespaces: Default::default(),
        endpoints: EndpointMode::Pod,
        shard: None,
        backend_policy: None,
    };
    index.apply(Change::Cluster(name.clone(), Box::new(cluster)));
    index.apply(Change::Synced(name.clone()));
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((kind, json)) = line.split_first() else { continue };
        let change = match kind {
            b'S' => serde_json::from_slice(json).map(|object| Change::Service(name.clone(), object)),
            b'E' => serde_json::from_slice(json).map(|object| Change::Slice(name.clone(), object)),
            b'N' => serde_json::from_slice(json).map(|object| Change::Node(name.clone(), object)),
            _ => continue,
        };
        let Ok(change) = change else { continue };
        index.apply(change);
        let projection = index.project();
        assert_eq!(projection.content.check(), Ok(()));
        for event in projection.services.iter().flat_map(|service| &service.events) {
            assert!(event.message.len() < 1100, "an Event has a limit");
        }
        index.settled(&projection.content);
    }
});
