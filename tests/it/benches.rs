//! `benches/run`: nothing is measured here. Its programs can be read, its help names what it can do, and the tokens it makes are tokens.

use renkei_core::secret::{SecretKind, presented};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
/// What a program prints; it must end well.
fn run(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
fn programs() -> Vec<PathBuf> {
    let of = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let all =
        [root().join("benches/programs"), root().join("benches/node")].iter().flat_map(|f| of(f)).collect::<Vec<_>>();
    all.into_iter().filter(|path| path.extension().is_some_and(|end| end == "mjs")).collect()
}

#[test]
fn the_help_of_the_benches_names_each_option_and_each_group() {
    let help = run("benches/run", &["--help"]);
    assert!(help.starts_with("Measures Renkei") && help.contains("--quick") && !help.contains("set -"), "{help}");
    let machine = fs::read_to_string(root().join("benches/programs/machine.mjs")).unwrap();
    let options = machine.split("options: {").nth(1).unwrap().split("\n  },").next().unwrap();
    let options: Vec<&str> = options
        .lines()
        .filter_map(|line| line.trim().split_once(": {"))
        .map(|(name, _)| name.trim_matches('"'))
        .collect();
    let main = fs::read_to_string(root().join("benches/programs/main.mjs")).unwrap();
    let groups: Vec<&str> =
        main.lines().filter_map(|line| line.trim().strip_prefix("{ name: \"")?.split('"').next()).collect();
    assert!(options.len() > 8 && groups.len() > 10, "{options:?} {groups:?}");
    for name in options.iter().map(|name| format!("--{name}")).chain(groups.iter().map(|name| (*name).to_owned())) {
        assert!(help.contains(&name), "the help does not name {name}");
    }
}

#[test]
fn the_programs_of_the_benches_can_be_read() {
    run("bash", &["-n", "benches/run"]);
    let programs = programs();
    assert!(programs.len() > 5, "{programs:?}");
    for program in programs {
        run("node", &["--check", program.to_str().unwrap()]);
    }
}

/// The load knows the tokens of the copied links, because both are made from the link's number.
#[test]
fn the_tokens_of_the_benches_have_the_form_of_ours() {
    let script = "import('./benches/programs/seed.mjs').then(({ copied }) => \
                  [1, 77].forEach((n) => ['access', 'refresh', 'code'].forEach((what) => console.log(copied('links', n, what)))))";
    let printed = run("node", &["-e", script]);
    let tokens: Vec<&str> = printed.split_whitespace().collect();
    assert_eq!(tokens.len(), 6, "{printed}");
    for (n, token) in tokens.iter().enumerate() {
        let kind = [SecretKind::Access, SecretKind::Refresh, SecretKind::Code][n % 3];
        assert!(presented(kind, token).is_some(), "{token}");
    }
    assert_ne!(tokens[0], tokens[3]);
}

/// The page has the two lines between which the tables are written.
#[test]
fn the_page_of_the_benches_has_its_lines() {
    let report = fs::read_to_string(root().join("benches/programs/report.mjs")).unwrap();
    let page = fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    let line = |name: &str| report.split(&format!("const {name} = \"")).nth(1).unwrap().split('"').next().unwrap();
    let at = |line: &str| page.find(line).unwrap_or_else(|| panic!("docs/benchmarks.md has no line {line}"));
    assert!(at(line("BEGIN")) < at(line("END")));
}
