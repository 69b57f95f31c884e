//! How an address is written into a table of URLs: one row with all its methods, so that HEAD stands wherever GET does
//! (RFC 9110 §9.3.2), another method is 405 with `Allow` and not 404 (§15.5.6), and callers with an encoded body get the
//! answer of their kind.

use super::encoding::{Refuse, plain};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, method, resource, to};
use actix_web::{FromRequest, Handler, Resource, Responder};

/// An address and what is done there.
pub struct Path {
    row: Row,
    resource: Resource,
    refuse: Refuse,
}

/// What a table says of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The pattern.
    pub path: String,
    /// The methods that are taken; none where the handler looks at the method itself.
    pub methods: Vec<Method>,
}

/// An address without methods yet. `refuse` answers a body that is encoded.
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

    /// Every method, for a handler that looks at it itself.
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
    /// `GET` and `HEAD`: the server library sends the head of the one answer for both.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.get_and_head(handler.clone(), handler)
    }

    /// `GET`, and another handler for `HEAD`: where a look changes something, but whoever asks for the head alone is no
    /// customer who looks. Link checkers and mail scanners do (RFC 9110 §9.2.1: a safe method).
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
    put = PUT;
    delete = DELETE;
}

/// Writes the table into a server and returns its rows.
pub fn write(cfg: &mut ServiceConfig, paths: impl IntoIterator<Item = Path>) -> Vec<Row> {
    let write = |Path { row, resource, refuse }| {
        cfg.service(resource.wrap(from_fn(move |req, next| plain(refuse, req, next))));
        row
    };
    paths.into_iter().map(write).collect()
}
