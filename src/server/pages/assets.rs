//! Our stylesheet, script and images, embedded in the binary; a page loads no other files but the institution's colour.

use crate::secret::{Hash, base64url};
use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "../../templates/assets/"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
struct Files;

/// One file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: &'static str,
    /// A strong entity tag (RFC 9110 §8.8.3), with its quotes.
    pub etag: String,
}

impl Asset {
    /// An asset with its tag.
    pub(super) fn new(bytes: Cow<'static, [u8]>, content_type: &'static str) -> Self {
        let etag = format!("\"{}\"", tag(Hash::of(&bytes).as_bytes()));
        Self { bytes, content_type, etag }
    }
    /// Its address for a page: where it is served, with its version.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{path}?v={}", self.etag.trim_matches('"'))
    }
}

/// The file served as `/assets/{name}`. Pages add `?v=` with the start of its tag, so that it may be cached for ever.
#[must_use]
pub fn asset(name: &str) -> Option<Asset> {
    let file = Files::get(name)?;
    let content_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let etag = format!("\"{}\"", tag(&file.metadata.sha256_hash()));
    Some(Asset { bytes: file.data, content_type, etag })
}

/// The first 96 bits of a digest, in base64url.
fn tag(hash: &[u8; 32]) -> String {
    base64url(&hash[..12])
}

/// The address of a file for a page, with its version.
pub(super) fn address(name: &str) -> Option<String> {
    let asset = asset(name)?;
    Some(asset.address(&format!("/assets/{name}")))
}
