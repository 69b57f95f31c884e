//! The names of the code are the field's own words: none of `tests/words/old-words.txt` is the name of a type, a function, a field, a
//! module or a file, or a part of it; and one crate has no two types of one name, but for those of `tests/words/type-names.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a word may not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// In any name, whole or as a part of it.
    Any,
    /// As a whole name; within a longer one it says something.
    Whole,
    /// As the whole name of a type.
    Type,
    /// As the name of a module or a file.
    File,
}

/// A line of `tests/words/old-words.txt`.
#[derive(Debug)]
struct Word {
    old: String,
    new: String,
    scope: Scope,
    /// Whether it may stand in the name of a test that is a sentence, where it means what it means in English.
    sentence: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Type,
    Function,
    Field,
    Module,
}

/// A name and where it is given.
#[derive(Debug)]
struct Name {
    kind: Kind,
    name: String,
    line: usize,
    /// In a test: a file of tests, or a module `tests`.
    test: bool,
    /// A type of a whole module: not within a function, and not an associated type.
    of_module: bool,
}

#[test]
fn no_name_has_an_old_word() {
    let (words, exceptions) = old_words();
    let mut wrong = Vec::new();
    let mut used = Vec::new();
    let mut check = |name: &str, kind: Kind, test: bool, place: String| {
        for word in &words {
            if !forbids(word, name, kind, test) {
                continue;
            }
            if exceptions.contains_key(name) {
                used.push(name.to_owned());
            } else {
                wrong.push(format!("{place}: `{name}` has the old word `{}`; say {}", word.old, word.new));
            }
        }
    };
    for (path, text) in sources() {
        let shown = path.strip_prefix(root()).unwrap().display().to_string();
        for component in path.strip_prefix(root()).unwrap().components() {
            let stem = component.as_os_str().to_str().unwrap().trim_end_matches(".rs");
            check(stem, Kind::Module, false, shown.clone());
        }
        for n in names(&text, is_test(&path)) {
            check(&n.name, n.kind, n.test, format!("{shown}:{}", n.line));
        }
    }
    for name in exceptions.keys().filter(|name| !used.contains(name)) {
        wrong.push(format!("tests/words/old-words.txt: no name needs the exception `{name}` any more"));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_type_name_stands_twice_in_one_crate() {
    let reasons = table("type-names.txt");
    let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let inside = path.strip_prefix(root()).unwrap();
        let Ok(inside_src) = inside.strip_prefix("src") else { continue };
        let name_of_crate = crate_of(inside_src);
        for n in names(&text, is_test(&path)).into_iter().filter(|n| n.kind == Kind::Type && n.of_module) {
            let place = format!("{}:{}", inside.display(), n.line);
            found.entry((name_of_crate.clone(), n.name)).or_default().push(place);
        }
    }
    assert!(found.len() > 300, "the tree was not understood");
    let mut wrong: Vec<String> = found
        .iter()
        .filter(|((_, name), places)| places.len() > 1 && !reasons.contains_key(name))
        .map(|((name_of_crate, name), places)| format!("{name_of_crate} has {name} at {}", places.join(", ")))
        .collect();
    for name in reasons.keys() {
        if !found.iter().any(|((_, n), places)| n == name && places.len() > 1) {
            wrong.push(format!("tests/words/type-names.txt: `{name}` stands nowhere twice any more"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn forbids(word: &Word, name: &str, kind: Kind, test: bool) -> bool {
    let parts = parts(name);
    let whole = parts.len() == 1 && parts[0] == word.old;
    match word.scope {
        Scope::Any => {
            let sentence = test && kind == Kind::Function && parts.len() >= 4;
            parts.contains(&word.old) && !(word.sentence && sentence)
        }
        Scope::Whole => whole,
        Scope::Type => whole && kind == Kind::Type,
        Scope::File => whole && kind == Kind::Module,
    }
}

/// `NewGrant` and `new_grant` are `new` and `grant`.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut before = '_';
    for c in name.chars() {
        if c == '_' || c == '-' || c == '.' {
            before = '_';
            continue;
        }
        let begins = before == '_' || (c.is_ascii_uppercase() && !before.is_ascii_uppercase());
        if begins {
            parts.push(String::new());
        }
        parts.last_mut().unwrap().push(c.to_ascii_lowercase());
        before = c;
    }
    parts
}

// ---- the lists ------------------------------------------------------------------------------------------------------

/// The words, and the names that may have one all the same, with the reason.
fn old_words() -> (Vec<Word>, BTreeMap<String, String>) {
    let (mut words, mut exceptions) = (Vec::new(), BTreeMap::new());
    for line in lines("old-words.txt") {
        let cells: Vec<&str> = line.split(';').map(str::trim).collect();
        if let Some(name) = cells[0].strip_prefix("except ") {
            assert!(cells.len() == 2 && cells[1].len() > 10, "an exception has a name and a reason: {line}");
            exceptions.insert(name.to_owned(), cells[1].to_owned());
            continue;
        }
        let [old, new, scope] = cells[..] else { panic!("three cells: {line}") };
        let (scope, sentence) = scope.split_once(", ").map_or((scope, false), |(s, rest)| (s, rest == "sentence"));
        let scope = match scope {
            "any" => Scope::Any,
            "whole" => Scope::Whole,
            "type" => Scope::Type,
            "file" => Scope::File,
            other => panic!("{other}: {line}"),
        };
        words.extend(old.split(' ').map(|old| Word { old: old.into(), new: new.into(), scope, sentence }));
    }
    assert!(words.len() > 40, "tests/words/old-words.txt was not understood");
    (words, exceptions)
}

/// `name ; reason`
fn table(file: &str) -> BTreeMap<String, String> {
    let pair = |line: String| {
        let (name, reason) = line.split_once(';').unwrap_or_else(|| panic!("a name and a reason: {line}"));
        (name.trim().to_owned(), reason.trim().to_owned())
    };
    lines(file).into_iter().map(pair).collect()
}

fn lines(file: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("tests/words").join(file)).unwrap();
    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect()
}

// ---- reading the tree -----------------------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for folder in ["src", "tests"] {
        read_all(&root().join(folder), &mut found);
    }
    assert!(found.len() > 300, "the tree was not found");
    found
}

fn read_all(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "node_modules" && n != "output" && n != "target") {
                read_all(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(path, text);
        }
    }
}

fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap();
    let stem = |c: std::path::Component<'_>| c.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
    // The quirks of oxide-auth are tests too.
    inside.components().map(stem).any(|name| name == "tests" || name.ends_with("_tests") || name == "quirks")
}

/// The crate a file of `src` belongs to: its first folder where that is one.
fn crate_of(inside: &Path) -> String {
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
    if root().join("src").join(first).join("lib.rs").exists() {
        return first.to_owned();
    }
    "program".to_owned()
}

/// Identifiers and punctuation, with their lines; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<(String, usize)> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let (mut out, mut i, mut line) = (Vec::new(), 0, 1);
    while i < c.len() {
        let from = i;
        match c[i] {
            '/' if at(i + 1) == '/' => {
                while i < c.len() && c[i] != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                while i < c.len() && !(c[i] == '*' && at(i + 1) == '/') {
                    i += 1;
                }
                i += 2;
            }
            '"' => i = string_end(&c, i),
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < c.len() && c[i] != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            x if x.is_alphanumeric() || x == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = c[from..i].iter().collect();
                if (word == "r" || word == "br") && (at(i) == '"' || at(i) == '#') {
                    let hashes = c[i..].iter().take_while(|c| **c == '#').count();
                    if at(i + hashes) == '"' {
                        i += hashes + 1;
                        while i < c.len() && !(c[i] == '"' && (1..=hashes).all(|h| at(i + h) == '#')) {
                            i += 1;
                        }
                        i += 1 + hashes;
                    }
                } else {
                    out.push((word, line));
                }
            }
            x => {
                if !x.is_whitespace() {
                    out.push((x.to_string(), line));
                }
                i += 1;
            }
        }
        line += c[from..i.min(c.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn string_end(c: &[char], mut i: usize) -> usize {
    i += 1;
    while i < c.len() && c[i] != '"' {
        i += if c[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// What a bracket is the body of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Struct,
    Enum,
    Variant,
    Impl,
    Function,
    Tests,
    Other,
}

/// The names a file gives to types, functions, fields and modules.
fn names(text: &str, test: bool) -> Vec<Name> {
    let tokens = tokens(text);
    let word = |i: usize| tokens.get(i).map_or("", |t| t.0.as_str());
    let is_name = |w: &str| w.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let (mut found, mut stack, mut next) = (Vec::new(), Vec::<Body>::new(), Body::Other);
    for i in 0..tokens.len() {
        let (before, after) = (if i == 0 { "" } else { word(i - 1) }, word(i + 1));
        let in_test = test || stack.contains(&Body::Tests);
        let of_module = stack.iter().all(|b| *b == Body::Other || *b == Body::Tests);
        let mut give = |kind, at: usize| {
            let (name, line) = tokens[at].clone();
            found.push(Name { kind, name, line, test: in_test, of_module });
        };
        match word(i) {
            "struct" | "union" | "enum" | "trait" | "type" if is_name(after) && word(i + 2) != "=>" => {
                give(Kind::Type, i + 1);
                next = match word(i) {
                    "struct" | "union" => Body::Struct,
                    "enum" => Body::Enum,
                    "trait" => Body::Impl,
                    _ => next,
                };
            }
            "fn" if is_name(after) => {
                give(Kind::Function, i + 1);
                next = Body::Function;
            }
            "mod" if is_name(after) => {
                give(Kind::Module, i + 1);
                next = if after == "tests" { Body::Tests } else { Body::Other };
            }
            "impl" if next != Body::Function => next = Body::Impl,
            "{" => {
                stack.push(match (stack.last(), next) {
                    (Some(Body::Enum), _) => Body::Variant,
                    (_, next) => next,
                });
                next = Body::Other;
            }
            "(" | "[" => stack.push(Body::Other),
            "}" | ")" | "]" => drop(stack.pop()),
            ";" if stack.last().is_none_or(|b| *b != Body::Other) => next = Body::Other,
            w if is_name(w) && after == ":" && word(i + 2) != ":" => {
                let field = matches!(stack.last(), Some(Body::Struct | Body::Variant));
                if field && matches!(before, "{" | "," | "]" | ")" | "pub") {
                    give(Kind::Field, i);
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_reader_of_names_is_right() {
    let text = "pub struct Desk<'a> { #[serde(default)] pub(crate) the_way: &'a str, b: Vec<(u8, u8)> }\n\
        enum E { A { told: u8 }, B(u8) } impl X for Desk<'_> { type Out = u8; fn go(&self, door: u8) { struct Local; } }\n\
        // fn commented() {}\nconst C: &str = \"fn quoted()\"; type T = fn(u8); mod tests { fn a_way_out_of_it() {} }";
    let all: Vec<_> = names(text, false).into_iter().map(|n| (n.kind, n.name, n.line, n.test, n.of_module)).collect();
    let of = |kind, name: &str, line, test, of_module| (kind, name.to_owned(), line, test, of_module);
    assert_eq!(
        all,
        [
            of(Kind::Type, "Desk", 1, false, true),
            of(Kind::Field, "the_way", 1, false, false),
            of(Kind::Field, "b", 1, false, false),
            of(Kind::Type, "E", 2, false, true),
            of(Kind::Field, "told", 2, false, false),
            of(Kind::Type, "Out", 2, false, false),
            of(Kind::Function, "go", 2, false, false),
            of(Kind::Type, "Local", 2, false, false),
            of(Kind::Type, "T", 4, false, true),
            of(Kind::Module, "tests", 4, false, true),
            of(Kind::Function, "a_way_out_of_it", 4, true, true),
        ]
    );
    assert_eq!(parts("MAX_SEEN"), ["max", "seen"]);
    assert_eq!(parts("NewGrant"), ["new", "grant"]);
    let word = |scope, sentence| Word { old: "told".into(), new: "x".into(), scope, sentence };
    assert!(forbids(&word(Scope::Any, true), "told_too_much", Kind::Function, false));
    assert!(!forbids(&word(Scope::Any, true), "who_asks_is_told", Kind::Function, true));
    assert!(forbids(&word(Scope::Any, false), "who_asks_is_told", Kind::Function, true));
    assert!(!forbids(&word(Scope::Whole, false), "told_too_much", Kind::Function, false));
    assert!(!forbids(&word(Scope::Type, false), "told", Kind::Function, false));
}
