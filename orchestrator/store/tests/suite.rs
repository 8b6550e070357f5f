//! What every store must do, done with each of them: in memory, embedded, and a real etcd.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "suite/cases.rs"]
mod cases;
#[path = "suite/etcd.rs"]
mod etcd;
#[path = "suite/failover.rs"]
mod failover;
#[path = "suite/history.rs"]
mod history;
#[path = "suite/kill.rs"]
mod kill;
#[path = "suite/lossy.rs"]
mod lossy;
#[path = "suite/stores.rs"]
mod stores;

/// Each case once with each store, in a module by the store's name.
macro_rules! on_every_store {
    ($($case:ident)*) => { on_every_store! { @ [memory redb etcd] [$($case)*] } };
    (@ [$($store:ident)*] $cases:tt) => { $(on_every_store! { @@ $store $cases })* };
    (@@ $store:ident [$($case:ident)*]) => {
        mod $store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::super::cases::$case(&super::super::stores::$store().await).await;
            })*
        }
    };
}

mod on {
    on_every_store! {
        a_transaction_is_checked_and_applied_as_a_whole
        pages_are_read_at_one_revision
        a_prefix_ends_where_it_ends
        the_past_can_be_read_and_watched
        compaction_forgets_the_past_only
        watches_tell_each_change_once_in_order
        limits_are_kept
        a_backup_has_everything_of_one_revision
        defragmenting_changes_nothing
        a_random_history_holds
    }
}
