//! What a change costs does not depend on how many Services there are.

use serde_json::json;

use super::world::*;
use crate::Work;

/// `count` Services of five endpoints.
fn many(count: usize) -> World {
    let mut world = World::new();
    world.index.apply(pool("web", &["10.64.0.0/16"]));
    for number in 0..count {
        let name = format!("s{number}");
        let mut service = service(&name);
        service["metadata"]["finalizers"] = json!([crate::FINALIZER]);
        let address = format!("10.64.{}.{}", number / 256, number % 256);
        service["status"]["loadBalancer"]["ingress"] = json!([{"ip": address, "ipMode": "VIP"}]);
        world.put("east", "Service", service);
        world.put("east", "EndpointSlice", slice(&name, "a", &endpoints(number, 5)));
    }
    world
}

fn endpoints(number: usize, count: usize) -> Vec<serde_json::Value> {
    let of = |pod| {
        endpoint(
            &format!("10.{}.{}.{pod}", 100 + number / 256, number % 256),
            &format!("p{number}-{pod}"),
            "n1",
        )
    };
    (1..=count).map(of).collect()
}

fn cost(world: &mut World, change: impl FnOnce(&mut World)) -> Work {
    let before = world.index.work();
    change(world);
    world.index.project();
    let after = world.index.work();
    Work { services: after.services - before.services, items: after.items - before.items }
}

#[test]
fn one_endpoint_among_ten_thousand_services() {
    let mut world = many(10_000);
    let content = world.settle();
    assert_eq!((content.vips().len(), content.sets().len()), (10_000, 10_000));
    let other =
        cost(&mut world, |world| world.put("east", "EndpointSlice", slice("s77", "a", &endpoints(77, 4))));
    assert_eq!(other, Work { services: 1, items: 1 });
    let again =
        cost(&mut world, |world| world.put("east", "EndpointSlice", slice("s77", "a", &endpoints(77, 4))));
    assert_eq!(again, Work { services: 0, items: 0 }, "what was there already");
    let labels = cost(&mut world, |world| {
        let mut service = service("s9000");
        service["metadata"]["labels"] = json!({"a": "b"});
        world.put("east", "Service", service);
    });
    assert_eq!(labels, Work { services: 1, items: 0 });
    let gone = cost(&mut world, |world| world.delete("east", "Service", "shop/s5"));
    assert_eq!(gone, Work { services: 1, items: 2 });
    let heartbeat = cost(&mut world, |world| world.put("east", "Node", node("n1", "10.0.0.1")));
    assert_eq!(heartbeat, Work { services: 0, items: 0 });
}
