//! Ctrl-C and SIGTERM: the labs of this process are taken down before it ends.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::{command, sweep};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static WATCHING: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM remove every lab of this process and then end it with status 130 or 143. Further calls
/// change nothing.
///
/// # Errors
/// When the signals cannot be caught.
pub fn take_labs_down_on_signal() -> Result<()> {
    if WATCHING.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _context = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let status = runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => 130,
                    _ = terminate.recv() => 143,
                }
            });
            INTERRUPTED.store(true, Ordering::SeqCst);
            command::refuse_new_processes();
            eprintln!("\ninterrupted: taking the lab down");
            let me = std::process::id();
            sweep::all().into_iter().filter(|id| id.owner == me).for_each(sweep::remove);
            std::process::exit(status);
        })
        .context("cannot start the thread that waits for signals")?;
    Ok(())
}

/// After a signal, waits for the end of the process; returns at once otherwise. For the main thread, whose own work
/// fails while the lab is taken down under it.
pub fn wait_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
