//! The failures that many routes share, for the description of the API. Each tells the codes it may carry.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// What failed, as every route tells it (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemView {
    /// `urn:kindred:problem:` and the code.
    r#type: String,
    /// What failed, for people.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What failed, for programs; never changes its meaning.
    code: String,
    /// What was expected and what came, for people.
    detail: String,
    /// On the routes where somebody is looked for: the help card, if what was written tells of danger. Show it before all
    /// else.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// With `busy`: how many wait before you.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<u64>,
    /// With `busy`: how long it may take until your turn, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<u64>,
}

/// Of every route.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: problem.rs makes the answers")]
pub(super) enum Always {
    #[response(status = 405, description = "`wrong-method`", content_type = "application/problem+json")]
    WrongMethod(ProblemView),
    #[response(
        status = 421,
        description = "`wrong-host`: not a name of this server",
        content_type = "application/problem+json"
    )]
    WrongHost(ProblemView),
    #[response(
        status = 500,
        description = "`internal`: a defect of the server; its log says more",
        content_type = "application/problem+json"
    )]
    Internal(ProblemView),
}

/// Of every route that needs what is loaded at the start, or does work.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: problem.rs makes the answers")]
pub(super) enum Working {
    #[response(
        status = 503,
        description = "`starting`, `draining`, `busy`, `interrupted`, `read-only`, `model-restarting`: not now; the header Retry-After says when",
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds"))
    )]
    NotNow(ProblemView),
}

/// Of every route that reads a body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: problem.rs makes the answers")]
pub(super) enum Reading {
    #[response(
        status = 400,
        description = "`empty-body`, `invalid-utf8`, `invalid-json`, `broken-body`, `empty-message`, `invalid-k`, `invalid-key`",
        content_type = "application/problem+json"
    )]
    BadBody(ProblemView),
    #[response(
        status = 408,
        description = "`too-slow`: the body did not come in time",
        content_type = "application/problem+json"
    )]
    TooSlow(ProblemView),
    #[response(status = 413, description = "`too-large`", content_type = "application/problem+json")]
    TooLarge(ProblemView),
    #[response(
        status = 415,
        description = "`not-json`: expected the content type application/json",
        content_type = "application/problem+json"
    )]
    NotJson(ProblemView),
}

/// Of every route whose use is limited.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: problem.rs makes the answers")]
pub(super) enum Limited {
    #[response(
        status = 429,
        description = "`too-many-requests`, `too-many-streams`: the header Retry-After says when to come again",
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds"))
    )]
    TooMany(ProblemView),
}

/// Of the operator's routes.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: problem.rs makes the answers")]
pub(super) enum Locked {
    #[response(status = 401, description = "`no-key`", content_type = "application/problem+json")]
    NoKey(ProblemView),
    #[response(status = 403, description = "`wrong-key`", content_type = "application/problem+json")]
    WrongKey(ProblemView),
    #[response(
        status = 429,
        description = "`too-many-requests`: too many keys were tried from this address",
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds"))
    )]
    TooMany(ProblemView),
    #[response(
        status = 503,
        description = "`busy`: another key is being checked",
        content_type = "application/problem+json",
        headers(("retry-after" = u32, description = "Seconds"))
    )]
    NotNow(ProblemView),
}

/// Defines answers of one status: what they are of, name, status, description.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident, $status:literal, $description:literal;)*) => {$(
        $(#[$doc])*
        #[derive(IntoResponses)]
        #[response(status = $status, description = $description, content_type = "application/problem+json")]
        #[expect(dead_code, reason = "only described: problem.rs makes the answers")]
        pub(super) struct $name(ProblemView);
    )*};
}

answers! {
    /// Of every route of visitors.
    Known, 401, "`no-visitor`: expected the cookie that POST /api/visitor sets";
    /// Of every route that changes something.
    Writing, 403, "`wrong-origin`: sent by a page that is not this server's own";
    /// Of every route that stores something.
    DiskFull, 507, "`disk-full`";
    BadQuery, 400, "`invalid-query`";
    /// Of every route that needs what `kindred serve` embeds at the start, and another program may leave out.
    NoMeaning, 501, "`no-search-by-meaning`: this server was started without it";
    BadEventId, 400, "`invalid-event-id`";
    NoSession, 404, "`no-such-session`";
    NoTurn, 404, "`no-such-session`, `no-such-turn`";
    NoCharacter, 404, "`no-such-character`";
    /// Of a conversation that takes no more.
    Over, 409, "`session-ended`, `session-full`";
    TooManySessions, 409, "`too-many-sessions`";
    TooLong, 422, "`message-too-long`";
    BadOpening, 422, "`message-too-long`, `key-reused`";
    BadMessage, 422, "`message-too-long`, `key-reused`, `not-a-message`";
    KeyReused, 422, "`key-reused`";
}
