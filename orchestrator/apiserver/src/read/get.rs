use guideway_api::Status;
use guideway_api::options::GetOptions;
use guideway_store::Revision;

use crate::call::Call;
use crate::reply::Answer;

/// One object, as it is now.
pub(crate) async fn get(call: &Call) -> Answer {
    let options = GetOptions::parse(call.query())?;
    let object = match options.resource_version {
        None => call.current().await?,
        // Not older than that.
        Some(version) => {
            call.server.reach(Revision(version)).await?;
            call.server
                .cache
                .get(&call.key(&call.path.name))
                .ok_or_else(|| Status::not_found(call.named(), &call.path.name))?
        }
    };
    call.show_stored(&object)
}
