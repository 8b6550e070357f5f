//! GET of one object, of a list, and of what becomes of it.

mod chunks;
mod get;
mod list;
mod made;
mod page;
mod watch;

pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use page::selected;
pub(crate) use watch::watch;
