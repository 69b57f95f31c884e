//! Every SQL statement of the product, read from its sources: a text can only reach the store as a `&'static str`, so it stands
//! there, as a literal, as `concat!` or as a macro of literals. Nobody has to list a new statement.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// One statement and the file it stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub text: &'static str,
    pub file: String,
}

/// All statements under `src/core` and `src/server`, each text once.
pub(crate) fn all() -> Vec<Statement> {
    let mut files = Vec::new();
    for root in ["src/core", "src/server"] {
        sources(Path::new(root), &mut files);
    }
    files.sort();
    let sources: Vec<_> = files.iter().map(|file| Source::read(file)).collect();
    let mut found = BTreeMap::new();
    for source in &sources {
        for text in statements(source, &sources) {
            found.entry(text).or_insert_with(|| source.file.clone());
        }
    }
    found.into_iter().map(|(text, file)| Statement { text: Box::leak(text.into_boxed_str()), file }).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Name(String),
    Sign(char),
}

struct Source {
    file: String,
    text: String,
    tokens: Vec<Token>,
    /// The body of each macro, and the name of its parameter.
    macros: HashMap<String, (Option<String>, Vec<Token>)>,
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut source =
            Self { file: path.display().to_string(), tokens: Vec::new(), macros: HashMap::new(), text: text.clone() };
        let all = tokens(&text);
        let mut at = 0;
        while at < all.len() {
            if is_name(&all, at, "macro_rules") {
                let Token::Name(name) = &all[at + 2] else { panic!("{}: a macro without a name", source.file) };
                let end = closed(&all, at + 3);
                source.macros.insert(name.clone(), arm(&all[at + 4..end]));
                at = end + 1;
            } else if is_test_module(&all, at) {
                at = closed(&all, at + 9) + 1;
            } else {
                source.tokens.push(all[at].clone());
                at += 1;
            }
        }
        source
    }
}

/// `#[cfg(test)] mod name {`
fn is_test_module(all: &[Token], at: usize) -> bool {
    is_name(all, at + 2, "cfg")
        && is_name(all, at + 4, "test")
        && is_name(all, at + 7, "mod")
        && is_sign(all, at + 9, '{')
}

/// The parameter and the body of a macro's first arm.
fn arm(tokens: &[Token]) -> (Option<String>, Vec<Token>) {
    let end = closed(tokens, 0);
    let parameter = match tokens.get(2) {
        Some(Token::Name(name)) if is_sign(tokens, 1, '$') => Some(name.clone()),
        _ => None,
    };
    let body = end + 3;
    let last = if is_sign(tokens, body, '{') { closed(tokens, body) } else { body };
    (parameter, tokens.get(body + 1..last).unwrap_or_default().to_vec())
}

fn is_name(all: &[Token], at: usize, name: &str) -> bool {
    matches!(all.get(at), Some(Token::Name(n)) if n == name)
}
fn is_sign(all: &[Token], at: usize, sign: char) -> bool {
    matches!(all.get(at), Some(Token::Sign(s)) if *s == sign)
}

/// Where the bracket that opens at `at` is closed.
fn closed(all: &[Token], at: usize) -> usize {
    let mut depth = 0_i32;
    for (i, token) in all.iter().enumerate().skip(at) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    all.len()
}

fn statements(source: &Source, sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.tokens.len() {
        match text_at(&source.tokens, at, source, sources, None) {
            Some((text, next)) => {
                if is_statement(&text) {
                    found.push(text);
                }
                at = next;
            }
            None => {
                assert!(!is_unread(&source.tokens, at), "{}: a statement that this test cannot read", source.file);
                at += 1;
            }
        }
    }
    found
}

/// `concat!` with a part of a statement in it.
fn is_unread(tokens: &[Token], at: usize) -> bool {
    let sql =
        |token: &Token| matches!(token, Token::Text(text) if text.starts_with("select ") || text.contains(" from "));
    is_name(tokens, at, "concat") && tokens[at..closed(tokens, at + 2)].iter().any(sql)
}

/// Prose begins with such a word too, but has none of the second ones.
fn is_statement(text: &str) -> bool {
    let of_two = |first: &str, then: &str| text.trim_start().starts_with(first) && text.contains(then);
    [("select ", " from "), ("insert into ", "("), ("update ", " set "), ("delete from ", ""), ("with ", " as (")]
        .iter()
        .any(|(first, then)| of_two(first, then))
}

/// The text that begins at a token, and the token after it.
fn text_at(
    tokens: &[Token],
    at: usize,
    source: &Source,
    sources: &[Source],
    given: Option<(&str, &str)>,
) -> Option<(String, usize)> {
    match tokens.get(at)? {
        Token::Text(text) => Some((text.clone(), at + 1)),
        Token::Sign('$') => {
            let (name, value) = given?;
            is_name(tokens, at + 1, name).then(|| (value.to_owned(), at + 2))
        }
        Token::Name(name) if is_sign(tokens, at + 1, '!') => {
            let end = closed(tokens, at + 2);
            let inner = tokens.get(at + 3..end)?;
            if name == "concat" {
                let mut whole = String::new();
                let mut i = 0;
                while i < inner.len() {
                    let (part, next) = text_at(inner, i, source, sources, given)?;
                    whole.push_str(&part);
                    i = next + 1;
                }
                return Some((whole, end + 1));
            }
            let (home, (parameter, body)) = macro_of(name, source, sources)?;
            let argument = text_at(inner, 0, source, sources, given).map(|(text, _)| text);
            let given = parameter.as_deref().zip(argument.as_deref());
            text_at(body, 0, home, sources, given).map(|(text, _)| (text, end + 1))
        }
        _ => None,
    }
}

/// The macro of this name: of the file itself, of its folder, or of the module that the file names.
fn macro_of<'s>(
    name: &str,
    source: &'s Source,
    sources: &'s [Source],
) -> Option<(&'s Source, &'s (Option<String>, Vec<Token>))> {
    let folder = |file: &str| file.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let module = |file: &str| {
        let path = file.trim_start_matches("src/core/").trim_end_matches(".rs").trim_end_matches("/mod");
        path.replace('/', "::")
    };
    let have = || sources.iter().filter(|s| s.macros.contains_key(name));
    let nearest = have()
        .find(|s| s.file == source.file)
        .or_else(|| have().find(|s| folder(&s.file) == folder(&source.file)))
        .or_else(|| have().next().filter(|_| have().count() == 1))
        .or_else(|| have().find(|s| used(&source.text, &module(&s.file), name)))?;
    nearest.macros.get(name).map(|found| (nearest, found))
}

/// `use crate::grant::row::{columns, …}`
fn used(text: &str, module: &str, name: &str) -> bool {
    text.contains(&format!("{module}::{name}")) || text.contains(&format!("{module}::{{{name}"))
}

/// The tokens of a source, without comments, numbers and characters.
fn tokens(text: &str) -> Vec<Token> {
    let c: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut i = 0;
    while i < c.len() {
        let next = c.get(i + 1).copied().unwrap_or(' ');
        match c[i] {
            '/' if next == '/' => i += c[i..].iter().take_while(|c| **c != '\n').count(),
            '/' if next == '*' => {
                i += 2;
                while i < c.len() && !(c[i] == '*' && c.get(i + 1) == Some(&'/')) {
                    i += 1;
                }
                i += 2;
            }
            'r' if raw_hashes(&c, i).is_some() => {
                let hashes = raw_hashes(&c, i).unwrap();
                let begin = i + 2 + hashes;
                let is_end = |at: usize| c[at] == '"' && c[at + 1..].iter().take(hashes).all(|c| *c == '#');
                let end = (begin..c.len()).find(|at| is_end(*at)).unwrap();
                found.push(Token::Text(c[begin..end].iter().collect()));
                i = end + 1 + hashes;
            }
            '"' => {
                let (text, end) = literal(&c, i + 1);
                found.push(Token::Text(text));
                i = end;
            }
            '\'' => {
                // A character ends with a quote; a lifetime does not.
                let end = if next == '\\' { (i + 3..c.len()).find(|at| c[*at] == '\'') } else { Some(i + 2) };
                match end {
                    Some(end) if c.get(end) == Some(&'\'') => i = end + 1,
                    _ => i += 1,
                }
            }
            other if other.is_alphanumeric() || other == '_' => {
                let length = c[i..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                found.push(Token::Name(c[i..i + length].iter().collect()));
                i += length;
            }
            other => {
                if !other.is_whitespace() {
                    found.push(Token::Sign(other));
                }
                i += 1;
            }
        }
    }
    found
}

/// How many `#` a raw string has; `None` where none begins.
fn raw_hashes(c: &[char], at: usize) -> Option<usize> {
    let within_name = at > 0 && (c[at - 1].is_alphanumeric() || c[at - 1] == '_');
    let hashes = c[at + 1..].iter().take_while(|c| **c == '#').count();
    (!within_name && c.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

/// The text of a literal whose first character is at `at`, and where it has ended.
fn literal(c: &[char], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    while c[at] != '"' {
        if c[at] == '\\' {
            at += 1;
            match c[at] {
                '\n' => at += c[at..].iter().take_while(|c| c.is_whitespace()).count(),
                'n' => (text.push('\n'), at += 1).1,
                other => (text.push(other), at += 1).1,
            }
        } else {
            text.push(c[at]);
            at += 1;
        }
    }
    (text, at + 1)
}
