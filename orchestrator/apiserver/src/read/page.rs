//! Which objects a list shows, and at which revision.

use std::sync::Arc;

use guideway_api::options::{ListOptions, VersionMatch};
use guideway_api::{Status, continue_token};
use guideway_cache::Object;
use guideway_store::{Range, Revision, StoreError};

use crate::call::Call;

/// Objects that are looked at between two chances for other tasks.
const BREATH: usize = 500;
/// Keys that are read from the store at once while a selector leaves some out.
const READ_AHEAD: usize = 500;
/// A page of so many is not a whole list.
pub(crate) const FEW: usize = 1000;

/// What a list shows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) revision: Revision,
    pub(crate) items: Vec<Arc<Object>>,
    /// Where to go on. None at the end.
    pub(crate) next: Option<String>,
    /// How many are left, if that is known.
    pub(crate) remaining: Option<usize>,
}

impl Call {
    /// The page of a list that the options ask for.
    pub(crate) async fn page(&mut self, options: &ListOptions) -> Result<Page, Status> {
        let prefix = self.kind().prefix(self.namespace());
        let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
        if let Some(token) = &options.continue_token {
            let token = continue_token::parse(token, &prefix)?;
            return match token.revision {
                Some(revision) => {
                    self.page_at(options, &prefix, &token.start, limit, Revision(revision), true).await
                }
                // The rest of a list that expired, as it is now.
                None => {
                    self.server.fresh().await?;
                    self.page_now(options, &prefix, &token.start, limit).await
                }
            };
        }
        match (options.resource_version, options.version_match) {
            (None, _) => {
                self.server.fresh().await?;
            }
            (Some(version), Some(VersionMatch::Exact)) => {
                return self.page_at(options, &prefix, "", limit, Revision(version), false).await;
            }
            (Some(version), None) if version > 0 && limit > 0 => {
                return self.page_at(options, &prefix, "", limit, Revision(version), false).await;
            }
            (Some(version), _) => self.server.reach(Revision(version)).await?,
        }
        self.page_now(options, &prefix, "", limit).await
    }

    /// From the cache.
    async fn page_now(
        &self,
        options: &ListOptions,
        prefix: &str,
        start: &str,
        limit: usize,
    ) -> Result<Page, Status> {
        let has_selector = has_selector(options);
        // With a selector nobody knows how many it takes.
        let (revision, objects, left) =
            self.server.cache.list_from(prefix, start, if has_selector { 0 } else { limit });
        if !has_selector {
            let next = (left > 0).then(|| objects.last()).flatten();
            let next = next.map(|last| continue_token::format(revision.0, &last.key, prefix));
            return Ok(Page { revision, next, remaining: (left > 0).then_some(left), items: objects });
        }
        let mut items = Vec::new();
        let mut next = None;
        for (index, object) in objects.into_iter().enumerate() {
            if index % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
            if !selected(options, &object) {
                continue;
            }
            if limit > 0 && items.len() == limit {
                next = items
                    .last()
                    .map(|last: &Arc<Object>| continue_token::format(revision.0, &last.key, prefix));
                break;
            }
            items.push(object);
        }
        Ok(Page { revision, items, next, remaining: None })
    }

    /// From the store, as it was.
    async fn page_at(
        &mut self,
        options: &ListOptions,
        prefix: &str,
        start: &str,
        limit: usize,
        revision: Revision,
        is_continued: bool,
    ) -> Result<Page, Status> {
        let has_selector = has_selector(options);
        if limit == 0 || limit > FEW {
            // None of these objects is in the cache.
            self.enter_whole_list().await?;
        }
        let mut items: Vec<Arc<Object>> = Vec::new();
        let mut start = Some(start.to_owned()).filter(|start| !start.is_empty());
        loop {
            let ask = if has_selector && limit > 0 { READ_AHEAD.max(limit) } else { limit };
            let range =
                Range { prefix: prefix.to_owned(), start: start.clone(), limit: ask, at: Some(revision) };
            let page = match self.server.store.range(range).await {
                Ok(page) => page,
                Err(StoreError::Compacted { .. }) => {
                    let start = start.as_deref().unwrap_or_default();
                    return Err(Status::expired_list(if is_continued {
                        continue_token::inconsistent(start, prefix)
                    } else {
                        String::new()
                    }));
                }
                Err(StoreError::Future { current }) => {
                    return Err(Status::too_large_version(revision.0, current.0));
                }
                Err(error) => return Err(self.server.store_failed(&error)),
            };
            let read = page.items.len();
            let after = page.items.last().map(|last| format!("{}\0", last.key));
            for item in page.items {
                let object = Arc::new(Object::new(&item));
                if !has_selector {
                    items.push(object);
                    continue;
                }
                if !selected(options, &object) {
                    continue;
                }
                if limit > 0 && items.len() == limit {
                    let next = items.last().map(|last| continue_token::format(revision.0, &last.key, prefix));
                    return Ok(Page { revision, items, next, remaining: None });
                }
                items.push(object);
            }
            if !has_selector {
                let next = page.more.then(|| items.last()).flatten();
                let next = next.map(|last| continue_token::format(revision.0, &last.key, prefix));
                let left = usize::try_from(page.count).unwrap_or(usize::MAX).saturating_sub(read);
                return Ok(Page { revision, next, remaining: page.more.then_some(left), items });
            }
            if !page.more {
                return Ok(Page { revision, items, next: None, remaining: None });
            }
            start = after;
        }
    }
}

fn has_selector(options: &ListOptions) -> bool {
    !options.label_selector.is_empty() || !options.field_selector.is_empty()
}

/// Whether the selectors of a list take an object.
pub(crate) fn selected(options: &ListOptions, object: &Object) -> bool {
    options.label_selector.matches_with(|name| object.label(name))
        && (options.field_selector.is_empty() || options.field_selector.matches(&object.value()))
}
