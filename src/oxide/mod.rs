//! oxide-auth: RFC 6749's decisions as pure functions. The only folder that names the library.
