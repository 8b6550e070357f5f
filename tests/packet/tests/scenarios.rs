//! Every case of `cases/`.

use std::path::{Path, PathBuf};

use guideway_packet_tests::case_file::read;
use guideway_packet_tests::history::run;

macro_rules! files {
    ($($name:ident)*) => {
        const FILES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*
    };
}

files! {
    affinity bfd_echo broken checksums encapsulations entries flow_budget fragments ipv4 ipv6 lookup moves next_hop_fib
    next_hop_other nothing_installed on_link pools rivals routes second_hop seed sources sticky vlan
}

#[test]
fn every_file_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(cases())
        .expect("cases/")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        // Those of the decap program have a test of their own.
        .filter(|name| !name.starts_with("decap"))
        .collect();
    found.sort();
    assert_eq!(found, FILES, "add new files to `files!`");
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

fn check(name: &str) {
    let file = read(&cases().join(format!("{name}.yaml"))).unwrap_or_else(|e| panic!("{e:#}"));
    let packets = run(&file).unwrap_or_else(|e| panic!("{e:#}"));
    println!("{name}: {} cases, {packets} packets", file.cases.len());
}
