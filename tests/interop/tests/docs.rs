//! docs/interop.md has the matrix of the code.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use guideway_interop::matrix::{MARKS, markdown};

/// With `UPDATE_DOCS=1` the table is written into the document.
#[test]
fn the_table_is_that_of_the_code() -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/interop.md");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (head, rest) = text.split_once(MARKS[0]).context("the mark before the table is missing")?;
    let (table, tail) = rest.split_once(MARKS[1]).context("the mark after the table is missing")?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{head}{}\n\n{}\n{}{tail}", MARKS[0], markdown(), MARKS[1]))?;
        return Ok(());
    }
    assert_eq!(
        table.trim(),
        markdown().trim(),
        "UPDATE_DOCS=1 cargo nextest run -p guideway-interop --test docs writes it"
    );
    Ok(())
}
