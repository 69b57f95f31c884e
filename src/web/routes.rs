//! The whole URL table (contract §2).

use super::{health, metadata, paths};
use actix_web::web::{ServiceConfig, get};

/// Every route of the public listener.
pub fn public(cfg: &mut ServiceConfig) {
    cfg.route("/healthz", get().to(health::live)).route("/readyz", get().to(health::ready));
    cfg.route(paths::OPENID_METADATA, get().to(metadata::document))
        .route(paths::OAUTH_METADATA, get().to(metadata::document))
        .route(paths::JWKS, get().to(metadata::jwks));
}
