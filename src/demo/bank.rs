//! The sample bank's HTTP face, for the account API alone: what the bank is asked about customers stays inside.

use super::door::{Door, Running};
use crate::bank::SampleBank;
use crate::clock::Clock;
use crate::web::encoding::as_json;
use crate::web::table::{Row, at, write};
use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use std::io;
use std::sync::Arc;

struct Face {
    bank: Arc<SampleBank>,
    clock: Arc<dyn Clock>,
}

/// Opens the face behind `door`.
///
/// # Errors
/// When the listener cannot be opened.
pub async fn start(door: Door, bank: Arc<SampleBank>, clock: Arc<dyn Clock>) -> io::Result<Running> {
    let face = Data::new(Face { bank, clock });
    door.open(move |c| {
        c.app_data(face.clone()).configure(|c| drop(routes(c)));
    })
}

fn routes(config: &mut ServiceConfig) -> Vec<Row> {
    write(config, [at("/accounts/{path:.*}", as_json).get(answer)])
}

async fn answer(face: Data<Face>, request: HttpRequest) -> HttpResponse {
    let reply = face.bank.answer("GET", request.path(), request.query_string(), &[], face.clock.now());
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(reply.body)
}
