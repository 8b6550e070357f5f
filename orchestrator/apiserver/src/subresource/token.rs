use axum::body::Body;
use axum::http::StatusCode;
use guideway_access::token::TokenRequest;
use guideway_api::GroupVersionKind;
use guideway_api::kind::Origin;
use guideway_api::options::WriteOptions;
use guideway_schema::Schema;

use crate::call::Call;
use crate::random;
use crate::reply::Answer;
use crate::write::{Expected, incoming};

/// A token of the service account that the path names.
pub(super) async fn token(call: &mut Call, body: Body) -> Answer {
    let options = WriteOptions::create(call.query())?;
    let schema = Schema::builtin("authentication.k8s.io", "v1", "TokenRequest");
    let expected = Expected {
        kind: GroupVersionKind {
            group: "authentication.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "TokenRequest".to_owned(),
        },
        schema: schema.as_ref(),
        origin: Origin::BuiltIn,
        older: &[],
    };
    let mut warnings = Vec::new();
    let request = incoming(call, body, &expected, options.field_validation, &mut warnings).await?;
    call.server.fresh().await?;
    let objects = call.objects();
    let (namespace, name) = (&call.path.namespace, &call.path.name);
    let id = random::uid();
    let request =
        TokenRequest { namespace, service_account: name, body: &request, id: &id, who: &call.identity };
    let answered = call.server.tokens.request(request, &objects, call.now, &mut warnings)?;
    call.warnings.append(&mut warnings);
    Ok(call.reply(StatusCode::CREATED, &answered))
}
