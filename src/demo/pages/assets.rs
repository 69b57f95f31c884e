//! The stylesheet and the icon, shared with the authorization server's own pages and embedded in the program.

use crate::crypto::base64url;
use actix_web::http::header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../templates/assets/"]
#[include = "*.css"]
#[include = "*.svg"]
struct AssetFiles;

/// The bytes of the file served as `/assets/{name}`.
#[must_use]
pub fn asset(name: &str) -> Option<Vec<u8>> {
    AssetFiles::get(name).map(|file| file.data.into_owned())
}

/// A page's address of a file: with its version, so that it may be cached for good.
pub(super) fn address(name: &str) -> Option<String> {
    Some(format!("/assets/{name}?v={}", version(&AssetFiles::get(name)?)))
}

/// The first 96 bits of its digest.
fn version(file: &EmbeddedFile) -> String {
    base64url(&file.metadata.sha256_hash()[..12])
}

/// `GET /assets/{name}`
pub(crate) async fn file(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let Some(file) = AssetFiles::get(&name) else { return HttpResponse::NotFound().finish() };
    let tag = EntityTag::new_strong(version(&file));
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|t| t.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag.to_string()));
    answer.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    if known {
        return answer.finish();
    }
    let media_type = if name.ends_with(".css") { "text/css; charset=utf-8" } else { "image/svg+xml" };
    answer.content_type(media_type).body(file.data.into_owned())
}
