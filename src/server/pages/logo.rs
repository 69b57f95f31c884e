//! The institution's own mark, as an operator gives it: a PNG or an SVG of at most 64 KiB.
//!
//! It is served as it is, and nothing in it is rewritten. So a file that could do more than draw is refused: scripts, HTML in
//! SVG, event attributes, whatever comes from outside the file, and a DTD with its entities. Pages show it with `<img>`, where a
//! browser runs nothing anyway, and it is served with a policy of its own for those who open it directly.

use super::assets::Asset;
use roxmltree::{Document, Node, ParsingOptions};

/// The most bytes of a mark.
pub const LARGEST_LOGO: u64 = 64 * 1024;
/// The largest width and height of a PNG: a few bytes can name a picture that fills a browser's memory.
const LARGEST_SIDE: u32 = 4096;

const SVG: &str = "http://www.w3.org/2000/svg";
const XHTML: &str = "http://www.w3.org/1999/xhtml";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Why a mark is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoError {
    /// The line of an SVG, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub why: String,
}

/// Reads a mark.
///
/// # Errors
/// It is too large, neither PNG nor SVG, or an SVG that could do more than draw.
pub fn logo(bytes: Vec<u8>) -> Result<Asset, LogoError> {
    let refused = |why: &str| LogoError { line: None, why: why.to_owned() };
    if u64::try_from(bytes.len()).is_ok_and(|size| size > LARGEST_LOGO) {
        return Err(refused("is larger than 64 KiB"));
    }
    if bytes.starts_with(&PNG) {
        png(&bytes).map_err(refused)?;
        return Ok(Asset::new(bytes.into(), "image/png"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("is neither a PNG nor an SVG in UTF-8"))?;
    svg(text)?;
    Ok(Asset::new(bytes.into(), "image/svg+xml"))
}

/// The signature of a PNG (PNG §5.2).
const PNG: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// The signature was read. The first chunk is IHDR (PNG §11.2.1).
fn png(bytes: &[u8]) -> Result<(), &'static str> {
    const BROKEN: &str = "is a PNG without a valid IHDR";
    let header: &[u8; 25] = bytes[PNG.len()..].first_chunk().ok_or(BROKEN)?;
    let number = |at: usize| header[at..].first_chunk().map_or(0, |four: &[u8; 4]| u32::from_be_bytes(*four));
    if number(0) != 13 || &header[4..8] != b"IHDR" {
        return Err(BROKEN);
    }
    let side = 1..=LARGEST_SIDE;
    if !side.contains(&number(8)) || !side.contains(&number(12)) {
        return Err("is a PNG whose width or height is not 1 to 4096");
    }
    let depths: &[u8] = match header[17] {
        0 => &[1, 2, 4, 8, 16],
        3 => &[1, 2, 4, 8],
        2 | 4 | 6 => &[8, 16],
        _ => &[],
    };
    let methods = (header[18], header[19], header[20]);
    if depths.contains(&header[16]) && matches!(methods, (0, 0, 0 | 1)) { Ok(()) } else { Err(BROKEN) }
}

fn svg(text: &str) -> Result<(), LogoError> {
    let plain = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, plain).map_err(|cause| match cause {
        roxmltree::Error::DtdDetected => LogoError { line: doctype(text), why: "has a DTD".into() },
        other => LogoError { line: Some(other.pos().row), why: format!("is not XML that can be read: {other}") },
    })?;
    let at =
        |node: Node<'_, '_>, why: String| LogoError { line: Some(document.text_pos_at(node.range().start).row), why };
    if !declared_utf8(text) {
        return Err(LogoError { line: Some(1), why: "says another encoding than UTF-8".into() });
    }
    let root = document.root_element();
    if !root.has_tag_name((SVG, "svg")) {
        return Err(at(root, "is no SVG: its root is not svg in the namespace of SVG".into()));
    }
    for node in document.descendants() {
        if let Some(what) = node.pi() {
            return Err(at(node, format!("has the processing instruction {}", what.target)));
        }
        if !node.is_element() {
            continue;
        }
        let name = node.tag_name();
        let lower = name.name().to_ascii_lowercase();
        if name.namespace() == Some(XHTML)
            || ["script", "foreignobject", "iframe", "handler", "listener"].contains(&&*lower)
        {
            return Err(at(node, format!("has the element {}", name.name())));
        }
        if lower == "style" {
            // A browser reads the text alone. What stands between its parts could hide a word from this check.
            if node.children().any(|inner| !inner.is_text()) {
                return Err(at(node, "has a style that holds more than text".to_owned()));
            }
            let rules: String = node.children().filter_map(|inner| inner.text()).collect();
            css(&rules).map_err(|why| at(node, format!("has a style that {why}")))?;
        }
        for attribute in node.attributes() {
            let line = document.text_pos_at(attribute.range().start).row;
            let refused = |why: String| LogoError { line: Some(line), why };
            let named = attribute.name().to_ascii_lowercase();
            let value = attribute.value().trim();
            let target = named == "attributename"
                && value.rsplit(':').next().is_some_and(|name| {
                    let name = name.trim().to_ascii_lowercase();
                    name == "href" || name.starts_with("on")
                });
            if named.starts_with("on") || target {
                return Err(refused(format!("has the event attribute or animated address {}", attribute.name())));
            }
            let outside = ["href", "src"].contains(&&*named) && !inside(value);
            if outside || (named == "base" && attribute.namespace() == Some(XML)) {
                return Err(refused(format!("has the reference {} to something outside the file", attribute.name())));
            }
            css(value).map_err(|why| refused(format!("has the attribute {} that {why}", attribute.name())))?;
        }
    }
    Ok(())
}

/// The line of the DTD.
fn doctype(text: &str) -> Option<u32> {
    let before = text.find("<!DOCTYPE")?;
    u32::try_from(text[..before].matches('\n').count() + 1).ok()
}

/// A browser reads the file as it declares itself, and we read it as UTF-8: so it must declare that, or nothing.
fn declared_utf8(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let Some(declared) = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) else { return true };
    let Some((_, named)) = declared.0.split_once("encoding") else { return true };
    let named = named.trim_start().trim_start_matches('=').trim_start().trim_start_matches(['"', '\'']);
    named.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("utf-8")) && named[5..].starts_with(['"', '\''])
}

/// A place in the file itself, or a picture that stands in it.
fn inside(address: &str) -> bool {
    const PICTURES: [&str; 4] = ["png", "jpeg", "gif", "webp"];
    address.starts_with('#') || PICTURES.iter().any(|kind| address.starts_with(&format!("data:image/{kind};base64,")))
}

/// What a style may not say. An attribute that is no style says none of it either.
fn css(rules: &str) -> Result<(), &'static str> {
    let lower = rules.to_ascii_lowercase();
    if lower.contains('\\') {
        return Err("has an escape");
    }
    if ["@import", "image(", "image-set(", "src(", "expression("].iter().any(|word| lower.contains(word)) {
        return Err("refers to something outside the file");
    }
    let outside = |rest: &str| !inside(rest.trim_start().trim_start_matches(['"', '\'']));
    if lower.split("url(").skip(1).any(outside) { Err("refers to something outside the file") } else { Ok(()) }
}

#[cfg(test)]
mod tests;
