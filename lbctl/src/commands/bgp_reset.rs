use guideway_bgp_admin::v1::ResetPeerRequest;
use serde::Serialize;

use crate::cli::Cli;
use crate::dial::{Failure, speaker};
use crate::outcome::Outcome;
use crate::render;

pub(crate) async fn run(cli: &Cli, peer: &str, soft: bool, reason: &str) -> Result<Outcome, Failure> {
    let request = ResetPeerRequest { peer: peer.to_owned(), soft, reason: reason.to_owned() };
    speaker(cli, |mut client| async move { client.reset_peer(request).await }).await?;
    render::output(cli, &View { peer, soft }, || human(peer, soft)).map(Outcome::positive)
}

#[derive(Serialize)]
struct View<'a> {
    peer: &'a str,
    soft: bool,
}

fn human(peer: &str, soft: bool) -> String {
    if soft {
        format!("{peer}: all routes are exchanged again\n")
    } else {
        format!("{peer}: the session begins again\n")
    }
}
