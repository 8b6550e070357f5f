//! Files of commands with what they must print.
//!
//! ```text
//! # What this shows.
//! $ kubectl create configmap a --from-literal=k=v
//! configmap/a created
//!
//! $ [>=31] kubectl get cm nope
//! ! Error from server (NotFound): configmaps "nope" not found
//! ? 1
//!
//! $ kubectl apply -f -
//! < apiVersion: v1
//! < kind: ConfigMap
//! ```
//!
//! A line that begins with `$` is a command for `sh`; `kubectl` in it is the binary under test, in a home and a namespace of its
//! own. Lines with `<` are its standard input, lines with `!` its standard error, the line with `?` its exit status (0 when
//! there is none), other lines its standard output. `$ [>=31]` and `$ [<31]` are for some versions only. `$ ~` waits: the
//! command is tried again until it prints what it must. In expected lines `[..]` stands for any text in the line, and a line
//! of `...` for any lines. Blank space inside a line counts as one blank, for tables are as
//! wide as their contents; blank lines do not count.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{Kubectl, Server};

/// How long a command with `~` is tried.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    /// Of the file, from 1.
    line: usize,
    command: String,
    versions: Versions,
    waits: bool,
    input: String,
    output: Vec<String>,
    errors: Vec<String>,
    status: i32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Versions {
    #[default]
    All,
    From(u32),
    Before(u32),
}

impl Versions {
    fn contains(self, minor: u32) -> bool {
        match self {
            Self::All => true,
            Self::From(first) => first <= minor,
            Self::Before(end) => minor < end,
        }
    }
}

/// A command that did not print what it must.
#[derive(Debug)]
pub struct Difference {
    line: usize,
    command: String,
    expected: String,
    got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, command, expected, got } = self;
        writeln!(f, "line {line}: $ {command}\n--- expected\n{expected}\n--- got\n{got}")
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// Names the line that cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let mut steps: Vec<Step> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step::new(at + 1, command)?);
                continue;
            }
            let Some(step) = steps.last_mut() else {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                bail!("line {}: a script begins with a command", at + 1);
            };
            match line.split_at_checked(1) {
                Some(("#", _)) | None => {}
                Some(("<", input)) => {
                    step.input.push_str(input.strip_prefix(' ').unwrap_or(input));
                    step.input.push('\n');
                }
                Some(("!", error)) => step.errors.push(error.strip_prefix(' ').unwrap_or(error).to_owned()),
                Some(("?", status)) => {
                    let status = status.trim().parse();
                    step.status = status.with_context(|| format!("line {}: no exit status", at + 1))?;
                }
                Some(_) => step.output.push(line.to_owned()),
            }
        }
        Ok(Self { steps })
    }

    /// Commands for that version.
    #[must_use]
    pub fn commands(&self, minor: u32) -> usize {
        self.steps.iter().filter(|step| step.versions.contains(minor)).count()
    }

    /// Types all commands, in a namespace `name` of their own, and tells where something else was printed.
    ///
    /// # Errors
    /// When a command cannot be run at all.
    pub fn run(&self, name: &str, kubectl: &Kubectl, server: &Server) -> Result<Vec<Difference>> {
        let home = server.folder().join(format!("home-{}-{name}", kubectl.minor));
        let bin = home.join("bin");
        std::fs::create_dir_all(&bin)?;
        let program = bin.join("kubectl");
        if !program.exists() {
            std::os::unix::fs::symlink(&kubectl.path, &program)?;
        }
        let kubeconfig = home.join("config");
        std::fs::copy(server.kubeconfig(), &kubeconfig)?;
        let shell = Shell { home: &home, bin: &bin, kubeconfig: &kubeconfig };
        for command in [
            format!("kubectl create namespace {name}"),
            format!("kubectl config set-context --current --namespace={name}"),
        ] {
            let said = shell.run(&command, "")?;
            anyhow::ensure!(said.status == 0, "{command}: {}", said.errors.join("\n"));
        }
        let steps = self.steps.iter().filter(|step| step.versions.contains(kubectl.minor));
        let mut differences = Vec::new();
        for step in steps {
            differences.extend(step.try_in(&shell)?);
        }
        Ok(differences)
    }
}

impl Step {
    fn new(line: usize, command: &str) -> Result<Self> {
        let mut step = Self { line, command: command.to_owned(), ..Self::default() };
        if let Some((versions, command)) = command.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            let number = |text: &str| text.parse().with_context(|| format!("line {line}: no minor version"));
            step.versions = match (versions.strip_prefix(">="), versions.strip_prefix('<')) {
                (Some(first), _) => Versions::From(number(first)?),
                (_, Some(end)) => Versions::Before(number(end)?),
                _ => bail!("line {line}: versions are written [>=31] or [<31]"),
            };
            step.command = command.to_owned();
        }
        if let Some(command) = step.command.strip_prefix("~ ") {
            step.waits = true;
            step.command = command.to_owned();
        }
        Ok(step)
    }

    fn try_in(&self, shell: &Shell<'_>) -> Result<Option<Difference>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = shell.run(&self.command, &self.input)?;
            let same = said.status == self.status
                && matches(&self.output, &said.output)
                && matches(&self.errors, &said.errors);
            if same {
                return Ok(None);
            }
            if !self.waits || Instant::now() > deadline {
                let expected =
                    Said { output: self.output.clone(), errors: self.errors.clone(), status: self.status };
                return Ok(Some(Difference {
                    line: self.line,
                    command: self.command.clone(),
                    expected: expected.to_string(),
                    got: said.to_string(),
                }));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What a command printed.
struct Said {
    output: Vec<String>,
    errors: Vec<String>,
    status: i32,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.errors.iter().map(|line| format!("! {line}"));
        let lines: Vec<String> = self.output.iter().cloned().chain(errors).collect();
        write!(f, "{}\n? {}", lines.join("\n"), self.status)
    }
}

struct Shell<'a> {
    home: &'a Path,
    bin: &'a Path,
    kubeconfig: &'a Path,
}

impl Shell<'_> {
    fn run(&self, command: &str, input: &str) -> Result<Said> {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut child = Command::new("sh")
            .args(["-c", command])
            .current_dir(self.home)
            .env("HOME", self.home)
            .env("KUBECONFIG", self.kubeconfig)
            .env("PATH", format!("{}:{path}", self.bin.display()))
            .env("LC_ALL", "C")
            .env_remove("KUBE_EDITOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start sh")?;
        // One that does not read its input may have closed it.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
        Ok(Said {
            output: lines(&output.stdout),
            errors: lines(&output.stderr),
            status: output.status.code().unwrap_or(-1),
        })
    }
}

/// Whether `got` is what `expected` says; blank lines do not count.
fn matches(expected: &[String], got: &[String]) -> bool {
    let full = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !line.trim().is_empty()).cloned().collect()
    };
    matches_lines(&full(expected), &full(got))
}

fn matches_lines(expected: &[String], got: &[String]) -> bool {
    match (expected.split_first(), got.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == "..." => {
            (0..=got.len()).any(|skipped| matches_lines(rest, &got[skipped..]))
        }
        (Some((pattern, expected)), Some((line, got))) => {
            matches_line(&blanks(pattern), &blanks(line)) && matches_lines(expected, got)
        }
        _ => false,
    }
}

/// The line with each run of blanks as one, and without those at its end.
fn blanks(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    indent + &line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn matches_line(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((before, rest)) => line.strip_prefix(before).is_some_and(|line| {
            line.char_indices()
                .map(|(at, _)| at)
                .chain([line.len()])
                .any(|skipped| matches_line(rest, &line[skipped..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read() {
        let text = "# about\n\n$ [>=31] ~ kubectl get cm\n< in\n out\n! err\n? 1\n\n$ true\n";
        let script = Script::parse(text).unwrap();
        let first = Step {
            line: 3,
            command: "kubectl get cm".into(),
            versions: Versions::From(31),
            waits: true,
            input: "in\n".into(),
            output: vec![" out".into()],
            errors: vec!["err".into()],
            status: 1,
        };
        let second = Step { line: 9, command: "true".into(), ..Step::default() };
        assert_eq!(script.steps, [first, second]);
        assert_eq!((script.commands(30), script.commands(31)), (1, 2));
        for bad in ["out\n", "$ [30] x\n", "$ [>=x] y\n", "$ x\n? y\n"] {
            Script::parse(bad).unwrap_err();
        }
    }

    #[test]
    fn expected_lines_are_patterns() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let same = |expected: &str, got: &str| matches(&lines(expected), &lines(got));
        assert!(same("NAME AGE\na [..]s\n", "NAME   AGE\na      12s\n\n"));
        assert!(same("a\n...\nd", "a\nb\nc\nd"));
        assert!(same("a\n...", "a") && same("a\nb", "a\n\nb\n"));
        assert!(same("a[..]", "a"));
        assert!(!same("a [..]s", "a 12m"));
        assert!(!same("a", "a\nb"));
        assert!(!same("  a", "a"));
        assert!(!same("", "a"));
    }
}
