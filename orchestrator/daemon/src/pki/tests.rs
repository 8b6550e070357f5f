use std::os::unix::fs::PermissionsExt as _;

use guideway_access::certificate;

use super::*;

#[test]
fn the_authority_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    let now = SystemTime::now();
    let first = Authority::open(&pki, now).unwrap();
    let second = Authority::open(&pki, now).unwrap();
    assert_eq!(first.certificate(), second.certificate());
    assert_eq!(first.token_keys(), second.token_keys());
    for name in ["ca.crt", "ca.key", "service-accounts.key"] {
        assert_eq!(std::fs::metadata(pki.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn half_an_authority_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    Authority::open(folder.path(), now).unwrap();
    std::fs::remove_file(folder.path().join("ca.key")).unwrap();
    let error = Authority::open(folder.path(), now).unwrap_err();
    assert!(matches!(error, PkiError::Half { .. }), "{error}");
    std::fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
    assert!(matches!(Authority::open(folder.path(), now).unwrap_err(), PkiError::Content { .. }));
}

#[test]
fn a_client_is_who_its_certificate_says() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let authority = Authority::open(folder.path(), now).unwrap();
    let subject = Subject { user: "alice".into(), groups: vec!["dev".into(), "ops".into()] };
    let leaf = authority.client(&subject, now, LEAF_LIFE).unwrap();
    let (chain, _key) = leaf.parts().unwrap();
    let identity = certificate::identity(&chain[0]).unwrap();
    assert_eq!(identity.name, "alice");
    assert!(identity.is_in("dev") && identity.is_in("ops"));
    assert!(!leaf.is_old(now) && !is_old_certificate(&leaf.certificate, now));
    let later = now + LEAF_LIFE / 3 * 2 + Duration::from_secs(60);
    assert!(leaf.is_old(later) && is_old_certificate(&leaf.certificate, later));
    let crowd = Subject { groups: vec![String::new(); MAX_GROUPS + 1], ..subject };
    assert!(matches!(authority.client(&crowd, now, LEAF_LIFE), Err(PkiError::Groups(3))));
}

#[test]
fn keys_of_tokens_are_blocks() {
    let text =
        "# old ones after it\n-----BEGIN A-----\nx\n-----END A-----\n-----BEGIN B-----\ny\n-----END B-----\n";
    assert_eq!(
        split_pem(text),
        ["-----BEGIN A-----\nx\n-----END A-----\n", "-----BEGIN B-----\ny\n-----END B-----\n"]
    );
}
