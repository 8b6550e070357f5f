//! The pins of the decap programs, on the real kernel.
#![allow(clippy::unwrap_used)]

mod needs_root {
    use std::net::IpAddr;

    use guideway_bpf::{Decap, Global, OpenError, Origin, Services, VipAddress, XdpMode};
    use guideway_decap_tests::place::{Pins, own_netns, run};

    #[test]
    fn pins_keep_services_settings_and_links_and_belong_to_one_process() {
        own_netns().unwrap();
        let pins = Pins::new().unwrap();
        let root = pins.path();
        let [v4, v6]: [IpAddr; 2] = ["203.0.113.10", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(Decap::status(root).unwrap(), None);
        let decap = Decap::open(root).unwrap();
        assert_eq!(decap.origin(), Origin::Fresh);
        assert_eq!(decap.global().unwrap(), Global::default());
        decap.attach("lo", XdpMode::Generic).unwrap();
        let services = Services::as_they_are([(v4, VipAddress::Added)].into());
        decap.set_services(&services).unwrap();
        let global = Global { gue_port: 7000, source_v4: Some([10, 0, 0, 1].into()), source_v6: None };
        decap.set_global(&global).unwrap();
        decap.remember_setting("net/ipv4/conf/lo/rp_filter", "1").unwrap();
        decap.remember_setting("net/ipv4/conf/lo/rp_filter", "2").unwrap();
        drop(decap);

        let decap = Decap::open(root).unwrap();
        assert_eq!(decap.origin(), Origin::Reused);
        assert_eq!(decap.services().unwrap(), services);
        assert_eq!(decap.global().unwrap(), global);
        assert_eq!(decap.settings().unwrap(), [("net/ipv4/conf/lo/rp_filter".into(), "1".into())].into());
        decap.forget_setting("net/ipv4/conf/lo/rp_filter").unwrap();
        assert!(decap.settings().unwrap().is_empty());
        let both = Services::as_they_are([(v4, VipAddress::Added), (v6, VipAddress::Foreign)].into());
        decap.set_services(&both).unwrap();
        let status = Decap::status(root).unwrap().unwrap();
        assert_eq!((status.services, status.global), (both, global));
        assert!(status.attachments[0].attached());
        assert_eq!(status.egress, ["lo"]);
        // Who undoes a set-up holds the pins from before the first step to after the last.
        assert!(matches!(Decap::remove(root), Err(OpenError::InUse(_))));
        assert!(matches!(Decap::hold(root), Err(OpenError::InUse(_))));
        drop(decap);
        let held = Decap::hold(root).unwrap().unwrap();
        assert!(matches!(Decap::open(root), Err(OpenError::InUse(_))));
        held.remove().unwrap();
        assert!(!root.exists());
        assert!(Decap::hold(root).unwrap().is_none());
        assert!(!Decap::remove(root).unwrap());
    }

    #[test]
    fn both_programs_follow_their_interfaces() {
        own_netns().unwrap();
        let pins = Pins::new().unwrap();
        let decap = Decap::open(pins.path()).unwrap();
        let add = || run("ip link add up0.7 type veth peer name peer0").unwrap();
        add();
        decap.attach("up0.7", XdpMode::Native).unwrap();
        decap.attach("peer0", XdpMode::Generic).unwrap();
        decap.attach("up0.7", XdpMode::Native).unwrap();
        assert_eq!(decap.egress_attachments().unwrap(), ["peer0", "up0.7"]);
        assert_eq!(decap.detach_others(&["up0.7"]).unwrap(), ["peer0"]);
        assert_eq!(decap.egress_attachments().unwrap(), ["up0.7"]);
        // An interface that is made anew has lost both.
        run("ip link del up0.7").unwrap();
        assert!(decap.egress_attachments().unwrap().is_empty());
        add();
        assert!(decap.egress_attachments().unwrap().is_empty());
        assert!(!decap.attachments().unwrap()[0].attached());
        decap.attach("up0.7", XdpMode::Native).unwrap();
        assert_eq!(decap.egress_attachments().unwrap(), ["up0.7"]);
        assert!(decap.attachments().unwrap()[0].attached());
    }
}
