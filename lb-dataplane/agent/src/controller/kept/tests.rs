use super::*;
use guideway_controller_core::{Pool, Routing, Term};
use guideway_dataplane_config::Seed;

/// A content with so many pools.
fn content(pools: u8) -> Content {
    let mut content = Content::new(Seed::new([7; 16]), Routing::default());
    for pool in 0..pools {
        let prefixes = vec![format!("203.0.{pool}.0/24").parse().unwrap()];
        content.put_pool(Pool { name: format!("pool-{pool}").parse().unwrap(), prefixes });
    }
    content
}

fn stamp(generation: u64, content: &Content) -> Stamp {
    Stamp { generation: Generation(generation), digest: content.digest() }
}

fn kept(committed: Stamp) -> Kept {
    Kept { highest_term: Term(3), known: committed.generation, committed: Some(committed) }
}

#[test]
fn what_was_kept_is_found() {
    let state = tempfile::tempdir().unwrap();
    let folder = Folder::new(state.path());
    let (found, problems) = folder.open();
    assert!(found.committed.is_none() && found.kept == Kept::default() && problems.is_empty());

    let (first, second) = (content(1), content(2));
    folder.write(stamp(4, &first), &first).unwrap();
    folder.keep(kept(stamp(4, &first))).unwrap();
    folder.write(stamp(6, &second), &second).unwrap();
    let (found, problems) = folder.open();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(found.kept, kept(stamp(4, &first)));
    assert_eq!(found.committed, Some(first.clone()));
    assert_eq!(found.prepared, Some((Generation(6), second.clone())));
    assert_eq!(folder.fetch(Generation(4)).unwrap(), Some(first.clone()));
    assert_eq!(folder.fetch(Generation(5)).unwrap(), None);
    let listed = folder.list(found.kept.committed);
    assert_eq!(listed.len(), 1, "what is prepared was not in force: {listed:?}");
    assert_eq!((listed[0].0, listed[0].1), (Generation(4), first.digest()));

    folder.discard(stamp(6, &second));
    assert!(folder.open().0.prepared.is_none());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&folder.path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700, "the seed is in it");
}

#[test]
fn the_last_ten_are_kept() {
    let state = tempfile::tempdir().unwrap();
    let folder = Folder::new(state.path());
    for generation in 1..=13 {
        let content = content(u8::try_from(generation).unwrap());
        folder.write(stamp(generation, &content), &content).unwrap();
        folder.keep(kept(stamp(generation, &content))).unwrap();
    }
    let generations: Vec<u64> =
        folder.list(folder.open().0.kept.committed).iter().map(|one| one.0.0).collect();
    assert_eq!(generations, (4..=13).collect::<Vec<_>>());
}

#[test]
fn what_was_torn_is_not_taken() {
    let state = tempfile::tempdir().unwrap();
    let folder = Folder::new(state.path());
    let content = content(3);
    let stamp = stamp(9, &content);
    folder.write(stamp, &content).unwrap();
    folder.keep(kept(stamp)).unwrap();
    let path = folder.content_path(stamp);
    let whole = fs::read(&path).unwrap();
    for bytes in [&whole[..whole.len() / 2], &[][..], &[whole.as_slice(), b"x"].concat(), b"nonsense"] {
        fs::write(&path, bytes).unwrap();
        let (found, problems) = folder.open();
        assert!(found.committed.is_none(), "{problems:?}");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().contains("does not hold what its name says"), "{}", problems[0]);
    }
    // A file that a crash has left beside its place is nothing.
    fs::write(path.with_added_extension(BESIDE), &whole).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(folder.open().0.committed.is_none());
    fs::write(folder.path.join(STANDING), "guideway-standing: 1\n").unwrap();
    let (found, problems) = folder.open();
    assert_eq!((found.kept, problems.len()), (Kept::default(), 1));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("controller"), "a file").unwrap();
    let folder = Folder::new(state.path());
    let content = content(1);
    let error = folder.write(stamp(1, &content), &content).unwrap_err();
    assert!(error.to_string().starts_with("cannot make"), "{error}");
    assert!(folder.keep(Kept::default()).is_err());
}
