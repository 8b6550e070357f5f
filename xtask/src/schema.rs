//! `cargo xtask schema`: the tables that describe Kubernetes' API.
//!
//! They are committed, so that building needs none of the crates that they are derived from; those are in a workspace of
//! their own, `orchestrator/generate`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{process, repo};

/// Options of `cargo xtask schema`.
#[derive(Args, Debug)]
pub(crate) struct SchemaArgs {
    /// Change nothing; fail when what is committed differs from what the sources give
    #[arg(long)]
    check: bool,
}

/// The folder of the schemas' tables.
const SCHEMAS: &str = "orchestrator/schema/src/builtin";
/// The tables in it.
const SCHEMA_TABLES: &[&str] = &["definitions.txt", "kinds.txt"];
/// The table of protobuf messages.
const MESSAGES: &str = "orchestrator/protobuf/src/table/generated.rs";
/// What the messages' own source does not say.
const GO_FIELDS: &str = "orchestrator/protobuf/data/go-fields.txt";

/// Runs `cargo xtask schema`.
pub(crate) fn run(args: &SchemaArgs) -> Result<()> {
    if args.check {
        return check();
    }
    for (path, fresh) in derive()? {
        let place = repo::root().join(&path);
        if fs::read_to_string(&place).is_ok_and(|committed| committed == fresh) {
            eprintln!("unchanged: {path}");
        } else {
            fs::write(&place, fresh).with_context(|| format!("cannot write {}", place.display()))?;
            eprintln!("written: {path}");
        }
    }
    Ok(())
}

/// Fails when what is committed differs from what the sources give.
pub(crate) fn check() -> Result<()> {
    let mut different = Vec::new();
    for (path, fresh) in derive()? {
        let place = repo::root().join(&path);
        let committed =
            fs::read_to_string(&place).with_context(|| format!("cannot read {}", place.display()))?;
        if committed != fresh {
            let line = committed.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count() + 1;
            different.push(format!("{path} from line {line} on"));
        }
    }
    if !different.is_empty() {
        bail!(
            "committed tables differ from what their sources give:\n  {}\n`cargo xtask schema` writes them",
            different.join("\n  ")
        );
    }
    Ok(())
}

/// Derives all tables: path below the root, and text.
fn derive() -> Result<Vec<(String, String)>> {
    let mut build = process::cargo(&["build", "--quiet", "--locked", "--bins"]);
    process::run(build.current_dir(folder()).env("CARGO_TARGET_DIR", repo::target_dir()))?;

    let fresh = repo::target_dir().join("generated");
    fs::create_dir_all(&fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    process::output(program("schema").arg(&fresh))?;
    let mut tables = Vec::new();
    for name in SCHEMA_TABLES {
        let text = fs::read_to_string(fresh.join(name)).with_context(|| format!("{name} was not made"))?;
        tables.push((format!("{SCHEMAS}/{name}"), text));
    }
    let table = process::output(program("protobuf").arg(messages()?).arg(repo::root().join(GO_FIELDS)))?;
    tables.push((MESSAGES.to_owned(), table));
    Ok(tables)
}

fn folder() -> PathBuf {
    repo::root().join("orchestrator/generate")
}

fn program(name: &str) -> std::process::Command {
    std::process::Command::new(repo::target_dir().join("debug").join(name))
}

/// The sources of the k8s-pb crate, which are read and not compiled: the dependency is optional and switched off.
fn messages() -> Result<PathBuf> {
    let args = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let metadata = process::output(process::cargo(&args).current_dir(folder()))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is no JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "k8s-pb")
        .and_then(|package| package["manifest_path"].as_str())
        .context("orchestrator/generate does not depend on k8s-pb")?;
    Path::new(manifest).parent().map(|parent| parent.join("src")).context("k8s-pb has no folder")
}
