//! The files that pages load: our stylesheet and script, and the institution's colour.

use super::Shared;
use crate::pages::{self, Asset};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, EntityTag, Header, HeaderValue, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse, web};

/// Pages have a version in the query of these addresses, so the content of an address never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The colour can change with the configuration.
const A_WHILE: &str = "public, max-age=300";

/// `GET /assets/{name}`
pub async fn file(req: HttpRequest, name: web::Path<String>) -> HttpResponse {
    pages::asset(&name).map_or_else(|| HttpResponse::NotFound().finish(), |asset| answer(&req, asset))
}

fn answer(req: &HttpRequest, asset: Asset) -> HttpResponse {
    let tag = EntityTag::new_strong(asset.etag.trim_matches('"').to_owned());
    let known = match IfNoneMatch::parse(req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|t| t.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag.to_string())).insert_header((CACHE_CONTROL, FOREVER));
    if known { answer.finish() } else { answer.content_type(asset.content_type).body(asset.bytes.into_owned()) }
}

/// `GET /assets/institution-logo`: the institution's own mark. Nothing in it runs, even if somebody opens it directly.
pub async fn logo(req: HttpRequest, app: Shared) -> HttpResponse {
    let Some(logo) = app.pages.institution().logo.clone() else { return HttpResponse::NotFound().finish() };
    let mut answer = answer(&req, logo);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    answer
}

/// `GET /assets/institution.css`
pub async fn institution(app: Shared) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, A_WHILE))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .content_type("text/css; charset=utf-8")
        .body(app.pages.institution_css())
}
