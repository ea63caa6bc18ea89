//! The API under `/api`, one file a subject. Whoever may call what will be decided here, above all routes.

mod events;
mod failure;
mod people;
mod sessions;
mod status;

use actix_web::guard::{self, Guard};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError as _, Route, Scope, web};

use super::guard::no_store;
use super::problem::Problem;

pub use sessions::fuzz_message;

/// Every route of the API.
pub(super) fn api() -> Scope<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    web::scope("/api")
        .service(at("/health", "GET, HEAD").route(read().to(status::health)))
        .service(at("/ready", "GET, HEAD").route(read().to(status::ready)))
        .service(at("/about", "GET, HEAD").route(read().to(status::about)))
        .service(at("/help", "GET, HEAD").route(read().to(status::help)))
        .service(at("/characters", "GET, HEAD").route(read().to(people::list)))
        .service(at("/characters/{index}", "GET, HEAD").route(read().to(people::show)))
        .service(at("/match", "POST").route(web::post().to(people::matches)))
        .service(at("/sessions", "POST").route(web::post().to(sessions::open)))
        .service(at("/sessions/{id}", "GET, HEAD").route(read().to(sessions::show)))
        .service(at("/sessions/{id}/messages", "POST").route(web::post().to(sessions::say)))
        .service(at("/sessions/{id}/events", "GET").route(web::get().to(events::stream)))
        .service(at("/sessions/{id}/stop", "POST").route(web::post().to(sessions::stop)))
        .service(at("/sessions/{id}/end", "POST").route(web::post().to(sessions::end)))
        .default_service(web::to(
            |request: HttpRequest| async move { Problem::no_route(request.path()).error_response() },
        ))
        .wrap(Compress::default())
        .wrap(from_fn(no_store))
}

/// A resource that says which methods it answers.
fn at(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        let answer: HttpResponse = Problem::wrong_method(request.method().as_str(), allow).error_response();
        answer
    }))
}

fn read() -> Route {
    web::route().guard(either())
}

fn either() -> impl Guard {
    guard::Any(guard::Get()).or(guard::Head())
}
