//! One row of a URL table: a path with all its methods. So HEAD exists wherever GET does (RFC 9110 §9.3.2), another
//! method gets 405 with `Allow` instead of 404 (§15.5.6), and an encoded body is refused in the caller's format.

use super::Shared;
use super::encoding::{Refuse, plain};
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{ServiceConfig, method, resource, to};
use actix_web::{Error, FromRequest, Handler, Resource, Responder};
use std::time::Instant;

/// A path and its handlers.
pub struct Path {
    row: Row,
    resource: Resource,
    refuse: Refuse,
}

/// The description of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The pattern.
    pub path: String,
    /// The accepted methods; empty if the handler checks the method itself.
    pub methods: Vec<Method>,
}

/// A path without methods yet. `refuse` makes the response to an encoded body.
#[must_use]
pub fn at(path: &str, refuse: Refuse) -> Path {
    Path { row: Row { path: path.to_owned(), methods: Vec::new() }, resource: resource(path), refuse }
}

impl Path {
    fn on<F, Args>(mut self, name: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(method(name.clone()).to(handler));
        self.row.methods.push(name);
        self
    }

    /// Every method, for a handler that checks it itself.
    #[must_use]
    pub fn any<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(to(handler));
        self
    }
}

impl Path {
    /// The pattern.
    #[must_use]
    pub fn into_pattern(self) -> String {
        self.row.path
    }

    /// `GET` and `HEAD`: the server library sends only the headers for HEAD.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.get_and_head(handler.clone(), handler)
    }

    /// `GET`, and another handler for `HEAD`, for a path where GET changes something. Link checkers and mail scanners
    /// send HEAD, and must not change anything (RFC 9110 §9.2.1: a safe method).
    #[must_use]
    pub fn get_and_head<F, Args, H, HeadArgs>(self, handler: F, head: H) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
        H: Handler<HeadArgs>,
        HeadArgs: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.on(Method::GET, handler).on(Method::HEAD, head)
    }
}

macro_rules! methods {
    ($($name:ident = $method:ident;)+) => {
        impl Path {
            $(
                #[doc = concat!("`", stringify!($method), "`")]
                #[must_use]
                pub fn $name<F, Args>(self, handler: F) -> Self
                where
                    F: Handler<Args>,
                    Args: FromRequest + 'static,
                    F::Output: Responder + 'static,
                {
                    self.on(Method::$method, handler)
                }
            )+
        }
    };
}
methods! {
    post = POST;
    patch = PATCH;
    put = PUT;
    delete = DELETE;
    options = OPTIONS;
}

/// One request while it is served. If its caller leaves, its future is dropped, and it is counted without a status.
struct Timing {
    app: Option<Shared>,
    route: usize,
    since: Instant,
    status: Option<u16>,
}
impl Drop for Timing {
    fn drop(&mut self) {
        if let Some(app) = &self.app {
            app.meters.request(self.route, self.status, self.since.elapsed());
        }
    }
}

async fn counted<B: MessageBody>(
    route: usize,
    refuse: Refuse,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = req.app_data::<Shared>().cloned();
    let mut timing = Timing { app, route, since: Instant::now(), status: None };
    let answer = plain(refuse, req, next).await;
    timing.status = Some(match &answer {
        Ok(answer) => answer.status().as_u16(),
        Err(e) => e.as_response_error().status_code().as_u16(),
    });
    answer
}

/// Adds the table to a server and returns its rows; the requests of each are counted under its number in the table.
pub fn write_counted(cfg: &mut ServiceConfig, paths: impl IntoIterator<Item = Path>) -> Vec<Row> {
    let write = |(route, Path { row, resource, refuse })| {
        cfg.service(resource.wrap(from_fn(move |req, next| counted(route, refuse, req, next))));
        row
    };
    paths.into_iter().enumerate().map(write).collect()
}

/// Adds the table to a server and returns its rows.
pub fn write(cfg: &mut ServiceConfig, paths: impl IntoIterator<Item = Path>) -> Vec<Row> {
    let write = |Path { row, resource, refuse }| {
        cfg.service(resource.wrap(from_fn(move |req, next| plain(refuse, req, next))));
        row
    };
    paths.into_iter().map(write).collect()
}
