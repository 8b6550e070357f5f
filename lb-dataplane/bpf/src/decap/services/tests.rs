use super::*;

fn vip() -> IpAddr {
    "203.0.113.10".parse().unwrap()
}

fn translated(port: ServicePort, target: &str) -> (ServiceKey, Service) {
    (ServiceKey { vip: vip(), port }, Service::Translate(target.parse().unwrap()))
}

fn services() -> Services {
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    let outer: IpAddr = "10.244.1.7".parse().unwrap();
    Services {
        services: [
            translated(ServicePort::Port(Transport::Tcp, 80), "10.244.1.7:8080"),
            translated(ServicePort::PortBy(Transport::Udp, 53, outer), "10.244.1.7:5353"),
            (
                ServiceKey { vip: vip(), port: ServicePort::PortBy(Transport::Tcp, 80, outer) },
                Service::Drain("10.244.1.7:8081".parse().unwrap()),
            ),
            (ServiceKey { vip: v6, port: ServicePort::Any }, Service::AsIs),
        ]
        .into(),
        vips: [(vip(), VipAddress::Foreign), (v6, VipAddress::Added)].into(),
    }
}

#[test]
fn the_map_gives_back_what_was_written_and_refuses_the_other_ports() {
    let wanted = services();
    let elements = wanted.elements();
    let found = Services::from_elements(elements.values().copied());
    assert_eq!(found.vips, wanted.vips);
    let mut expected = wanted.services.clone();
    expected.insert(ServiceKey { vip: vip(), port: ServicePort::Any }, Service::Refuse);
    assert_eq!(found.services, expected);
    let whole = elements[&bytes_of(&raw_key(&ServiceKey { vip: vip(), port: ServicePort::Any }))].1;
    assert_eq!(whole.specific, decap_specific::PORT | decap_specific::OUTER);
    assert_eq!(wanted.on_loopback().count(), 1);
    assert!(wanted.translate());
}

#[test]
fn a_vips_own_key_is_written_last_and_deleted_first() {
    let (none, all) = (Elements::new(), services().elements());
    let steps = Steps::between(&none, &all);
    assert_eq!((steps.write.len(), steps.delete.len()), (5, 0));
    assert!(steps.write[..3].iter().all(|(key, _)| key.port_be != 0));
    let steps = Steps::between(&all, &none);
    assert_eq!((steps.write.len(), steps.delete.len()), (0, 5));
    assert!(steps.delete[..2].iter().all(|key| key.port_be == 0));
    assert_eq!(Steps::between(&all, &all), Steps::default());
}

#[test]
fn addresses_of_both_families_share_the_map() {
    assert_eq!(mapped(vip()), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 203, 0, 113, 10]);
    assert_eq!(mapped("2001:db8::1".parse().unwrap())[..4], [0x20, 0x01, 0x0d, 0xb8]);
}
