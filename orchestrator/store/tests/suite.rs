//! What every store must do, done with each of them: in memory, embedded, and a real etcd.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "suite/cases.rs"]
mod cases;
#[path = "suite/history.rs"]
mod history;
#[path = "suite/stores.rs"]
mod stores;

macro_rules! on_every_store {
    ($($case:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::cases::$case(&super::stores::memory()).await;
            })*
        }
        mod redb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::cases::$case(&super::stores::redb()).await;
            })*
        }
    };
}

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
