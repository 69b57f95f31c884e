//! The shape of the source tree, as far as the compiler does not check it: which module of a crate may use which, which
//! module may name which library, how long a file is, and that what the documents name exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates below `src/`. What depends on what is said in their manifests, and the compiler holds it.
const CRATES: [&str; 3] = ["core", "server", "demo"];

/// A library and the only modules that may name it.
const CONFINED: &[(&str, &[&str])] = &[
    ("actix_web", &["web", "process"]),
    ("oxide_auth", &["oxide"]),
    ("tera", &["pages"]),
    ("fluent_bundle", &["pages"]),
    ("roxmltree", &["pages"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store"]),
    ("tokio_postgres_rustls", &["store"]),
    ("reqwest", &["outbound"]),
    ("lettre", &["mail"]),
    ("jsonwebtoken", &["keys", "secret", "random"]),
    ("aws_lc_rs", &["keys", "secret", "random"]),
    ("clap", &["cli"]),
    ("prometheus_client", &["web"]),
    ("opentelemetry", &["trace_context", "traces"]),
    ("opentelemetry_sdk", &["trace_context", "traces"]),
    ("opentelemetry_otlp", &["traces"]),
    ("tracing_opentelemetry", &["trace_context", "traces"]),
];

#[test]
fn a_module_uses_only_what_stands_above_it_in_its_crate() {
    let mut wrong = Vec::new();
    for name in CRATES {
        let order = map(name);
        let rank = |module: &str| order.iter().position(|m| m == module);
        // The rule is about what ships: a unit test may use what comes later.
        for (path, text) in sources_of(name).into_iter().filter(|(p, _)| !is_unit_test(p)) {
            let own = module_of(&path);
            let Some(own_rank) = rank(&own) else { continue };
            for (line, used) in crate_names(&code_of(&text)) {
                if rank(&used).is_some_and(|r| r > own_rank) {
                    wrong.push(format!("{}:{line}: {own} may not use {used}, which comes later", path.display()));
                }
            }
        }
    }
    none(&wrong);
}

/// `tests.rs` beside a module, or a file of its folder `tests`.
fn is_unit_test(path: &Path) -> bool {
    let path = path.strip_prefix(root()).unwrap();
    path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "tests")
}

#[test]
fn every_module_stands_in_the_map() {
    let mut missing = Vec::new();
    for name in CRATES {
        let order = map(name);
        let modules = sources_of(name).into_keys().map(|p| module_of(&p));
        missing.extend(modules.filter(|m| m != "lib" && m != "words" && !order.contains(m)));
    }
    none(&missing);
}

/// What the demonstration does, anybody can do: it depends on none of the server's crates. The compiler sees to its code.
#[test]
fn the_demonstration_depends_on_nothing_of_the_server() {
    let manifest = fs::read_to_string(root().join("src/demo/Cargo.toml")).unwrap();
    let named: Vec<&str> = manifest.lines().filter_map(|line| line.strip_suffix(".workspace = true")).collect();
    assert!(named.len() > 10 && named.contains(&"reqwest"), "src/demo/Cargo.toml was not understood");
    assert_eq!(named.iter().filter(|name| name.starts_with("renkei")).collect::<Vec<_>>(), Vec::<&&str>::new());
    let paths = manifest.lines().filter(|line| !line.starts_with('#') && line.contains("path = "));
    assert_eq!(paths.collect::<Vec<_>>(), ["path = \"lib.rs\""], "a crate of this repository");
}

#[test]
fn a_library_is_named_only_where_it_belongs() {
    let mut wrong = Vec::new();
    // The manifest of the demonstration is its list.
    for (path, text) in ["core", "server"].into_iter().flat_map(sources_of) {
        let own = module_of(&path);
        let code = code_of(&text);
        for (library, homes) in CONFINED {
            if homes.contains(&own.as_str()) {
                continue;
            }
            for (n, line) in code.lines().enumerate() {
                if names(line, library) {
                    wrong.push(format!("{}:{}: {library} belongs to {homes:?}", path.display(), n + 1));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(p, t)| (p, t.lines().count()))
        .filter(|(_, n)| *n > 400)
        .map(|(p, n)| format!("{}: {n} lines; split it by meaning", p.display()))
        .collect();
    none(&long);
}

#[test]
fn every_file_says_first_what_it_is() {
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(p, _)| !p.ends_with("tests.rs")) {
        let docs = text.lines().take_while(|l| l.starts_with("//!")).count();
        let wanted = if path.ends_with("mod.rs") { 2 } else { 1 };
        if docs < wanted {
            wrong.push(format!("{}: wants {wanted} lines of //! before anything else, has {docs}", path.display()));
        }
    }
    none(&wrong);
}

#[test]
fn no_test_is_ignored_and_no_lint_is_allowed() {
    let mut wrong = Vec::new();
    let mut files = sources();
    files.extend(read_all(&root().join("tests"), "rs"));
    for (path, text) in files {
        for (n, line) in code_of(&text).lines().enumerate() {
            for bad in ["#[ignore", "#[allow(", "#![allow("] {
                if line.contains(bad) {
                    wrong.push(format!("{}:{}: {bad}", path.display(), n + 1));
                }
            }
        }
    }
    none(&wrong);
}

/// A file says which version is the oldest that can run with it; the files before this one are older than the rule.
#[test]
fn a_schema_file_names_the_oldest_version_that_can_run_with_it() {
    const FIRST: &str = "0026";
    let ours = env!("CARGO_PKG_VERSION");
    let mut wrong = Vec::new();
    for (name, text) in renkei_core::store::migrate::FILES.iter().filter(|(name, _)| *name >= FIRST) {
        let named = text.lines().find_map(|line| line.strip_prefix("-- oldest: "));
        // The program itself can.
        if !named.is_some_and(|oldest| renkei_core::store::migrate::can_run_with(oldest.trim(), ours)) {
            wrong.push(format!("{name}: wants a line `-- oldest: VERSION`, has {named:?}"));
        }
    }
    none(&wrong);
}

/// Both mean HS256. They are a trait's functions, which clippy's list of disallowed methods cannot name for one type.
#[test]
fn an_algorithm_is_always_named() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (n, line) in code_of(&text).lines().enumerate() {
            if ["Header::default()", "Validation::default()"].iter().any(|bad| line.contains(bad)) {
                wrong.push(format!("{}:{}: names no algorithm", path.display(), n + 1));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_test_file_stands_in_the_binary() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    let mut missing = Vec::new();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "main" && !main.contains(&format!("\nmod {name};\n")) {
            missing.push(format!("tests/it/{name} is not compiled"));
        }
    }
    none(&missing);
}

#[test]
fn what_the_documents_name_exists() {
    let mut wrong = Vec::new();
    let mut files = read_all(&root().join("docs"), "md");
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "md") {
            files.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
    for (path, text) in files {
        for named in backticked_paths(&text) {
            if !root().join(&named).exists() {
                wrong.push(format!("{}: `{named}` does not exist", path.display()));
            }
        }
        for (file, name) in backticked_tests(&text) {
            let code = fs::read_to_string(root().join(&file)).unwrap_or_default();
            if !code.contains(&format!("fn {name}(")) {
                wrong.push(format!("{}: {file} has no {name}", path.display()));
            }
        }
        for target in links(&text) {
            if !path.parent().unwrap().join(&target).exists() {
                wrong.push(format!("{}: the link to {target} leads nowhere", path.display()));
            }
        }
    }
    for (path, text) in sources() {
        for line in text.lines().filter(|l| l.trim_start().starts_with("//")) {
            for named in words_like_paths(line) {
                if !root().join(&named).exists() {
                    wrong.push(format!("{}: {named} does not exist", path.display()));
                }
            }
        }
    }
    none(&wrong);
}

/// The plans this project was begun with are not in the repository. What they say of a rule stands in docs/requirements.md.
#[test]
fn nothing_refers_to_a_document_that_is_not_here() {
    let mut files = sources();
    files.extend(read_all(&root().join("docs"), "md"));
    for folder in ["it", "support", "fuzz/targets"] {
        files.extend(read_all(&root().join("tests").join(folder), "rs"));
    }
    for (folder, extension) in [("config", "toml"), ("templates", "html"), ("templates", "ftl"), ("templates", "txt")] {
        files.extend(read_all(&root().join(folder), extension));
    }
    let mut wrong = Vec::new();
    for (path, text) in files {
        for (n, line) in text.lines().enumerate() {
            if let Some(found) = section_elsewhere(line) {
                wrong.push(format!("{}:{}: \"{found}\"", path.display(), n + 1));
            }
        }
    }
    none(&wrong);
    for line in ["the bank (domain \u{a7}7)", "protocol \u{43}4.4 says", "architecture.md \u{a7}3"] {
        assert!(section_elsewhere(line).is_some(), "{line}");
    }
    for line in ["a protocol A server speaks", "RFC 9700 \u{a7}4", "style C"] {
        assert_eq!(section_elsewhere(line), None, "{line}");
    }
}

/// The name of a plan that is not in the repository, with its section, as "domain G7" or "contract \u{a7}3".
fn section_elsewhere(line: &str) -> Option<String> {
    const PLANS: [&str; 6] = ["domain", "protocol", "contract", "architecture", "lifecycle-design", "peers"];
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || c == '(').collect();
    let is_section = |word: &str| {
        let mut letters = word.chars();
        let (first, second) = (letters.next(), letters.next());
        first == Some('\u{a7}')
            || (first.is_some_and(|c| c.is_ascii_uppercase()) && second.is_some_and(|c| c.is_ascii_digit()))
    };
    words.windows(2).find_map(|pair| {
        let plan = pair[0].trim_end_matches(".md");
        (PLANS.contains(&plan) && is_section(pair[1])).then(|| pair.join(" "))
    })
}

/// The page that a new developer reads first says for each usual change which files it touches.
#[test]
fn the_architecture_page_names_files_for_every_usual_change() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let rows: BTreeMap<&str, &str> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")).collect();
    let mut wrong = Vec::new();
    for change in
        ["a check", "a grant type", "a column", "a sentence", "a configuration key", "an event", "an endpoint"]
    {
        let Some(files) = rows.get(change) else {
            wrong.push(format!("docs/architecture.md does not say what to touch for {change}"));
            continue;
        };
        let named = backticked_paths(files);
        if named.is_empty() {
            wrong.push(format!("docs/architecture.md names no file for {change}"));
        }
        let missing = named.iter().filter(|file| !root().join(file).exists());
        wrong.extend(missing.map(|file| format!("docs/architecture.md, {change}: {file} does not exist")));
    }
    none(&wrong);
}

#[test]
fn every_long_test_is_named_where_its_time_is() {
    let contributing = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let entries = fs::read_dir(root().join("tests/long")).unwrap().map(|entry| entry.unwrap().path());
    let scripts: Vec<_> = entries.filter(|path| path.is_file()).collect();
    assert!(scripts.len() > 3, "{scripts:?}");
    let lines: Vec<&str> = contributing.lines().filter(|line| line.starts_with("| `tests/long/")).collect();
    let named = |name: &str| lines.iter().any(|line| line.starts_with(&format!("| `tests/long/{name}` | ")));
    let names = scripts.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
    none(
        &names
            .filter(|name| !named(name))
            .map(|name| format!("CONTRIBUTING.md does not say when tests/long/{name} is run"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_dependency_has_its_why() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let why = fs::read_to_string(root().join("docs/decisions/0002-dependencies.md")).unwrap();
    let mut section = String::new();
    let (mut missing, mut seen) = (Vec::new(), 0);
    for line in manifest.lines() {
        if let Some(head) = line.strip_prefix('[') {
            section = head.trim_end_matches(']').to_owned();
        } else if matches!(section.as_str(), "workspace.dependencies")
            && let Some((name, _)) = line.split_once(" = ")
            && !name.starts_with('#')
            && !name.starts_with("renkei-")
        {
            seen += 1;
            if !why.contains(&format!("`{name}`")) {
                missing.push(name.to_owned());
            }
        }
    }
    assert!(seen > 20, "Cargo.toml was not understood");
    none(&missing);
}

// ---- reading the tree -------------------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The modules of a crate in the order of its `lib.rs`; before them its plain values, in the order of `words/mod.rs`.
fn map(name: &str) -> Vec<String> {
    let folder = root().join("src").join(name);
    let mut modules = Vec::new();
    for file in ["words/mod.rs", "lib.rs"] {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let named = |l: &str| l.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned);
        modules.extend(text.lines().filter_map(named));
    }
    assert!(modules.len() > 5, "src/{name}/lib.rs was not understood");
    modules
}

fn sources_of(name: &str) -> BTreeMap<PathBuf, String> {
    read_all(&root().join("src").join(name), "rs")
}

fn sources() -> BTreeMap<PathBuf, String> {
    let all = read_all(&root().join("src"), "rs");
    assert!(all.len() > 20, "src/ was not found");
    all
}

fn read_all(folder: &Path, extension: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "node_modules" && n != "output") {
                found.extend(read_all(&path, extension));
            }
        } else if path.extension().is_some_and(|e| e == extension) {
            found.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The top module of its crate that a file belongs to: `src/core/keys/seal.rs` to `keys`, `src/core/words/id.rs` to `id`.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let names: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
    match names.as_slice() {
        [_, "words", "mod"] => "words".to_owned(),
        [_, "words", module, ..] | [_, module, ..] | [module] => (*module).to_owned(),
        [] => String::new(),
    }
}

/// The text without comments and without what stands in string literals; lines stay where they are.
fn code_of(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let (mut out, mut i) = (String::with_capacity(text.len()), 0);
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    while i < bytes.len() {
        match bytes[i] {
            '/' if at(i + 1) == '/' => {
                while i < bytes.len() && bytes[i] != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                while i < bytes.len() && !(bytes[i] == '*' && at(i + 1) == '/') {
                    if bytes[i] == '\n' {
                        out.push('\n');
                    }
                    i += 1;
                }
                i += 2;
            }
            'r' if (at(i + 1) == '"' || at(i + 1) == '#')
                && !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') =>
            {
                let hashes = bytes[i + 1..].iter().take_while(|c| **c == '#').count();
                if at(i + 1 + hashes) != '"' {
                    out.push('r');
                    i += 1;
                    continue;
                }
                i += 2 + hashes;
                while i < bytes.len() && !(bytes[i] == '"' && (1..=hashes).all(|h| at(i + h) == '#')) {
                    if bytes[i] == '\n' {
                        out.push('\n');
                    }
                    i += 1;
                }
                i += 1 + hashes;
                out.push_str("\"\"");
            }
            '"' => {
                i += 1;
                while i < bytes.len() && bytes[i] != '"' {
                    if bytes[i] == '\n' || (bytes[i] == '\\' && at(i + 1) == '\n') {
                        out.push('\n');
                    }
                    i += if bytes[i] == '\\' { 2 } else { 1 };
                }
                i += 1;
                out.push_str("\"\"");
            }
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < bytes.len() && bytes[i] != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

/// Every `X` of `crate::X` and `crate::{X, …}`, with its line.
fn crate_names(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("crate::") {
        let start = from + at;
        from = start + "crate::".len();
        if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let line = code[..start].matches('\n').count() + 1;
        let rest = &code[from..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word, mut fresh) = (1, String::new(), true);
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 1 && fresh && (c.is_alphanumeric() || c == '_') {
                    word.push(c);
                } else if !word.is_empty() {
                    found.push((line, std::mem::take(&mut word)));
                    fresh = false;
                }
                if depth == 1 && c == ',' {
                    fresh = true;
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push((line, rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
        }
    }
    found
}

/// Whether a line of code names a crate: as the head of a path, not as the tail of somebody else's.
fn names(line: &str, library: &str) -> bool {
    line.match_indices(library).any(|(i, _)| {
        let (before, after) = (&line[..i], &line[i + library.len()..]);
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.')
            && (after.starts_with("::") || (before.trim_end().ends_with("use") && !after.starts_with('_')))
    })
}

const FOLDERS: &[&str] = &["src/", "tests/", "docs/", "config/", "templates/", "benches/", ".ci/"];

fn is_literal(path: &str) -> bool {
    !path.contains(['*', '{', '<', '…', '$']) && !path.contains("NNNN") && !path.contains("0001-…")
}

/// `` `src/…` `` and its like.
fn backticked_paths(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|t| !t.contains(char::is_whitespace) && FOLDERS.iter().any(|f| t.starts_with(f)) && is_literal(t))
        .map(|t| t.split(['#', ':']).next().unwrap().to_owned())
        .filter(|t| !["tests/output", "tests/node_modules", "benches/output"].iter().any(|made| t.starts_with(made)))
        .collect()
}

/// `` `tests/it/urls.rs::a_test` `` and its like: the file, and the function in it.
fn backticked_tests(text: &str) -> Vec<(String, String)> {
    let named = text.split('`').skip(1).step_by(2).filter(|t| FOLDERS.iter().any(|f| t.starts_with(f)));
    named.filter_map(|t| t.split_once(".rs::")).map(|(file, name)| (format!("{file}.rs"), name.to_owned())).collect()
}

/// Relative targets of `](…)` and `src="…"`.
fn links(text: &str) -> Vec<String> {
    let of = |open: &str, close: char| -> Vec<String> {
        text.split(open).skip(1).filter_map(|t| t.split(close).next()).map(str::to_owned).collect()
    };
    let mut all = of("](", ')');
    all.extend(of(" src=\"", '"'));
    all.into_iter()
        .filter(|t| !t.contains("://") && !t.starts_with('#') && !t.starts_with("mailto:") && is_literal(t))
        .map(|t| t.split('#').next().unwrap().to_owned())
        .collect()
}

fn words_like_paths(line: &str) -> Vec<String> {
    line.split(|c: char| c.is_whitespace() || "`()[],;\"'".contains(c))
        .filter(|w| FOLDERS.iter().any(|f| w.starts_with(f)) && w.contains('.') && is_literal(w))
        .map(|w| w.trim_end_matches(['.', ':']).split(['#', ':']).next().unwrap().to_owned())
        .filter(|w| Path::new(w).extension().is_some())
        .collect()
}

#[test]
fn the_reader_of_code_is_right() {
    let text = "use crate::store; // crate::web\nlet s = \"crate::demo\"; let c = '\"'; use crate::{keys::{Ring, x}, audit};\nr#\"crate::cli\"#";
    let found: Vec<_> = crate_names(&code_of(text)).into_iter().map(|(_, n)| n).collect();
    assert_eq!(found, ["store", "keys", "audit"]);
    assert!(names("use rusqlite::Connection;", "rusqlite"));
    assert!(names("fn f(c: &rusqlite::Connection)", "rusqlite"));
    assert!(!names("rustls::crypto::aws_lc_rs::default_provider()", "aws_lc_rs"));
    assert!(!names("use tokio_postgres::Row", "postgres"));
    assert_eq!(backticked_paths("see `src/core/lib.rs`, `src/x/*.rs` and `cargo run`"), ["src/core/lib.rs"]);
    let test = ("tests/it/urls.rs".to_owned(), "a_test".to_owned());
    assert_eq!(backticked_tests("see `tests/it/urls.rs::a_test` and `urls.rs::b`"), [test]);
    assert_eq!(links("[a](docs/flow.md#x) [b](https://example.com)"), ["docs/flow.md"]);
}
