//! The bound on the number of managers.

use super::{ANCIENT_CHANGES, Entry, MAX_UPDATE_MANAGERS, Operation, list::insert};

/// Makes the oldest entries of operation Update into one per version of the API until there are few enough.
pub(super) fn cap(entries: Vec<Entry>) -> Vec<Entry> {
    let (mut updates, mut kept): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.operation == Operation::Update);
    let mut count = updates.len();
    if count <= MAX_UPDATE_MANAGERS {
        kept.append(&mut updates);
        return kept;
    }
    updates.sort_by(|one, other| (&one.time, &one.manager).cmp(&(&other.time, &other.manager)));
    let mut merged: Vec<Entry> = Vec::new();
    for entry in updates {
        let same = merged.iter_mut().find(|known| known.api_version == entry.api_version);
        match same {
            Some(bucket) if count > MAX_UPDATE_MANAGERS => {
                // The first of its version becomes the one that takes up the others.
                ANCIENT_CHANGES.clone_into(&mut bucket.manager);
                bucket.subresource.clear();
                bucket.fields.add(&entry.fields);
                // Entries come by age: this one is younger.
                bucket.time = entry.time;
                count -= 1;
            }
            None if count > MAX_UPDATE_MANAGERS => merged.push(entry),
            _ => kept.push(entry),
        }
    }
    for entry in merged {
        insert(&mut kept, entry);
    }
    kept
}
