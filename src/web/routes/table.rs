//! The one table of routes: the application is built from it, and so are the tests that ask every route.

use std::collections::BTreeMap;

use actix_web::guard::{self, Guard};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpRequest, ResponseError as _, Route, web};

use super::{events, likeness, operator, people, proposals, sessions, status, visitors};
use crate::web::admin;
use crate::web::guard::no_store;
use crate::web::problem::Problem;
use crate::web::visitor;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everybody.
    Open,
    /// Visitors, each for what is theirs.
    Visitor,
    /// Whoever has the operator's key.
    Operator,
}

/// How a route is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET, and HEAD with it.
    Read,
    /// GET alone: an answer without an end has no head to speak of.
    Stream,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

impl Method {
    /// What the header `Allow` says of it.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Stream => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// As it is written in a request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read | Self::Stream => "GET",
            other => other.allow(),
        }
    }

    fn route(self) -> Route {
        match self {
            Self::Read => web::route().guard(read()),
            Self::Stream => web::get(),
            Self::Post => web::post(),
            Self::Put => web::put(),
            Self::Delete => web::delete(),
        }
    }
}

fn read() -> impl Guard {
    guard::Any(guard::Get()).or(guard::Head())
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct RouteEntry {
    /// How it is called.
    pub method: Method,
    /// Its address, with names in braces for what varies.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    handler: fn(Route) -> Route,
}

const fn open(method: Method, path: &'static str, handler: fn(Route) -> Route) -> RouteEntry {
    RouteEntry { method, path, access: Access::Open, handler }
}

const fn visitors(method: Method, path: &'static str, handler: fn(Route) -> Route) -> RouteEntry {
    RouteEntry { method, path, access: Access::Visitor, handler }
}

const fn operators(method: Method, path: &'static str, handler: fn(Route) -> Route) -> RouteEntry {
    RouteEntry { method, path, access: Access::Operator, handler }
}

/// Every route there is.
pub const ROUTES: &[RouteEntry] = &[
    open(Method::Read, "/api/health", |route| route.to(status::health)),
    open(Method::Read, "/api/ready", |route| route.to(status::ready)),
    open(Method::Read, "/api/about", |route| route.to(status::about)),
    open(Method::Read, "/api/help", |route| route.to(status::help)),
    open(Method::Read, "/api/openapi.json", |route| route.to(status::openapi)),
    open(Method::Read, "/api/docs", |route| route.to(status::docs)),
    open(Method::Read, "/api/docs.css", |route| route.to(status::docs_style)),
    open(Method::Read, "/api/characters", |route| route.to(people::list)),
    open(Method::Read, "/api/characters/{index}", |route| route.to(people::show)),
    open(Method::Read, "/api/characters/{index}/similar", |route| route.to(likeness::similar)),
    open(Method::Post, "/api/match", |route| route.to(proposals::matches)),
    open(Method::Post, "/api/visitor", |route| route.to(visitors::welcome)),
    visitors(Method::Read, "/api/visitor", |route| route.to(visitors::show)),
    visitors(Method::Delete, "/api/visitor", |route| route.to(visitors::forget)),
    visitors(Method::Read, "/api/visitor/export", |route| route.to(visitors::export)),
    visitors(Method::Read, "/api/sessions", |route| route.to(sessions::list)),
    visitors(Method::Post, "/api/sessions", |route| route.to(sessions::open)),
    visitors(Method::Read, "/api/sessions/{id}", |route| route.to(sessions::show)),
    visitors(Method::Delete, "/api/sessions/{id}", |route| route.to(sessions::delete)),
    visitors(Method::Post, "/api/sessions/{id}/messages", |route| route.to(sessions::say)),
    visitors(Method::Post, "/api/sessions/{id}/regenerate", |route| route.to(sessions::regenerate)),
    visitors(Method::Put, "/api/sessions/{id}/head", |route| route.to(sessions::show_version)),
    visitors(Method::Stream, "/api/sessions/{id}/events", |route| route.to(events::stream)),
    visitors(Method::Post, "/api/sessions/{id}/stop", |route| route.to(sessions::stop)),
    visitors(Method::Post, "/api/sessions/{id}/end", |route| route.to(sessions::end)),
    operators(Method::Read, "/api/operator/status", |route| route.to(operator::status)),
    operators(Method::Read, "/metrics", |route| route.to(operator::metrics)),
];

const API: &str = "/api";

/// Adds every route of the table, and what answers for those that are none.
pub(in crate::web) fn add(app: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&str, Vec<&RouteEntry>> = BTreeMap::new();
    for entry in ROUTES {
        by_path.entry(entry.path).or_default().push(entry);
    }
    let mut api = web::scope(API);
    for (path, entries) in by_path {
        match path.strip_prefix(API) {
            Some(within) => api = api.service(resource(within, &entries)),
            None => {
                app.service(resource(path, &entries).wrap(from_fn(no_store)));
            }
        }
    }
    let unknown = web::to(|request: HttpRequest| async move { Problem::no_route(request.path()).error_response() });
    app.service(api.default_service(unknown).wrap(Compress::default()).wrap(from_fn(no_store)));
}

/// A resource that says which methods it answers.
fn resource(path: &str, entries: &[&RouteEntry]) -> actix_web::Resource {
    let allow = entries.iter().map(|entry| entry.method.allow()).collect::<Vec<_>>().join(", ");
    let other = web::to(move |request: HttpRequest| {
        std::future::ready(Problem::wrong_method(request.method().as_str(), &allow).error_response())
    });
    let mut resource = web::resource(path).default_service(other);
    for entry in entries {
        let route = (entry.handler)(entry.method.route());
        resource = resource.route(match entry.access {
            Access::Open => route,
            Access::Visitor => route.wrap(from_fn(visitor::only)),
            Access::Operator => route.wrap(from_fn(admin::only)),
        });
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_route_is_named_twice() {
        let mut seen = HashSet::new();
        assert!(ROUTES.iter().all(|entry| seen.insert((entry.method.name(), entry.path))));
    }
}
