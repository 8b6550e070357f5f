use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::admission::Warnings;
use crate::objects::fake::Cluster;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const NOW: &str = "2026-01-01T00:00:00Z";

fn key() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    (key.serialize_pem(), key.public_key_pem())
}

fn tokens() -> Tokens {
    Tokens::new(ISSUER, &[], &key().0, &[]).unwrap()
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn cluster() -> Cluster {
    Cluster::default()
        .with("", "serviceaccounts", json!({"metadata": {"namespace": "d", "name": "sa", "uid": "u-sa"}}))
        .with(
            "",
            "pods",
            json!({"metadata": {"namespace": "d", "name": "p", "uid": "u-p"}, "spec": {"serviceAccountName": "sa", "nodeName": "n1"}}),
        )
        .with("", "pods", json!({"metadata": {"namespace": "d", "name": "q", "uid": "u-q"}, "spec": {"serviceAccountName": "other"}}))
        .with("", "secrets", json!({"metadata": {"namespace": "d", "name": "s", "uid": "u-s"}}))
        .with("", "nodes", json!({"metadata": {"name": "n1", "uid": "u-n"}}))
}

fn ask(tokens: &Tokens, cluster: &Cluster, spec: Value) -> Result<Value, Status> {
    let body = json!({ "spec": spec });
    let request = TokenRequest {
        namespace: "d",
        service_account: "sa",
        body: &body,
        id: "id-1",
        who: &Identity::anonymous(),
    };
    tokens.request(request, cluster, now(), &mut Warnings::new())
}

fn token(answer: &Value) -> String {
    answer["status"]["token"].as_str().unwrap().to_owned()
}

fn bound(kind: &str, name: &str) -> Value {
    json!({"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name}})
}

#[test]
fn a_token_proves_its_account() {
    let tokens = tokens();
    let answer = ask(&tokens, &cluster(), json!({})).unwrap();
    assert_eq!(answer["kind"], "TokenRequest");
    assert_eq!(
        answer["spec"],
        json!({"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": null})
    );
    assert_eq!(answer["status"]["expirationTimestamp"], "2026-01-01T01:00:00Z");
    let proved = tokens.authenticate(&token(&answer), &[], &cluster(), now()).unwrap();
    let mut who = Identity::service_account("d", "sa", "u-sa");
    who.extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec!["JTI=id-1".to_owned()]);
    assert_eq!(proved, Authenticated { identity: who, audiences: vec![ISSUER.to_owned()] });
}

#[test]
fn a_token_of_a_pod_says_pod_and_node() {
    let tokens = tokens();
    let answer = ask(&tokens, &cluster(), bound("Pod", "p")).unwrap();
    let proved = tokens.authenticate(&token(&answer), &[], &cluster(), now()).unwrap();
    let extra: Vec<(&str, &str)> = proved
        .identity
        .extra
        .iter()
        .map(|(key, values)| (key.trim_start_matches("authentication.kubernetes.io/"), values[0].as_str()))
        .collect();
    assert_eq!(
        extra,
        [
            ("credential-id", "JTI=id-1"),
            ("node-name", "n1"),
            ("node-uid", "u-n"),
            ("pod-name", "p"),
            ("pod-uid", "u-p")
        ]
    );
}

#[test]
fn a_token_ends_with_its_time_and_its_objects() {
    let tokens = tokens();
    let full = cluster();
    let of_account = token(&ask(&tokens, &full, json!({})).unwrap());
    let of_pod = token(&ask(&tokens, &full, bound("Pod", "p")).unwrap());
    let of_secret = token(&ask(&tokens, &full, bound("Secret", "s")).unwrap());
    let of_node = token(&ask(&tokens, &full, bound("Node", "n1")).unwrap());
    let without = |resource: &str, namespace: &str, name: &str| {
        let mut cluster = full.clone();
        cluster.remove("", resource, namespace, name);
        cluster
    };
    let another = |resource: &str, name: &str| {
        full.clone().with(
            "",
            resource,
            json!({"metadata": {"namespace": "d", "name": name, "uid": "another"}}),
        )
    };
    let deleted = |at: &str| {
        full.clone().with(
            "",
            "pods",
            json!({"metadata": {"namespace": "d", "name": "p", "uid": "u-p", "deletionTimestamp": at}}),
        )
    };
    let gone = |what| Err(TokenError::Invalidated(what));
    let cases = [
        (&of_account, full.clone(), NOW, Ok(())),
        (&of_account, full.clone(), "2026-01-01T00:59:59Z", Ok(())),
        (&of_account, full.clone(), "2026-01-01T01:00:00Z", Err(TokenError::Expired)),
        (&of_account, full.clone(), "2025-12-31T23:59:00Z", Ok(())),
        (&of_account, full.clone(), "2025-12-31T23:58:59Z", Err(TokenError::NotYet)),
        (&of_account, without("serviceaccounts", "d", "sa"), NOW, gone("the service account")),
        (&of_account, another("serviceaccounts", "sa"), NOW, gone("the service account")),
        (&of_pod, without("pods", "d", "p"), NOW, gone("the pod")),
        (&of_pod, another("pods", "p"), NOW, gone("the pod")),
        (&of_pod, without("nodes", "", "n1"), NOW, Ok(())),
        (&of_pod, deleted("2025-12-31T23:59:30Z"), NOW, Ok(())),
        (&of_pod, deleted("2025-12-31T23:58:00Z"), NOW, gone("the pod")),
        (&of_secret, without("secrets", "d", "s"), NOW, gone("the secret")),
        (&of_node, without("nodes", "", "n1"), NOW, gone("the node")),
    ];
    for (index, (token, cluster, at, expected)) in cases.into_iter().enumerate() {
        let found = tokens.identify(token, &[], &cluster, at.parse().unwrap()).map(drop);
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn a_token_counts_for_its_audiences_only() {
    let tokens = tokens();
    let cluster = cluster();
    let vault = token(&ask(&tokens, &cluster, json!({"audiences": ["vault", "db"]})).unwrap());
    assert!(tokens.authenticate(&vault, &[], &cluster, now()).is_err());
    let proved = tokens.authenticate(&vault, &["db".to_owned(), "x".to_owned()], &cluster, now()).unwrap();
    assert_eq!(proved.audiences, ["db"]);
}

#[test]
fn requests_that_cannot_be_granted_are_refused() {
    let tokens = tokens();
    let cases = [
        (
            json!({"expirationSeconds": 599}),
            422,
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
        ),
        (
            json!({"expirationSeconds": 4_294_967_297_i64}),
            422,
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
        ),
        (bound("Pod", "nope"), 404, "pods \"nope\" not found"),
        (
            bound("Pod", "q"),
            400,
            "cannot bind token for serviceaccount \"sa\" to pod running with different serviceaccount name.",
        ),
        (bound("ConfigMap", "c"), 400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (
            json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "old"}}),
            409,
            "Operation cannot be fulfilled on pods \"p\": the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated",
        ),
    ];
    for (spec, code, words) in cases {
        let refusal = ask(&tokens, &cluster(), spec).unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (code, words));
    }
    let body = json!({});
    let nobody = TokenRequest {
        namespace: "d",
        service_account: "no",
        body: &body,
        id: "i",
        who: &Identity::anonymous(),
    };
    let refusal = tokens.request(nobody, &cluster(), now(), &mut Warnings::new()).unwrap_err();
    assert_eq!(refusal.message, "serviceaccounts \"no\" not found");
    for (field, value) in [("name", "other"), ("namespace", "elsewhere")] {
        let body = json!({"metadata": {field: value}});
        let who = Identity::anonymous();
        let other = TokenRequest { namespace: "d", service_account: "sa", body: &body, id: "i", who: &who };
        let refusal = tokens.request(other, &cluster(), now(), &mut Warnings::new()).unwrap_err();
        let words = format!(
            "TokenRequest.authentication.k8s.io \"sa\" is invalid: metadata.{field}: Invalid value: \"{value}\": must match \
             the service account {field} if specified"
        );
        assert_eq!((refusal.code, refusal.message.as_str()), (422, &words[..]));
    }
}

#[test]
fn a_node_gets_tokens_for_its_pods_only() {
    let tokens = tokens();
    let ask = |node: &str, spec: Value| {
        let (body, who) =
            (json!({ "spec": spec }), Identity::user(&format!("system:node:{node}"), &[crate::NODES]));
        let request = TokenRequest { namespace: "d", service_account: "sa", body: &body, id: "i", who: &who };
        tokens.request(request, &cluster(), now(), &mut Warnings::new()).map(drop)
    };
    let pod =
        |uid: &str| json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid}});
    let code = |result: Result<(), Status>| result.unwrap_err().code;
    assert_eq!(ask("n1", pod("u-p")), Ok(()));
    assert_eq!(code(ask("n2", pod("u-p"))), 403);
    assert_eq!(code(ask("n1", pod(""))), 403);
    assert_eq!(code(ask("n1", pod("old"))), 409);
    assert_eq!(
        ask("n1", json!({})).unwrap_err().message,
        "serviceaccounts \"sa\" is forbidden: node requested token not bound to a pod"
    );
}

#[test]
fn a_long_life_is_shortened_with_a_warning() {
    let tokens = tokens().with_longest(SignedDuration::from_hours(24));
    let body = json!({"spec": {"expirationSeconds": 100_000}});
    let request = TokenRequest {
        namespace: "d",
        service_account: "sa",
        body: &body,
        id: "i",
        who: &Identity::anonymous(),
    };
    let mut warnings = Warnings::new();
    let answer = tokens.request(request, &cluster(), now(), &mut warnings).unwrap();
    assert_eq!(answer["spec"]["expirationSeconds"], 86_400);
    assert_eq!(warnings, ["requested expiration of 100000 seconds shortened to 86400 seconds"]);
}

#[test]
fn tokens_of_an_old_key_count_until_it_is_taken_away() {
    let (old, old_public) = key();
    let (new, _) = key();
    let before = Tokens::new(ISSUER, &[], &old, &[]).unwrap();
    let token = token(&ask(&before, &cluster(), json!({})).unwrap());
    for verifying in [&old, &old_public] {
        let during = Tokens::new(ISSUER, &[], &new, &[verifying.clone(), verifying.clone()]).unwrap();
        assert!(during.authenticate(&token, &[], &cluster(), now()).is_ok());
        assert_eq!(during.jwks()["keys"].as_array().unwrap().len(), 2);
    }
    let after = Tokens::new(ISSUER, &[], &new, &[]).unwrap();
    assert!(after.authenticate(&token, &[], &cluster(), now()).is_err());
    let elsewhere = Tokens::new("https://other", &[], &old, &[]).unwrap();
    assert!(elsewhere.authenticate(&token, &[ISSUER.to_owned()], &cluster(), now()).is_err());
}

#[test]
fn keys_are_published_with_the_names_that_tokens_carry() {
    let tokens = tokens();
    let token = token(&ask(&tokens, &cluster(), json!({})).unwrap());
    let key = tokens.jwks()["keys"][0].clone();
    assert_eq!(key["kid"], jwt::parse(&token).unwrap().key);
    assert_eq!((&key["alg"], &key["kty"], &key["crv"]), (&json!("ES256"), &json!("EC"), &json!("P-256")));
    for coordinate in ["x", "y"] {
        assert_eq!(URL_SAFE_NO_PAD.decode(key[coordinate].as_str().unwrap()).unwrap().len(), 32);
    }
    assert_eq!(tokens.discovery("https://x/openid/v1/jwks")["issuer"], ISSUER);
}

#[test]
fn what_is_no_key_is_refused() {
    assert!(Tokens::new(ISSUER, &[], "no key", &[]).is_err());
    let (private, public) = key();
    assert!(Tokens::new(ISSUER, &[], &public, &[]).is_err());
    let broken = public.replace("BEGIN PUBLIC KEY-----\nMFkw", "BEGIN PUBLIC KEY-----\nMFkx");
    assert!(Tokens::new(ISSUER, &[], &private, &[broken]).is_err());
}

#[test]
fn the_token_of_a_secret_counts_while_the_secret_holds_it() {
    let tokens = tokens();
    let token = tokens.secret_token("d", "sa", "u-sa", "t").unwrap();
    let secret = |token: &str| json!({"metadata": {"namespace": "d", "name": "t", "uid": "u-t"}, "data": {"token": STANDARD.encode(token)}});
    let holding = cluster().with("", "secrets", secret(&token));
    let proved = tokens.identify(&token, &[], &holding, "2036-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(proved.identity, Identity::service_account("d", "sa", "u-sa"));
    assert_eq!(tokens.identify(&token, &[], &cluster(), now()), Err(TokenError::Invalidated("the secret")));
    let other = cluster().with("", "secrets", secret("other"));
    assert_eq!(tokens.identify(&token, &[], &other, now()), Err(TokenError::Replaced));
}

#[test]
fn reviews_say_who_or_why_not() {
    let tokens = tokens();
    let cluster = cluster();
    let token = token(&ask(&tokens, &cluster, json!({})).unwrap());
    let review = |token: &str| {
        let request = json!({"spec": {"token": token}});
        tokens.review(&request, &cluster, now()).unwrap()["status"].clone()
    };
    assert_eq!(review(&token)["authenticated"], true);
    assert_eq!(review(&token)["user"]["username"], "system:serviceaccount:d:sa");
    assert_eq!(review("x.y.z"), json!({"user": {}, "error": "invalid bearer token"}));
    assert_eq!(tokens.review(&json!({"spec": {}}), &cluster, now()).unwrap_err().code, 400);
}

#[test]
fn other_algorithms_are_not_believed() {
    let tokens = tokens();
    let kid = tokens.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned();
    let token = token(&ask(&tokens, &cluster(), json!({})).unwrap());
    let (_, rest) = token.split_once('.').unwrap();
    for header in
        [json!({"alg": "none", "kid": kid}), json!({"alg": "HS256", "kid": kid}), json!({"alg": "ES256"})]
    {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        assert_eq!(tokens.verify(&format!("{header}.{rest}")), Err(TokenError::Unknown));
    }
    let (claims, _) = rest.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": kid}).to_string());
    assert_eq!(tokens.verify(&format!("{header}.{claims}.")), Err(TokenError::Unknown));
}

#[test]
fn the_other_signature_of_the_same_key_is_not_believed() {
    let tokens = tokens();
    let token = token(&ask(&tokens, &cluster(), json!({})).unwrap());
    assert!(tokens.verify(&token).is_ok());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    let other = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(other.to_bytes()));
    assert_eq!(tokens.verify(&other), Err(TokenError::Unknown));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_token_is_never_believed(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let tokens = tokens();
        let token = token(&ask(&tokens, &cluster(), bound("Pod", "p")).unwrap());
        let mut changed: Vec<char> = token.chars().collect();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != to);
        changed[at] = to;
        let changed: String = changed.into_iter().collect();
        prop_assert_eq!(tokens.verify(&changed), Err(TokenError::Unknown));
        let cut: String = token.chars().take(at).collect();
        prop_assert_eq!(tokens.verify(&cut), Err(TokenError::Unknown));
    }

    #[test]
    fn noise_is_no_token(text in "\\PC*") {
        let tokens = tokens();
        prop_assert!(tokens.authenticate(&text, &[], &cluster(), now()).is_err());
        let parts = format!("{text}.{text}.{text}");
        prop_assert!(tokens.authenticate(&parts, &[], &cluster(), now()).is_err());
    }
}
