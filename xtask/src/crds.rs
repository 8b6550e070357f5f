//! `cargo xtask crds`: the definitions of custom resources and their tables in the documentation.
//!
//! Both follow from the fields in `guideway-controller-crds`, and are committed, so that nobody needs to build anything to
//! install or to read them.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;
use guideway_controller_crds::fields::Need;
use guideway_controller_crds::{ANNOTATIONS, FOREIGN_KINDS, Kind, Row, definition, manifest, rows};

use crate::repo;

/// Options of `cargo xtask crds`.
#[derive(Args, Debug)]
pub(crate) struct CrdsArgs {
    /// Change nothing; fail when what is committed differs from what the sources give
    #[arg(long)]
    check: bool,
}

/// The folder of the manifests.
const MANIFESTS: &str = "deploy/crds";
/// Pages with tables, and what of.
const PAGES: &[(&str, &str)] =
    &[("docs/metallb.md", "metallb.io"), ("docs/controller-resources.md", "guideway.dev")];
const HEAD: &str = "# Written by `cargo xtask crds`.\n";

/// Runs `cargo xtask crds`.
pub(crate) fn run(args: &CrdsArgs) -> Result<()> {
    if args.check {
        return check();
    }
    fs::create_dir_all(repo::root().join(MANIFESTS)).with_context(|| format!("cannot make {MANIFESTS}"))?;
    for (path, fresh) in derive()? {
        let place = repo::root().join(&path);
        if fs::read_to_string(&place).is_ok_and(|committed| committed == fresh) {
            eprintln!("unchanged: {path}");
        } else {
            fs::write(&place, fresh).with_context(|| format!("cannot write {}", place.display()))?;
            eprintln!("written: {path}");
        }
    }
    for path in strays()? {
        fs::remove_file(repo::root().join(&path)).with_context(|| format!("cannot remove {path}"))?;
        eprintln!("removed: {path}");
    }
    Ok(())
}

/// Fails when what is committed differs from what the sources give.
pub(crate) fn check() -> Result<()> {
    let mut different = Vec::new();
    for (path, fresh) in derive()? {
        match fs::read_to_string(repo::root().join(&path)) {
            Ok(committed) if committed == fresh => {}
            Ok(committed) => {
                let line = committed.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
                different.push(format!("{path} from line {} on", line + 1));
            }
            Err(error) => different.push(format!("{path}: {error}")),
        }
    }
    different.extend(strays()?.into_iter().map(|path| format!("{path} is of no kind")));
    if !different.is_empty() {
        bail!(
            "what is committed differs from what the sources give:\n  {}\n`cargo xtask crds` writes it",
            different.join("\n  ")
        );
    }
    Ok(())
}

/// All files: path below the root, and text.
fn derive() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for kind in Kind::ALL {
        let text = serde_saphyr::to_string(&manifest(kind))
            .with_context(|| format!("{} cannot be written as YAML", kind.as_str()))?;
        files.push((manifest_path(kind), format!("{HEAD}{text}")));
    }
    for (path, group) in PAGES {
        let text =
            fs::read_to_string(repo::root().join(path)).with_context(|| format!("cannot read {path}"))?;
        files.push((
            (*path).to_owned(),
            fill(&text, group).with_context(|| format!("{path} cannot be filled"))?,
        ));
    }
    Ok(files)
}

fn manifest_path(kind: Kind) -> String {
    format!("{MANIFESTS}/{}_{}.yaml", kind.group(), kind.plural())
}

/// Files among the manifests that are none.
fn strays() -> Result<Vec<String>> {
    let folder = repo::root().join(MANIFESTS);
    let known: Vec<String> = Kind::ALL.into_iter().map(manifest_path).collect();
    let mut strays = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {MANIFESTS}"))? {
        let path = format!("{MANIFESTS}/{}", entry?.file_name().to_string_lossy());
        if !known.contains(&path) {
            strays.push(path);
        }
    }
    strays.sort();
    Ok(strays)
}

/// Puts fresh tables between the marks of a page.
fn fill(page: &str, group: &str) -> Result<String> {
    let begin = "<!-- begin: written by `cargo xtask crds` -->\n";
    let end = "<!-- end -->";
    let (before, rest) = page.split_once(begin).with_context(|| format!("there is no line {begin:?}"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("there is no line {end:?}"))?;
    Ok(format!("{before}{begin}\n{}{end}{after}", tables(group)))
}

fn tables(group: &str) -> String {
    let mut text = String::new();
    let of_metallb = group == "metallb.io";
    for kind in Kind::ALL.into_iter().filter(|kind| kind.group() == group) {
        for version in definition(kind).versions {
            let _ = writeln!(text, "### {} {}\n", kind.as_str(), version.name);
            if version.deprecated.is_none() {
                let _ = writeln!(text, "{}\n", definition(kind).about);
            } else {
                let _ = writeln!(text, "The older version of the same.\n");
            }
            let fields = rows(version.fields, "spec");
            text += if of_metallb {
                "| Field | Holds | Meaning | Here |\n|---|---|---|---|\n"
            } else {
                "| Field | Holds | Default | Meaning |\n|---|---|---|---|\n"
            };
            for row in fields {
                text += &if of_metallb { metallb_row(&row) } else { own_row(&row) };
            }
            text.push('\n');
        }
    }
    if of_metallb {
        text += "### Annotations of Services\n\n| Annotation | Here |\n|---|---|\n";
        for annotation in ANNOTATIONS {
            let what = annotation.fate.text().map_or_else(String::new, |text| format!(": {text}"));
            let _ = writeln!(
                text,
                "| `metallb.io/{0}`, `metallb.universe.tf/{0}` | {1}{2} |",
                annotation.name,
                annotation.fate.as_str(),
                escape(&what)
            );
        }
        text += "\n### Other kinds\n\n| Kind | What becomes of it |\n|---|---|\n";
        for kind in FOREIGN_KINDS {
            let what = kind.fate.text().unwrap_or_default();
            let _ = writeln!(text, "| {} | {}: {} |", kind.name, kind.fate.as_str(), escape(what));
        }
        text.push('\n');
    }
    text
}

fn metallb_row(row: &Row) -> String {
    let here = row.fate.text().map_or_else(String::new, |text| format!(": {text}"));
    format!(
        "| `{}` | {} | {} | {}{} |\n",
        row.path,
        escape(&row.holds),
        escape(row.about),
        row.fate.as_str(),
        escape(&here)
    )
}

fn own_row(row: &Row) -> String {
    let default = match row.need {
        Need::Required => "required".to_owned(),
        Need::Optional => String::new(),
        Need::Default(json) => format!("`{}`", json.trim_matches('"')),
    };
    format!("| `{}` | {} | {default} | {} |\n", row.path, escape(&row.holds), escape(row.about))
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_filled_between_their_marks() {
        let page = "a\n<!-- begin: written by `cargo xtask crds` -->\nout of date\n<!-- end -->\nb\n";
        let filled = fill(page, "guideway.dev").expect("the marks are there");
        assert!(filled.starts_with("a\n<!-- begin") && filled.ends_with("<!-- end -->\nb\n"));
        assert!(filled.contains("### Cluster v1alpha1") && !filled.contains("out of date"));
        assert_eq!(fill(&filled, "guideway.dev").expect("the marks are there still"), filled);
        assert!(fill("", "guideway.dev").is_err());
    }
}
