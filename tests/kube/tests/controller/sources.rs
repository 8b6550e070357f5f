//! Where Services come from: clusters that are away, and a file.

use serde_json::json;

use crate::site::{Controllers, Site, pool, service, slice, until};
use crate::{address, addresses};

#[test]
fn a_cluster_that_cannot_be_reached_stays_as_it_was() {
    let (home, mut west) = (Site::home(), Site::new("west"));
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.also = vec![("west".to_owned(), west.server.kubeconfig())];
    controllers.start();
    west.apply(&service("web", json!({})));
    west.apply(&slice("web", "10.0.0.3"));
    let web = address(&west, "web");
    let vip = "west/default/web/http/v4".to_owned();
    let announced = |controllers: &Controllers| {
        until("the forwarder announces the VIP", || {
            Some(()).filter(|()| controllers.fleet.seen().vips(0).contains(&vip))
        });
    };
    announced(&controllers);
    until("the Forwarder is told that it is understood", || {
        let forwarder = home.get_in("guideway", "forwarders.guideway.dev", "lb-00")?;
        let conditions = forwarder["status"]["conditions"].as_array()?.clone();
        conditions.iter().find(|one| one["type"] == "Valid" && one["status"] == "True").map(|_| ())
    });
    // The kubeconfig of the dead cluster is kept: its server writes it again.
    let kubeconfig = std::fs::read(west.server.kubeconfig()).unwrap();
    west.server.kill();
    until("the cluster is stale", || {
        controllers
            .metric(0, "guideway_controller_cluster_reachable{cluster=\"west\"}")
            .filter(|v| v == "0")?;
        Some(())
    });
    // What goes on in others reaches forwarders all the same.
    home.apply(&service("web", json!({})));
    home.apply(&slice("web", "10.0.0.1"));
    until("the forwarder announces the other VIP", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).contains("east/default/web/http/v4"))
    });
    assert!(controllers.fleet.seen().vips(0).contains(&vip));
    // A controller that starts while the cluster is away keeps what forwarders serve of it, and gives nobody an address that
    // the cluster might have given.
    std::fs::write(west.server.kubeconfig(), kubeconfig).unwrap();
    controllers.kill(0);
    controllers.start();
    home.apply(&service("waits", json!({})));
    until("the new controller leads and says what it waits for", || {
        let waits = home.get("service", "waits")?;
        let conditions = waits["status"]["conditions"].as_array()?.clone();
        conditions.iter().find(|one| one["type"] == "guideway.dev/Addresses" && one["status"] == "False")?;
        Some(())
    });
    assert_eq!(addresses(&home.get("service", "waits").unwrap()), [""; 0]);
    announced(&controllers);
    west.server.spawn().unwrap();
    let waits = address(&home, "waits");
    assert_eq!(address(&west, "web"), web);
    assert_ne!(waits, web);
    assert_ne!(waits, address(&home, "web"));
    announced(&controllers);
}

#[test]
fn services_of_a_file_need_no_kubernetes() {
    let folder = tempfile::Builder::new().prefix("guideway-kube-").tempdir().unwrap();
    let services = folder.path().join("services.yaml");
    let text = include_str!("../../../../deploy/examples/lb-controller-services.yaml");
    let text = text.replace("name: forwarder-1", "name: lb-00");
    std::fs::write(&services, &text).unwrap();
    let mut controllers = Controllers::without_kubernetes(folder.path(), &services);
    controllers.start();
    let announced = |controllers: &Controllers, count: usize| {
        until("the forwarder announces the VIPs", || {
            Some(()).filter(|()| controllers.fleet.seen().vips(0).len() == count)
        });
        controllers.fleet.seen().vips(0)
    };
    let before = announced(&controllers, 4);
    assert!(before.contains("static/shop/web/https/v6"), "{before:?}");
    // Read again, changed; and what is wrong changes nothing.
    std::fs::write(&services, text.replace("443", "0")).unwrap();
    controllers.reload(0);
    std::fs::write(&services, text.replace("  - {name: https, port: 443, target: 8443}\n", "")).unwrap();
    controllers.reload(0);
    announced(&controllers, 2);
    controllers.kill(0);
    std::fs::write(&services, &text).unwrap();
    controllers.start();
    assert_eq!(announced(&controllers, 4), before);
}
