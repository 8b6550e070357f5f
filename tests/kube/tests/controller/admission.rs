//! Who may connect: a forwarder with an object of its name, and a certificate of this authority that is good now.

use std::path::{Path, PathBuf};
use std::process::Command;

use guideway_dataplane_config::Controller as Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};
use serde_json::{Value, json};

use crate::address;
use crate::site::{Controllers, Site, pool, service, slice, until};

/// A certificate of this name by the authority in a folder, as files. It ends in this year.
fn identity(name: &str, authority: &Path, year: i32, folder: &Path) -> Identity {
    let read = |file: &str| std::fs::read_to_string(authority.join(file)).unwrap();
    let signer = KeyPair::from_pem(&read("ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&read("ca.crt"), signer).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    std::fs::create_dir_all(folder).unwrap();
    let paths = ["crt", "key"].map(|ending| folder.join(format!("{name}.{ending}")));
    for (path, text) in paths.iter().zip([certificate, key.serialize_pem()]) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let [certificate, key] = paths;
    Identity {
        addresses: Vec::new(),
        certificate,
        key,
        // Whom it trusts is another matter.
        ca: folder.join("ca.crt"),
        name: name.parse().unwrap(),
        zone: None,
        labels: Default::default(),
        bgp_config: None,
        relay: None,
    }
}

/// Another authority, in this folder.
fn authority(folder: &Path) -> PathBuf {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "another authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("ca.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(folder.join("ca.key"), key.serialize_pem()).unwrap();
    folder.to_owned()
}

/// Until lbctl shows that somebody of this name was refused, with these words; and the log has them.
fn refused(controllers: &Controllers, name: Option<&str>, words: &str) {
    until(&format!("lbctl shows that {name:?} is refused: {words}"), || {
        let (_, list) = controllers.lbctl(0, &["forwarders"]);
        let rows = list["refused"].as_array()?.clone();
        let is_it = |row: &&Value| {
            row["forwarder"].as_str() == name
                && row["address"] == "127.0.0.1"
                && row["reason"].as_str().is_some_and(|reason| reason.contains(words))
        };
        rows.iter().find(is_it).map(|_| ())
    });
    assert!(controllers.log(0).contains(words), "the log does not say: {words}");
}

#[test]
fn nobody_connects_without_an_object_and_a_good_certificate() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::with_forwarders(&home, 2);
    controllers.start();
    home.apply(&service("web", json!({})));
    home.apply(&slice("web", "10.0.0.1"));
    address(&home, "web");
    let announces = |number: usize| {
        until(&format!("forwarder {number} announces"), || {
            Some(()).filter(|()| controllers.fleet.seen().vips(number).contains("east/default/web/http/v4"))
        });
    };
    announces(0);
    announces(1);

    // Revoked: its connection ends and it withdraws; the other one goes on, to what comes next.
    home.kubectl(&["delete", "forwarder.guideway.dev", "lb-00", "-n", "guideway"], None).unwrap();
    until("lb-00 withdraws", || Some(()).filter(|()| controllers.fleet.seen().announced()[0].is_none()));
    refused(&controllers, Some("lb-00"), "there is no Forwarder lb-00");
    home.apply(&service("next", json!({})));
    home.apply(&slice("next", "10.0.0.2"));
    until("the other one goes on", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(1).contains("east/default/next/http/v4"))
    });
    assert_eq!(controllers.fleet.seen().announced()[0], None);

    // Strangers, one after the other: where they come from is all that there is to tell them apart.
    let folder = controllers.folder();
    let ours = folder.join("ca");
    let theirs = folder.join("other-ca");
    let other = authority(&theirs);
    let trusting = |mut identity: Identity| {
        identity.ca = ours.join("ca.crt");
        identity
    };
    let strangers = [
        (
            trusting(identity("lb-07", &ours, 2090, &folder.join("good"))),
            Some("lb-07"),
            "there is no Forwarder lb-07",
        ),
        (trusting(identity("lb-01", &other, 2090, &folder.join("forged"))), None, "UnknownIssuer"),
        (trusting(identity("lb-01", &ours, 2021, &folder.join("old"))), None, "expired"),
    ];
    for (stranger, name, words) in strangers {
        let fleet = controllers.others(vec![stranger]);
        refused(&controllers, name, words);
        assert_eq!(fleet.seen().announced(), [None]);
        assert_eq!(fleet.seen().installed(), [None], "it was told something");
    }
    let url = format!("https://{}/", controllers.address(0));
    let nothing = Command::new("curl").args(["-sk", "--http2", "--max-time", "5", &url]).output().unwrap();
    assert!(!nothing.status.success(), "{nothing:?}");
    refused(&controllers, None, "peer sent no certificates");
    assert!(controllers.metric(0, "guideway_controller_refused_total{reason=\"certificate\"}").is_some());

    // With an object again, the same certificate counts.
    home.apply(&json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Forwarder",
        "metadata": { "name": "lb-00", "namespace": "guideway" }, "spec": {},
    }));
    announces(0);
    until("both serve the same", || controllers.fleet.seen().common().map(|_| ()));
    assert_eq!(controllers.fleet.seen().wrongs(), [""; 0]);
}
