use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use guideway_controller_core::{ForwarderName, NameError};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::authority::CaError;
use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn name(text: &str) -> ForwarderName {
    text.parse().unwrap()
}

/// A request with a key of its own that asks for a name that is not to be had.
pub(crate) fn request(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["controller.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "somebody-else");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn identity(certificate: &str) -> Identity {
    Identity::of(&CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap()
}

fn init(folder: &Path) -> Authority {
    Authority::init(folder, SystemTime::now()).unwrap()
}

#[test]
fn the_authority_is_made_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("a/ca");
    let authority = init(&ca);
    let again = Authority::open(&ca).unwrap().unwrap();
    assert_eq!(again.authorities(), authority.authorities());
    assert!(matches!(Authority::init(&ca, SystemTime::now()), Err(CaError::Exists(_))));
    for file in ["ca.crt", "ca.key"] {
        let mode = std::fs::metadata(ca.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["controller.example".to_owned()];
    let open = |names: &[String]| Tls::open(folder.path(), names, SystemTime::now());
    let error = open(&names).unwrap_err().to_string();
    assert!(error.ends_with(
        "ca.crt is not there: make an authority with `lb-controller ca init`, or bring certificates"
    ));
    init(folder.path());
    assert!(matches!(open(&[]), Err(CaError::NoNames)));
    assert!(open(&names).is_ok());
    let bad = open(&["näme".to_owned()]).unwrap_err();
    assert!(matches!(bad, CaError::Sign { .. }), "{bad}");
    // A key that is another one's.
    let other = tempfile::tempdir().unwrap();
    init(other.path());
    std::fs::copy(other.path().join("ca.key"), folder.path().join("ca.key")).unwrap();
    let error = open(&names).unwrap_err().to_string();
    assert!(error.ends_with("it belongs to another one"), "{error}");
    std::fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
    assert!(matches!(open(&names), Err(CaError::Content { what: "private key", .. })));
    // Without its key an authority is somebody else's, and the controller's certificate is brought.
    std::fs::remove_file(folder.path().join("ca.key")).unwrap();
    let error = open(&names).unwrap_err().to_string();
    assert!(error.contains("controller.crt is not there: without ca.key"), "{error}");
}

#[test]
fn brought_certificates_need_no_authority() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = init(theirs.path());
    let leaf = authority.controller(&["10.0.0.1".to_owned()], SystemTime::now()).unwrap();
    std::fs::write(ours.path().join("ca.crt"), authority.authorities()).unwrap();
    std::fs::write(ours.path().join("controller.crt"), leaf.certificate).unwrap();
    std::fs::write(ours.path().join("controller.key"), leaf.key).unwrap();
    let tls = Tls::open(ours.path(), &[], SystemTime::now()).unwrap();
    assert!(tls.current().authority.is_none());
    // What was read counts until there is something better.
    std::fs::write(ours.path().join("controller.key"), "nonsense").unwrap();
    assert!(tls.refresh(SystemTime::now()).is_err());
    assert!(tls.current().authority.is_none());
}

#[test]
fn a_request_gets_its_key_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let authority = init(folder.path());
    let key = KeyPair::generate().unwrap();
    let now = SystemTime::now();
    let certificate = authority.grant(&request(&key), &name("lb1"), now, DAY).unwrap();
    assert_eq!(identity(&certificate).name, name("lb1"));
    let left = identity(&certificate).until.duration_since(now).unwrap();
    assert!(left <= DAY && left > DAY - Duration::from_secs(2));
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert!(!parsed.is_ca() && parsed.subject_alternative_name().unwrap().is_none());
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    // Signed by another key than it names: the last bytes are the signature's.
    for bad in ["", "nonsense", &authority.authorities()[..100], &"x".repeat(1 << 20)] {
        assert!(matches!(authority.grant(bad, &name("lb1"), now, DAY), Err(CaError::Request(_))));
    }
}

#[test]
fn a_name_is_the_common_name_or_the_only_dns_name() {
    let key = KeyPair::generate().unwrap();
    let of = |common: &[&str], alternatives: &[&str]| {
        let mut params =
            CertificateParams::new(alternatives.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let kinds = [DnType::CommonName, DnType::CustomDnType(vec![2, 5, 4, 3])];
        for (kind, name) in kinds.into_iter().zip(common) {
            params.distinguished_name.push(kind, *name);
        }
        Identity::of(params.self_signed(&key).unwrap().der()).map(|identity| identity.name.to_string())
    };
    assert_eq!(of(&["lb1"], &[]), Ok("lb1".to_owned()));
    assert_eq!(of(&["lb1"], &["lb2"]), Ok("lb1".to_owned()));
    assert_eq!(of(&[], &["lb2"]), Ok("lb2".to_owned()));
    assert_eq!(of(&[], &["lb2", "lb3"]), Err(IdentityError::Names(2)));
    assert_eq!(of(&["lb1", "lb2"], &[]), Err(IdentityError::Names(2)));
    assert_eq!(of(&[], &[]), Err(IdentityError::Names(0)));
    assert_eq!(of(&[" lb1"], &[]), Err(IdentityError::Name(NameError::Space)));
    assert_eq!(Identity::of(b"noise"), Err(IdentityError::Unreadable));
}

#[test]
fn a_token_counts_once_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let tokens = Tokens::new(folder.path());
    let now = SystemTime::now();
    let token = tokens.make(&name("lb1"), now, DAY).unwrap();
    let text = token.to_string();
    assert_eq!(text.len(), 16 + 64 + 64 + 2);
    assert!(!format!("{token:?}").contains(&text[17..81]));
    let kept = std::fs::read_to_string(folder.path().join("tokens").join(&text[..16])).unwrap();
    assert!(!kept.contains(&text[17..81]), "the secret is not kept");
    // A wrong secret does not cost the token.
    let digit = if &text[17..18] == "0" { "1" } else { "0" };
    let wrong: Token = format!("{}{digit}{}", &text[..17], &text[18..]).parse().unwrap();
    assert!(matches!(tokens.take(&wrong, None, now), Err(CaError::Token)));
    // Nor does another name, of which only those hear who have the secret.
    assert!(matches!(tokens.take(&wrong, Some("lb2"), now), Err(CaError::Token)));
    let other = tokens.take(&token, Some("lb2"), now).unwrap_err();
    assert!(other.to_string().starts_with("the token is for lb1: "), "{other}");
    assert_eq!(tokens.take(&text.parse().unwrap(), Some("lb1"), now).unwrap(), name("lb1"));
    assert!(matches!(tokens.take(&token, None, now), Err(CaError::Token)));
    let old = tokens.make(&name("lb1"), now, DAY).unwrap();
    // Nor is it said to count for another name.
    assert!(matches!(
        tokens.take(&old, Some("lb2"), now + DAY + Duration::from_secs(2)),
        Err(CaError::Token)
    ));
    // One that nobody used goes when the next one is made.
    tokens.make(&name("lb2"), now, DAY).unwrap();
    tokens.make(&name("lb3"), now + 2 * DAY, DAY).unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("tokens")).unwrap().count(), 1);
    for text in ["", "..", "../../etc/passwd.00.00", &"a.".repeat(200), &text[1..], &format!("{text}.")] {
        assert!(matches!(text.parse::<Token>(), Err(CaError::Token)), "{text}");
    }
}
