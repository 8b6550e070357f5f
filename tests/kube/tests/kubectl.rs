//! Every kubectl of the machine types every script.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use guideway_kube_tests::{Script, Server, kubectl};

/// The script for every kubectl, whatever its age.
const BASICS: &str = "basics";
/// The other scripts type commands and expect words that older ones do not have.
const FIRST: u32 = 27;

/// Runs one script with each kubectl, each on a server of its own.
fn script(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(format!("{name}.txt"));
    let script = Script::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let versions = kubectl::all();
    assert!(!versions.is_empty(), "there is no kubectl: install the Debian package kubernetes-client");
    let mut failures = String::new();
    for kubectl in &versions {
        if kubectl.minor < FIRST && name != BASICS {
            println!("{name}: not for kubectl 1.{}, which is older than 1.{FIRST}", kubectl.minor);
            continue;
        }
        let server = Server::start().unwrap();
        let differences = script.run(name, kubectl, &server).unwrap();
        println!(
            "{name}: kubectl 1.{}: {} commands, {} differ",
            kubectl.minor,
            script.commands(kubectl.minor),
            differences.len()
        );
        for difference in differences {
            failures += &format!("\nkubectl 1.{}, {}, {difference}", kubectl.minor, path.display());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                script(stringify!($name));
            }
        )*

        #[test]
        fn every_script_is_run() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".txt").to_owned())
                .collect();
            files.sort();
            assert_eq!(files, [$(stringify!($name)),*]);
        }
    };
}

scripts!(access, apply, basics, configmaps, crds, deletion, discovery, limits, nodes, services, workloads);
