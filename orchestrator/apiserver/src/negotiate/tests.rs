use super::*;

fn asked(accept: &str, uri: &str) -> Result<Wanted, NotAcceptable> {
    let mut headers = HeaderMap::new();
    if !accept.is_empty() {
        headers.insert(ACCEPT, accept.parse().unwrap());
    }
    object(&headers, &uri.parse().unwrap())
}

#[test]
fn what_clients_send() {
    let json = Wanted::default();
    let table = Wanted { form: Form::Table("v1"), ..json };
    for (accept, wanted) in [
        ("", Ok(json)),
        ("*/*", Ok(json)),
        ("application/json, */*", Ok(json)),
        ("application/vnd.kubernetes.protobuf,application/json", Ok(json)),
        ("application/vnd.kubernetes.protobuf, */*", Ok(json)),
        ("application/vnd.kubernetes.protobuf", Err(NotAcceptable)),
        ("application/yaml", Ok(Wanted { encoding: Encoding::Yaml, ..json })),
        ("application/json;q=0.5, application/yaml", Ok(Wanted { encoding: Encoding::Yaml, ..json })),
        ("text/html", Err(NotAcceptable)),
        (
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
            Ok(table),
        ),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Ok(json)),
        (
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Ok(Wanted { form: Form::Metadata, ..json }),
        ),
        ("application/json;q=0", Err(NotAcceptable)),
        ("application/json;stream=watch", Ok(json)),
    ] {
        assert_eq!(asked(accept, "/api"), wanted, "{accept}");
    }
    assert_eq!(asked("", "/api?limit=1&pretty=true").unwrap().encoding, Encoding::PrettyJson);
}

#[test]
fn discovery_prefers_what_comes_first() {
    let mut headers = HeaderMap::new();
    assert_eq!(discovery(&headers), Ok(None));
    headers.insert(
        ACCEPT,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
            .parse()
            .unwrap(),
    );
    assert_eq!(discovery(&headers), Ok(Some("v2")));
    headers.insert(ACCEPT, "text/html".parse().unwrap());
    assert_eq!(discovery(&headers), Err(NotAcceptable));
}
