//! `docs/protocol.md` and `docs/requirements.md`: each row names a file that exists and a test that runs; each number that
//! is cited is explained.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The cells of a row, without its outer bars.
fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split(" | ").map(str::trim).collect()
}

/// What stands between backticks in a cell, and nothing else may: commas part the entries.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether `text` holds a test of this name: marked as one, or run by a macro of ours for each engine.
pub(crate) fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let Some(at) = lines.iter().position(|l| l.trim_start_matches("async ").starts_with(&head)) else {
        return false;
    };
    let marked = lines[..at].iter().rev().take_while(|l| l.starts_with("#[") || l.starts_with("///"));
    let word = |l: &str| l.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == name);
    marked.into_iter().any(|l| l.ends_with("test]") || l.contains("::test("))
        || lines[..at].iter().any(|l| !l.starts_with("//") && word(l))
}

/// Both documents and the least number of rows each has, so that a table that was not understood is noticed.
const DOCUMENTS: [(&str, usize); 2] = [("docs/protocol.md", 80), ("docs/requirements.md", 150)];

#[test]
fn every_row_names_a_file_and_a_test_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, least) in DOCUMENTS {
        let rows = judge(root, name, &mut texts, &mut wrong);
        assert!(rows > least, "the tables of {name} were not understood: {rows} rows");
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Judges each row that ends with "shown by"; returns how many there are.
fn judge(root: &Path, name: &str, texts: &mut BTreeMap<String, String>, wrong: &mut Vec<String>) -> usize {
    let document = fs::read_to_string(root.join(name)).unwrap();
    let (mut rows, mut section, mut columns) = (0, "", Vec::new());
    for (n, line) in document.lines().enumerate() {
        let mut say = |what: String| wrong.push(format!("{name}:{}: {what}", n + 1));
        if let Some(head) = line.strip_prefix("## ") {
            (section, columns) = (head, Vec::new());
        } else if line.starts_with("|---") {
            continue;
        } else if !line.starts_with('|') {
            columns = Vec::new();
        } else if columns.is_empty() {
            columns = cells(line);
        } else if columns.last() == Some(&"shown by") {
            rows += 1;
            let row = cells(line);
            if row.len() != columns.len() {
                say(format!("{section}: {} cells under {} heads", row.len(), columns.len()));
                continue;
            }
            let (files, tests) = (columns.iter().position(|c| *c == "enforced by"), named(row[row.len() - 1]));
            if files.is_some_and(|i| named(row[i]).is_empty()) || tests.is_empty() {
                say(format!("{section} {}: wants a file and a test", row[0]));
            }
            for file in files.map(|i| named(row[i])).unwrap_or_default() {
                let ours = ["src/", "templates/", "tests/it/sentences/"].iter().any(|folder| file.starts_with(folder));
                if !ours || !root.join(file).is_file() {
                    say(format!("{file} is no file of ours"));
                }
            }
            for test in tests {
                let Some((file, name)) = test.split_once("::") else {
                    say(format!("{test} is not file::test"));
                    continue;
                };
                let text = texts
                    .entry(file.to_owned())
                    .or_insert_with(|| fs::read_to_string(root.join(file)).unwrap_or_default());
                if !is_test(text, name) {
                    say(format!("there is no test {name} in {file}"));
                }
            }
        }
    }
    rows
}

/// A number that a comment cites (R33, G22, H4, S5) or a place (`requirements.md#hours`) has its anchor.
#[test]
fn every_cited_number_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/requirements.md")).unwrap();
    let mut missing = Vec::new();
    for folder in ["src", "tests/it", "tests/support", "templates", "config", "docs"] {
        for (path, text) in files(&root.join(folder)) {
            let numbers =
                text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| is_number(w)).map(str::to_lowercase);
            let places = text
                .split("requirements.md#")
                .skip(1)
                .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>())
                .filter(|test_store| !test_store.is_empty());
            for anchor in numbers.chain(places) {
                if !document.contains(&format!("<a id=\"{anchor}\">")) {
                    missing.push(format!("{}: {anchor}", path.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not in docs/requirements.md:\n{}\n", missing.join("\n"));
}

/// `R33`, `G1`, `H6`, `S4T`: a letter and one or two digits; a two-digit S is none of ours.
fn is_number(word: &str) -> bool {
    let Some(rest) = word.strip_prefix(['R', 'G', 'H', 'S']) else { return false };
    let digits = rest.strip_suffix('T').unwrap_or(rest);
    let most = if word.starts_with('S') { 1 } else { 2 };
    (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Every text file below a folder.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_test_is_told_from_a_function() {
    let text = "on_both!(\n    this,\n);\nasync fn this(w: &Town) {}\n#[test]\nfn that() {}\n\nfn helper() {}\n// other\nfn other() {}\n";
    let found = |name| is_test(text, name);
    assert!(found("this") && found("that"));
    assert!(!found("helper") && !found("other") && !found("nothing"));
}
