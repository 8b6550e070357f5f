//! A lab that stays: how to get in and how to remove it.

use anyhow::Result;
use guideway_lab::Lab;
use guideway_lab::addresses::vip;
use guideway_lab::binaries::binary;

use super::screen::Screen;

pub(super) fn leave(screen: &mut Screen, lab: Lab) -> Result<()> {
    screen.chapter("The lab stays up");
    let enter = |node: &str| format!("nsenter --net=/run/netns/{}", lab.id().namespace(node));
    let folder = lab.folder().path().to_path_buf();
    let fw1 = lab.forwarders[0].folder();
    let lines = [
        ("a shell on the client", enter("cl0")),
        ("a request", format!("{} curl -s http://{}/", enter("cl0"), vip::V4)),
        ("routes of the ToR", format!("ip -n {} route", lab.id().namespace("tor"))),
        ("BIRD", format!("birdc -s {}/tor/bird.ctl show protocols", folder.display())),
        (
            "fw1",
            format!(
                "{} --dataplane-socket {}/dataplane.sock --bgp-socket {}/bgp.sock status",
                binary("lbctl")?.display(),
                fw1.display(),
                fw1.display()
            ),
        ),
        (
            "fw1's configuration",
            format!("{} (a change takes effect at once)", lab.forwarders[0].config_path().display()),
        ),
        ("logs", folder.display().to_string()),
        ("remove it", "cargo xtask demo --clean".to_owned()),
    ];
    for (what, how) in lines {
        screen.say(format!("{what:<22}{how}"));
    }
    lab.keep()?;
    Ok(())
}
