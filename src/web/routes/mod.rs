//! The routes, one file a subject, and the one table they are served from: what is not in it cannot be reached.

mod answers;
mod danger;
mod events;
mod export;
mod failure;
mod likeness;
mod listed;
mod numbers;
mod operator;
mod people;
mod proposals;
mod sessions;
mod status;
mod table;
mod views;
mod visitors;

pub(super) use failure::problem;
pub use sessions::fuzz_message;
pub(super) use table::add;
pub use table::{Access, Method, ROUTES, RouteEntry};

pub(super) use description::Api;

mod description {
    //! Which operations and bodies the description of the API names; a test holds it to the table.

    use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::{Modify, OpenApi};

    use super::{answers, events, likeness, operator, people, proposals, sessions, status, visitors};

    /// The API as OpenAPI describes it.
    #[derive(OpenApi)]
    #[openapi(
        info(
            title = "Kindred",
            description = "Social-support simulation: a bank of characters, a matcher, and live conversations. The \
                characters are software, not people, and talking with them is not therapy. Failures are \
                `application/problem+json` with a stable `code`.",
        ),
        paths(
            status::health, status::ready, status::about, status::help, status::openapi, status::docs, status::docs_style,
            people::list, people::show, likeness::similar, proposals::matches,
            visitors::welcome, visitors::show, visitors::forget, visitors::export,
            sessions::list, sessions::open, sessions::show, sessions::delete, sessions::say, sessions::regenerate,
            sessions::show_version, sessions::stop, sessions::end, events::stream,
            operator::status, operator::metrics,
        ),
        // Shared answers name it, and the derive does not look into them.
        components(schemas(answers::ProblemView)),
        modifiers(&Keys),
        tags(
            (name = "server", description = "What this server is and how to talk to it"),
            (name = "people", description = "The bank of characters, and who of it may help"),
            (name = "visitor", description = "Who you are here, and everything of yours"),
            (name = "talks", description = "Live conversations"),
            (name = "operator", description = "For whoever runs this server"),
        ),
    )]
    pub(in crate::web) struct Api;

    struct Keys;

    impl Modify for Keys {
        fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("The operator's key. Without one configured, this machine needs none."))
                .build();
            let components = api.components.get_or_insert_default();
            components.add_security_scheme("operator", SecurityScheme::Http(bearer));
            let cookie = ApiKeyValue::with_description(
                "kindred",
                "The cookie that POST /api/visitor sets; over HTTPS it is called __Host-kindred.",
            );
            components.add_security_scheme("visitor", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        }
    }
}
