//! The whole URL table.

use super::around::{self, TableRow};
use super::encoding::{as_json, as_nothing, as_page};
use super::error::nothing_here;
use super::table::{Row, at, write, write_counted};
use super::{
    admin, assets, authorize, components, grants, health, hooks, introspect, link, metadata, metrics, page, par, paths,
    public, register, revoke, ssf, token, userinfo,
};
use crate::admin::command::BASE;
use crate::pages::LOGO_PATH;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, to};

/// Every route of the public listener.
pub fn public(cfg: &mut ServiceConfig) -> Vec<Row> {
    let nowhere = TableRow { route: None, refuse: None };
    cfg.default_service(to(page::nowhere).wrap(from_fn(move |req, next| around::handler(nowhere, req, next))));
    write_counted(cfg, table())
}

/// The patterns of the public listener, in the order of the table.
#[must_use]
pub fn patterns() -> Vec<String> {
    table().into_iter().map(super::table::Path::into_pattern).collect()
}

fn table() -> Vec<super::table::Path> {
    let client = format!("{}/{{client_id}}", paths::REGISTER);
    let grant = format!("{}/{{grant_id}}", paths::GRANTS);
    let receipt = format!("{grant}/receipt");
    let poll = format!("{}/{{stream_id}}", paths::STREAM_POLL);
    vec![
        // The server library looks through the rows in their order, and this is the most frequent request.
        at(paths::INTROSPECT, as_json).post(introspect::post),
        at("/", as_page).get(page::home),
        at("/healthz", as_json).get(health::live),
        at("/readyz", as_json).get(health::ready),
        at(paths::OPENID_METADATA, as_json).get(metadata::document).options(public::preflight),
        at(paths::OAUTH_METADATA, as_json).get(metadata::document).options(public::preflight),
        at(paths::JWKS, as_json).get(metadata::jwks).options(public::preflight),
        at(paths::PAR, as_json).post(par::post),
        at(paths::AUTHORIZE, as_page).get_and_head(authorize::get, page::head).post(authorize::post),
        at(paths::TOKEN, as_json).post(token::post),
        at(paths::REVOKE, as_json).post(revoke::post),
        at(paths::USERINFO, as_json).get(userinfo::handle).post(userinfo::handle),
        at(paths::REGISTER, as_json).post(register::post),
        at(&client, as_json).get(register::get).put(register::put).delete(register::delete),
        at(paths::GRANTS, as_json).get(grants::unnamed),
        at(&grant, as_json).get(grants::get).delete(grants::delete),
        at(&receipt, as_json).get(grants::receipt),
        at(paths::RECEIPT_KEYS, as_json).get(grants::receipt_keys).options(public::preflight),
        at("/link/{interaction}/call/status", as_json).get(link::status),
        at("/link/{interaction}/{screen}", as_page).get_and_head(link::get, page::head).post(link::post),
        at("/my", as_page).get_and_head(link::my::start, page::head),
        at("/my/{interaction}/call/status", as_json).get(link::my::status),
        at("/my/{interaction}/receipt/{grant}", as_page).get_and_head(link::my::receipt, page::head),
        at("/my/{interaction}/{screen}", as_page).get_and_head(link::my::get, page::head).post(link::my::post),
        at("/hooks/telephony/sip", as_nothing).post(hooks::sip),
        at("/hooks/bank/events", as_nothing).post(hooks::bank),
        at(paths::SSF_METADATA, as_json).get(ssf::metadata).options(public::preflight),
        at(paths::STREAMS, as_json)
            .get(ssf::streams::get)
            .post(ssf::streams::post)
            .patch(ssf::streams::patch)
            .put(ssf::streams::put)
            .delete(ssf::streams::delete),
        at(paths::STREAM_STATUS, as_json).get(ssf::status::get).post(ssf::status::post),
        at(paths::STREAM_VERIFY, as_json).post(ssf::status::verify),
        at(&poll, as_json).post(ssf::poll::post),
        at("/assets/institution.css", as_nothing).get(assets::institution),
        at(LOGO_PATH, as_nothing).get(assets::logo),
        at("/assets/{name}", as_nothing).get(assets::file),
    ]
}

/// Every route of the admin socket.
pub fn staff(cfg: &mut ServiceConfig) -> Vec<Row> {
    let commands = at(&format!("{BASE}/{{rest:.*}}"), as_json).any(admin::handle);
    write(cfg, [commands, at("/readyz", as_json).get(components::ready)])
}

/// Every route of `admin.listen`.
pub fn operators(cfg: &mut ServiceConfig) -> Vec<Row> {
    cfg.default_service(to(nothing_here));
    write(cfg, [at("/metrics", as_nothing).get(metrics::get), at("/readyz", as_json).get(components::ready)])
}
