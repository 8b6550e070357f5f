//! `lb-decap detach`.

use std::path::Path;

use anyhow::Context as _;
use guideway_bpf::{Decap, StatusError, VipAddress};

use crate::loopback::Loopback;
use crate::say::say;
use crate::sysctl::Sysctl;

/// Undoes what `up` or the daemon did. The pins go last, as they hold what was found.
pub(crate) async fn detach(pin_root: &Path) -> anyhow::Result<()> {
    // First of all: one that is at work would put back what is undone here.
    let held = Decap::hold(pin_root).context("cannot undo anything")?;
    let status = match Decap::status(pin_root) {
        // There is nobody else who could remove it.
        Err(StatusError::AnotherRelease) => {
            say!("{} is not whole: VIPs on lo and sysctls stay as they are", pin_root.display());
            None
        }
        other => other.with_context(|| format!("cannot examine {}", pin_root.display()))?,
    };
    if let Some(status) = status {
        let loopback = Loopback::open().await?;
        for vip in
            status.services.vips.iter().filter(|(_, mark)| **mark == VipAddress::Added).map(|(vip, _)| *vip)
        {
            loopback.remove(vip).await?;
            say!("VIP {vip} taken off lo");
        }
        let sysctl = Sysctl::new();
        for (name, value) in &status.settings {
            if sysctl.restore(name, value)? {
                say!("sysctl {} = {value} again", name.replace('/', "."));
            }
        }
        for attachment in status.attachments.iter().filter(|attachment| attachment.attached()) {
            say!("interface {} does not run the decap programs any more", attachment.interface);
        }
    }
    let found = held.is_some();
    if let Some(held) = held {
        held.remove().context("cannot remove the decap programs")?;
    }
    say!("{} {}", pin_root.display(), if found { "removed" } else { "was not there: nothing to do" });
    Ok(())
}
