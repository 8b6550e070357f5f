//! "Did you mean": the nearest of the names that would have been right.

/// Candidates looked at; the rest of a long list is not worth the time.
const MAX_CANDIDATES: usize = 1000;
/// No name that is longer is worth a comparison.
const MAX_LENGTH: usize = 64;

/// ``, did you mean `name`?`` for the nearest candidate, or nothing when none is near.
pub(crate) fn did_you_mean<'c>(wrong: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    if wrong.len() > MAX_LENGTH {
        return String::new();
    }
    let allowed = (wrong.chars().count() / 3).max(1);
    candidates
        .take(MAX_CANDIDATES)
        .filter(|candidate| candidate.len() <= MAX_LENGTH)
        .map(|candidate| (distance(wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map_or_else(String::new, |(_, candidate)| format!(", did you mean `{candidate}`?"))
}

/// Edits that turn one into the other: insert, delete, replace, swap neighbours; case is ignored.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(from != to);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let table =
            [("", "", 0), ("a", "", 1), ("vip", "vips", 1), ("adress", "address", 1), ("naem", "name", 1)];
        for (a, b, expected) in table {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let names = ["interval", "timeout", "rise", "fall"];
        assert_eq!(did_you_mean("timeuot", names.into_iter()), ", did you mean `timeout`?");
        assert_eq!(did_you_mean("Rise", names.into_iter()), ", did you mean `rise`?");
        assert_eq!(did_you_mean("color", names.into_iter()), "");
    }
}
