//! `docs/protocol.md`: each row names a file that exists and a test that runs.

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
pub fn is_test(text: &str, name: &str) -> bool {
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

#[test]
fn every_row_names_a_file_and_a_test_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/protocol.md")).unwrap();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let (mut wrong, mut rows, mut section, mut columns) = (Vec::new(), 0, "", Vec::new());
    for (n, line) in document.lines().enumerate() {
        let mut say = |what: String| wrong.push(format!("docs/protocol.md:{}: {what}", n + 1));
        if let Some(head) = line.strip_prefix("## ") {
            (section, columns) = (head, Vec::new());
        } else if line.starts_with("|---") {
            continue;
        } else if line.starts_with('|') && columns.is_empty() {
            columns = cells(line);
        } else if line.starts_with('|') && columns.last() == Some(&"shown by") {
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
                if !file.starts_with("src/") || !root.join(file).is_file() {
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
    assert!(rows > 80, "the table was not understood: {rows} rows");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_test_is_told_from_a_function() {
    let text = "on_both!(\n    this,\n);\nasync fn this(w: &Town) {}\n#[test]\nfn that() {}\n\nfn helper() {}\n// other\nfn other() {}\n";
    let found = |name| is_test(text, name);
    assert!(found("this") && found("that"));
    assert!(!found("helper") && !found("other") && !found("nothing"));
}
