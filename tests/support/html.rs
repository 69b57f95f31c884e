//! Just enough of HTML to be a browser without script: forms with their fields, texts by id, links.

use std::collections::BTreeMap;

/// A page as it came.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    html: String,
}

/// One form: where it goes and what it would send untouched.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pub action: Option<String>,
    pub method: String,
    /// What is filled in already, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// The values of its buttons named `action`.
    pub buttons: Vec<String>,
    /// Every name a person could fill in.
    pub names: Vec<String>,
    id: Option<String>,
}

struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    start: usize,
    end: usize,
}

impl Page {
    pub(crate) fn new(html: impl Into<String>) -> Self {
        Self { html: html.into() }
    }
    pub(crate) fn html(&self) -> &str {
        &self.html
    }
    /// What a person reads: without tags, script and style, white space made one.
    pub(crate) fn text(&self) -> String {
        text_of(&self.html)
    }
    pub(crate) fn title(&self) -> String {
        self.inside("title", |_| true).unwrap_or_default()
    }
    pub(crate) fn h1(&self) -> String {
        self.inside("h1", |_| true).unwrap_or_default()
    }
    /// The text of the element with this id.
    pub(crate) fn id(&self, id: &str) -> Option<String> {
        let tag = self.tags().into_iter().find(|t| t.attributes.get("id").is_some_and(|v| v == id))?;
        Some(text_of(self.body_of(&tag)))
    }
    /// An attribute of the element with this id.
    pub(crate) fn attribute(&self, id: &str, name: &str) -> Option<String> {
        let tag = self.tags().into_iter().find(|t| t.attributes.get("id").is_some_and(|v| v == id))?;
        tag.attributes.get(name).cloned()
    }
    /// The addresses of all links.
    pub(crate) fn links(&self) -> Vec<String> {
        self.tags().into_iter().filter(|t| t.name == "a").filter_map(|t| t.attributes.get("href").cloned()).collect()
    }
    pub(crate) fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        let mut open: Option<Form> = None;
        // Buttons that name the form they belong to.
        let mut apart = Vec::new();
        let mut select: Option<(String, Option<String>, Option<String>)> = None;
        for tag in self.tags() {
            let get = |n: &str| tag.attributes.get(n).cloned();
            match tag.name.as_str() {
                "form" => {
                    let method = get("method").unwrap_or_else(|| "get".to_owned()).to_lowercase();
                    open = Some(Form { action: get("action"), method, id: get("id"), ..Form::default() });
                }
                "/form" => forms.extend(open.take()),
                "select" => select = Some((get("name").unwrap_or_default(), None, None)),
                "option" => {
                    if let Some((_, first, chosen)) = &mut select {
                        let value = get("value").unwrap_or_else(|| text_of(self.body_of(&tag)));
                        if tag.attributes.contains_key("selected") {
                            *chosen = Some(value.clone());
                        }
                        first.get_or_insert(value);
                    }
                }
                "/select" => {
                    if let (Some(form), Some((name, first, chosen))) = (&mut open, select.take()) {
                        form.names.push(name.clone());
                        form.fields.push((name, chosen.or(first).unwrap_or_default()));
                    }
                }
                "input" | "textarea" => {
                    let Some(form) = &mut open else { continue };
                    let (Some(name), kind) = (get("name"), get("type").unwrap_or_default()) else { continue };
                    if kind != "hidden" {
                        form.names.push(name.clone());
                    }
                    let on = tag.attributes.contains_key("checked");
                    match kind.as_str() {
                        "checkbox" | "radio" if !on => {}
                        "checkbox" | "radio" => form.fields.push((name, get("value").unwrap_or_else(|| "on".into()))),
                        "submit" => form.buttons.push(get("value").unwrap_or_default()),
                        _ => form.fields.push((name, get("value").unwrap_or_default())),
                    }
                }
                "button" if get("name").is_some_and(|n| n == "action") => match (get("form"), &mut open) {
                    (Some(id), _) => apart.push((id, get("value").unwrap_or_default())),
                    (None, Some(form)) => form.buttons.push(get("value").unwrap_or_default()),
                    (None, None) => {}
                },
                _ => {}
            }
        }
        for (id, action) in apart {
            forms.iter_mut().filter(|f| f.id.as_ref() == Some(&id)).for_each(|f| f.buttons.push(action.clone()));
        }
        forms
    }
    /// The form that has a button of this `action`.
    pub(crate) fn form_with(&self, action: &str) -> Option<Form> {
        self.forms().into_iter().find(|f| f.buttons.iter().any(|b| b == action))
    }

    fn inside(&self, name: &str, wanted: impl Fn(&Tag) -> bool) -> Option<String> {
        let tag = self.tags().into_iter().find(|t| t.name == name && wanted(t))?;
        Some(text_of(self.body_of(&tag)))
    }
    /// What stands between a tag and the one that closes it.
    fn body_of(&self, tag: &Tag) -> &str {
        let (mut depth, close) = (1, format!("/{}", tag.name));
        for t in self.tags().into_iter().filter(|t| t.start >= tag.end) {
            if t.name == tag.name {
                depth += 1;
            } else if t.name == close {
                depth -= 1;
            }
            if depth == 0 {
                return &self.html[tag.end..t.start];
            }
        }
        &self.html[tag.end..]
    }
    fn tags(&self) -> Vec<Tag> {
        let html = &self.html;
        let (mut tags, mut from) = (Vec::new(), 0);
        while let Some(at) = html[from..].find('<') {
            let start = from + at;
            if html[start..].starts_with("<!--") {
                from = html[start..].find("-->").map_or(html.len(), |e| start + e + 3);
                continue;
            }
            let Some((tag, end)) = read_tag(html, start) else {
                from = start + 1;
                continue;
            };
            from = end;
            if tag.name == "script" || tag.name == "style" {
                let close = format!("</{}", tag.name);
                from = html[end..].find(&close).map_or(html.len(), |e| end + e);
            }
            tags.push(tag);
        }
        tags
    }
}

fn read_tag(html: &str, start: usize) -> Option<(Tag, usize)> {
    let rest = &html[start + 1..];
    let name_len = rest.find(|c: char| c.is_whitespace() || c == '>' || (c == '/' && !rest.starts_with('/')))?;
    let name = rest[..name_len].trim_end_matches('>').to_lowercase();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
        return None;
    }
    let mut attributes = BTreeMap::new();
    let mut i = start + 1 + name_len;
    let bytes = html.as_bytes();
    loop {
        while i < bytes.len() && (bytes[i].is_ascii_whitespace() || bytes[i] == b'/') {
            i += 1;
        }
        if i >= bytes.len() {
            return None;
        }
        if bytes[i] == b'>' {
            return Some((Tag { name, attributes, start, end: i + 1 }, i + 1));
        }
        let from = i;
        while i < bytes.len() && !bytes[i].is_ascii_whitespace() && !matches!(bytes[i], b'=' | b'>' | b'/') {
            i += 1;
        }
        let key = html[from..i].to_lowercase();
        let mut value = String::new();
        if i < bytes.len() && bytes[i] == b'=' {
            i += 1;
            let quote = bytes[i];
            if quote == b'"' || quote == b'\'' {
                let end = html[i + 1..].find(quote as char)? + i + 1;
                value = unescape(&html[i + 1..end]);
                i = end + 1;
            } else {
                let from = i;
                while i < bytes.len() && !bytes[i].is_ascii_whitespace() && bytes[i] != b'>' {
                    i += 1;
                }
                value = unescape(&html[from..i]);
            }
        }
        attributes.entry(key).or_insert(value);
    }
}

fn text_of(html: &str) -> String {
    let (mut out, mut from) = (String::new(), 0);
    while from < html.len() {
        let Some(at) = html[from..].find('<') else {
            out.push_str(&html[from..]);
            break;
        };
        out.push_str(&html[from..from + at]);
        let start = from + at;
        let Some((tag, end)) = read_tag(html, start) else {
            out.push('<');
            from = start + 1;
            continue;
        };
        from = end;
        if tag.name == "script" || tag.name == "style" {
            from = html[end..].find(&format!("</{}", tag.name)).map_or(html.len(), |e| end + e);
        }
        let block =
            ["p", "/p", "br", "li", "/li", "div", "/div", "h1", "h2", "/h2", "dt", "dd", "/dd", "tr", "td", "option"];
        if block.contains(&tag.name.as_str()) {
            out.push(' ');
        }
    }
    unescape(&out).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';').filter(|e| *e < 12) else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        let name = &rest[1..end];
        let c = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some(' '),
            n => n.strip_prefix('#').and_then(|n| {
                let code =
                    n.strip_prefix(['x', 'X']).map_or_else(|| n.parse().ok(), |h| u32::from_str_radix(h, 16).ok());
                code.and_then(char::from_u32)
            }),
        };
        match c {
            Some(c) => out.push(c),
            None => out.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

#[test]
fn a_form_is_read_as_a_browser_reads_it() {
    let page = Page::new(
        "<h1><span>A</span> <b class='vh'>(</b>B&amp;C)</h1><form method=post><input type=\"hidden\" name=step value=\"a&#x2F;b\">\
         <select name=t><option value=o>x<option value=s selected>y</select><input type=checkbox name=agree value=yes>\
         <input name=n value='1'><button name=action value=next>go</button></form>",
    );
    assert_eq!(page.h1(), "A (B&C)");
    let form = page.form_with("next").unwrap();
    assert_eq!(form.fields, [("step", "a/b"), ("t", "s"), ("n", "1")].map(|(a, b)| (a.into(), b.into())));
    assert_eq!(form.names, ["t", "agree", "n"]);
}
