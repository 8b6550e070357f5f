//! Taking down labs that were kept.

use guideway_lab::sweep::{self, Kept};

pub(super) fn run() {
    let removed = sweep::dead_runs(Kept::Remove);
    for id in &removed {
        println!("removed lab {}", id.prefix());
    }
    if removed.is_empty() {
        println!("there was no lab to remove");
    }
    for id in sweep::all() {
        println!("lab {} is in use by process {} and stays", id.prefix(), id.owner);
    }
}
