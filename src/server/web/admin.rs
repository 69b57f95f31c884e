//! `/admin/v1/…`, served only on the admin socket (requirements.md#addresses). The kernel identifies the caller: the
//! user at the other end of the socket.

use super::Shared;
use super::error::log_failure;
use crate::admin::command::BASE;
use crate::admin::{self, AdminCommand, AdminContext, AdminError, uid_name};
use crate::config::Mode;
use crate::identity::FieldCrypto;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// The user at the other end of the socket, read at connection time (`SO_PEERCRED`).
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// Its own group.
    pub gid: u32,
    /// The user that the socket belongs to: the service's.
    pub owner: u32,
}

/// The header by which a command says which server it means. More than one may run on a machine.
pub const MEANT: &str = "renkei-issuer";

/// Any request under `/admin/v1`.
pub async fn handle(app: Shared, req: HttpRequest, body: Bytes) -> HttpResponse {
    let Some(Peer { uid, gid, owner }) = req.conn_data::<Peer>().copied() else {
        return HttpResponse::Forbidden().json(json!({"error": "the asker is not known"}));
    };
    let meant = req.headers().get(MEANT).and_then(|value| value.to_str().ok());
    if meant.is_some_and(|meant| meant != app.issuer()) {
        let error =
            format!("this is the socket of {}: set admin.socket in one of the two configurations", app.issuer());
        return HttpResponse::Conflict().json(json!({"error": error}));
    }
    let records = app.config.admin.records_group.as_deref();
    let of_records_group = records.is_some_and(|group| uid_name::is_member(group, uid, gid));
    let seals = FieldCrypto { sealer: app.sealer.clone(), random: app.random.clone() };
    let service = AdminContext {
        // Commands of staff are written even when the disk is full.
        store: app.store.ending(),
        issuer: Some(app.issuer().to_owned()),
        crypto: seals,
        rules: app.config.client_rules(),
        rotation: app.config.keys.policy(),
        keep_address: app.config.mail.address_retention(),
        ring: Some(app.keys.clone()),
        access: admin::of_peer(uid, owner, of_records_group),
        in_production: app.config.server.mode == Mode::Production,
        mailer: Some(app.mailer.clone()),
    };
    let path = req.path().strip_prefix(BASE).unwrap_or_default();
    let answer = match AdminCommand::parse(req.method().as_str(), path, req.query_string(), &body) {
        Ok(ask) => admin::answer(&service, ask, &uid_name::name(uid), app.now()).await,
        Err(refused) => Err(refused),
    };
    match answer {
        Ok(answer) => HttpResponse::Ok().json(answer),
        Err(refused) => {
            if let AdminError::Store(cause) = &refused {
                log_failure(cause);
            }
            let mut answer = HttpResponse::build(status(&refused));
            if matches!(refused, AdminError::Store(_)) {
                answer.insert_header((RETRY_AFTER, "5"));
            }
            answer.json(json!({"error": refused.to_string()}))
        }
    }
}

const fn status(refused: &AdminError) -> StatusCode {
    match refused {
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::Unknown(_) => StatusCode::NOT_FOUND,
        AdminError::NotAllowed(_) => StatusCode::FORBIDDEN,
        AdminError::NotNow(_) => StatusCode::CONFLICT,
        AdminError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
