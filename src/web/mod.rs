//! HTTP: routes, endpoints, screens.
