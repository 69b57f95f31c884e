//! The whole URL table (contract §2).

use super::error::nothing_here;
use super::{
    admin, assets, authorize, health, hooks, introspect, link, metadata, par, paths, register, revoke, token, userinfo,
};
use crate::admin::ask::BASE;
use actix_web::web::{ServiceConfig, delete, get, post, put, resource, to};

/// Every route of the public listener.
pub fn public(cfg: &mut ServiceConfig) {
    cfg.route("/healthz", get().to(health::live)).route("/readyz", get().to(health::ready));
    cfg.route(paths::OPENID_METADATA, get().to(metadata::document))
        .route(paths::OAUTH_METADATA, get().to(metadata::document))
        .route(paths::JWKS, get().to(metadata::jwks));
    // A resource of its own each, so that another method is 405 and not 404.
    cfg.service(resource(paths::PAR).route(post().to(par::post)))
        .service(resource(paths::AUTHORIZE).route(get().to(authorize::get)).route(post().to(authorize::post)))
        .service(resource(paths::TOKEN).route(post().to(token::post)))
        .service(resource(paths::INTROSPECT).route(post().to(introspect::post)))
        .service(resource(paths::REVOKE).route(post().to(revoke::post)))
        .service(resource(paths::USERINFO).route(get().to(userinfo::handle)).route(post().to(userinfo::handle)));
    cfg.service(resource(paths::REGISTER).route(post().to(register::post))).service(
        resource(format!("{}/{{client_id}}", paths::REGISTER))
            .route(get().to(register::get))
            .route(put().to(register::put))
            .route(delete().to(register::delete)),
    );
    cfg.route("/link/{interaction}/call/status", get().to(link::status))
        .service(resource("/link/{interaction}/{screen}").route(get().to(link::get)).route(post().to(link::post)));
    cfg.route("/hooks/telephony/sip", post().to(hooks::sip)).route("/hooks/bank/events", post().to(hooks::bank));
    cfg.route("/assets/institution.css", get().to(assets::institution)).route("/assets/{name}", get().to(assets::file));
    cfg.default_service(to(nothing_here));
}

/// Every route of the admin socket.
pub fn staff(cfg: &mut ServiceConfig) {
    cfg.route(&format!("{BASE}/{{rest:.*}}"), to(admin::handle));
}
