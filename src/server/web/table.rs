//! One row of a URL table: a path with all its methods. So HEAD exists wherever GET does (RFC 9110 §9.3.2), another
//! method gets 405 with `Allow` instead of 404 (§15.5.6), and an encoded body is refused in the caller's format.

use super::around::{self, TableRow};
use super::encoding::{Refuse, plain};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, method, resource, to};
use actix_web::{FromRequest, Handler, Resource, Responder};

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

/// Adds the table to a server and returns its rows; the requests of each are served as [`around`] says, and counted under its number
/// in the table.
pub fn write_counted(cfg: &mut ServiceConfig, paths: impl IntoIterator<Item = Path>) -> Vec<Row> {
    let write = |(route, Path { row, resource, refuse })| {
        let in_table = TableRow { route: Some(route), refuse: Some(refuse) };
        cfg.service(resource.wrap(from_fn(move |req, next| around::handler(in_table, req, next))));
        row
    };
    paths.into_iter().enumerate().map(write).collect()
}

/// Adds the table to a server that only we and our operators reach, and returns its rows.
pub fn write(cfg: &mut ServiceConfig, paths: impl IntoIterator<Item = Path>) -> Vec<Row> {
    let write = |Path { row, resource, refuse }| {
        cfg.service(resource.wrap(from_fn(move |req, next| plain(refuse, req, next))));
        row
    };
    paths.into_iter().map(write).collect()
}
