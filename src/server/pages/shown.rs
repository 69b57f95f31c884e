//! ⑥ is rendered once: for the browser, for the digest that its form sends back, and for the record of its words.
//!
//! The template marks what is a value of the customer's own (the filter `own`), what does not belong to the words, such as
//! the errors of the last form (`aside()` … `back()`), and where the digest goes (`digest()`). The marks are characters that
//! Unicode reserves for such use inside a program; none of them leaves it.

use super::{Error, Language};
use crate::consent::ConsentWords;

/// Around a value of the customer's own.
const OWN: char = '\u{FDD0}';
const OWN_END: char = '\u{FDD1}';
/// Around what does not belong to the words.
pub(super) const ASIDE: char = '\u{FDD2}';
pub(super) const BACK: char = '\u{FDD3}';
/// Where the digest goes.
pub(super) const DIGEST: char = '\u{FDD4}';

/// Elements that stand within a sentence. Every other element ends one.
const INLINE: [&str; 3] = ["a", "b", "span"];

/// A value with its marks.
pub(super) fn customer_value(value: &str) -> String {
    let plain = value.chars().filter(|c| !(OWN..=DIGEST).contains(c));
    std::iter::once(OWN).chain(plain).chain(std::iter::once(OWN_END)).collect()
}

/// A page without marks. Other pages have parts in common with ⑥.
pub(super) fn unmarked(page: String) -> String {
    let mark = |c: char| (OWN..=DIGEST).contains(&c);
    if page.contains(mark) { page.replace(mark, "") } else { page }
}

/// The rendered page of ⑥.
#[derive(Debug)]
pub struct ShownConsent {
    marked: String,
    words: ConsentWords,
}

impl ShownConsent {
    /// Reads the words of a page with marks.
    pub(super) fn new(language: Language, marked: String) -> Result<Self, Error> {
        let unread = || Error::Template("consent.html", "its words cannot be read".into());
        let (_, main) = marked.split_once("<main id=\"main\">").ok_or_else(unread)?;
        let (main, _) = main.split_once("</main>").ok_or_else(unread)?;
        let mut reader =
            Reader { words: ConsentWords::new(language), said: String::new(), in_value: false, aside: false };
        reader.read(main).ok_or_else(unread)?;
        let words = reader.words;
        Ok(Self { marked, words })
    }

    /// Its words.
    #[must_use]
    pub fn words(&self) -> &ConsentWords {
        &self.words
    }

    /// The page for the browser, with this digest in its form.
    #[must_use]
    pub fn html(&self, digest: &str) -> String {
        let mut out = String::with_capacity(self.marked.len());
        for c in self.marked.chars() {
            match c {
                DIGEST => out.push_str(digest),
                c if (OWN..DIGEST).contains(&c) => {}
                c => out.push(c),
            }
        }
        out
    }
}

/// Reads text out of HTML that our own template made: attributes are quoted and hold no `>`.
struct Reader {
    words: ConsentWords,
    /// Text, or a value, that is not in `words` yet. White space is one space.
    said: String,
    in_value: bool,
    aside: bool,
}
impl Reader {
    fn read(&mut self, html: &str) -> Option<()> {
        let mut rest = html;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                ASIDE => self.aside = true,
                BACK => self.aside = false,
                '<' => {
                    let (tag, after) = rest.split_once('>')?;
                    rest = if tag.starts_with("svg") { after.split_once("</svg>")?.1 } else { after };
                    if !self.aside {
                        self.tag(tag)?;
                    }
                }
                _ if self.aside => {}
                OWN if !self.in_value => {
                    self.flush();
                    self.in_value = true;
                }
                OWN_END if self.in_value => {
                    self.words.value(&std::mem::take(&mut self.said));
                    self.in_value = false;
                }
                OWN | OWN_END => return None,
                '&' => {
                    let (name, after) = rest.split_once(';')?;
                    self.said.push(entity(name)?);
                    rest = after;
                }
                c if c.is_ascii_whitespace() => {
                    if !self.said.ends_with(' ') {
                        self.said.push(' ');
                    }
                }
                c => self.said.push(c),
            }
        }
        self.end();
        (!self.in_value && !self.aside).then_some(())
    }

    fn tag(&mut self, tag: &str) -> Option<()> {
        let name = tag.trim_start_matches('/').split([' ', '/']).next()?;
        let attribute = |name: &str| Some(tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0);
        if name == "a"
            && let Some((_, after)) = tag.split_once("href=\"")
        {
            self.words.link(after.split_once('"')?.0);
        }
        if INLINE.contains(&name) {
            return Some(());
        }
        if self.in_value {
            return None;
        }
        self.end();
        if name == "input" && attribute("type") == Some("checkbox") {
            self.words.checkbox(attribute("name")?, attribute("value")?);
        }
        Some(())
    }

    fn flush(&mut self) {
        let said = std::mem::take(&mut self.said);
        let said = if self.words.begins() { said.trim_start_matches(' ') } else { &said };
        self.words.say(said);
    }
    fn end(&mut self) {
        self.said.truncate(self.said.trim_end_matches(' ').len());
        self.flush();
        self.words.end();
    }
}

/// A character reference: those that escaping makes, and numbers.
fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(main: &str) -> Result<ShownConsent, Error> {
        ShownConsent::new(Language::Ja, format!("<p>head {DIGEST}</p><main id=\"main\">{main}</main><p>foot</p>"))
    }

    #[test]
    fn sentences_and_values_are_read_and_the_marks_taken_out() {
        let shown = page(&format!(
            "<h1>題<span>名</span></h1>{ASIDE}<p>{}error</p>{BACK}\n <ul><li><svg><path d=\"M1\"/></svg>a &amp; b\n  c</li>\
             <li><b>番号</b> <span>{}</span> &#x27;x&#x27;</li></ul><input value=\"{DIGEST}\"><a href=\"https://x\">規定</a>",
            customer_value("9"),
            customer_value("11<00").replace('<', "&lt;"),
        ))
        .unwrap();
        assert_eq!(shown.words().text(), "題名\na & b c\n番号 {0} 'x'\n規定\n");
        assert_eq!(shown.words().values(), r#"["11<00"]"#);
        let html = shown.html("D");
        assert!(html.contains("<input value=\"D\">") && html.contains("<p>9error</p>"), "{html}");
        assert!(!html.chars().any(|c| ('\u{FDD0}'..='\u{FDEF}').contains(&c)));
    }

    #[test]
    fn marks_that_do_not_fit_together_are_an_error() {
        for bad in ["<p>\u{FDD0}1</p>", "\u{FDD1}", "\u{FDD2}x", "<p", "&x;", "\u{FDD0}\u{FDD0}1\u{FDD1}\u{FDD1}"] {
            assert!(page(bad).is_err(), "{bad}");
        }
        assert_eq!(unmarked(customer_value("12")), "12");
        assert_eq!(customer_value("1\u{FDD1}2\u{FDD4}"), customer_value("12"), "a value brings no marks");
    }
}
