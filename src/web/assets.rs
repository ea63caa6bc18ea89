//! The built page, embedded in the binary, with its content types, its caching and its compressed forms.

use std::borrow::Cow;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ContentEncoding, ETAG, HeaderValue, IF_NONE_MATCH, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/static/dist"]
struct Dist;

/// Shown when the binary was built without the page.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Kindred</title>\
    <h1>Kindred runs, but its page is not built</h1><p>Run <code>make web</code>, then build and start Kindred again. \
    The API under <code>/api</code> works.</p><p>Kindred's characters are software, not people, and not therapy.</p>\
    <p>If you are in danger, call your local emergency number now.</p></html>";

/// Names under `assets/` carry a hash of what they hold: they never change.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

/// Answers everything outside `/api`: a file of the page, or the page itself for the addresses its router knows.
pub(super) async fn serve(request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::wrong_method(request.method().as_str(), "GET, HEAD").error_response();
    }
    let path = request.path().trim_start_matches('/');
    // Compressed forms are not addresses of their own.
    let is_form = FORMS.iter().any(|(suffix, _)| path.ends_with(suffix));
    if path != "index.html" && !is_form && Dist::get(path).is_some() {
        return file(&request, path, StatusCode::OK);
    }
    let status = if is_page(path) { StatusCode::OK } else { StatusCode::NOT_FOUND };
    if path.starts_with("assets/") {
        // A page of an older build asks for its parts: a plain 404 lets it fail rather than run HTML as a script.
        return HttpResponse::NotFound().insert_header((CACHE_CONTROL, ASK_EACH_TIME)).finish();
    }
    if Dist::get("index.html").is_none() {
        return HttpResponse::build(status).content_type("text/html; charset=utf-8").body(NOT_BUILT);
    }
    file(&request, "index.html", status)
}

/// The addresses that `static/src/lib/router.svelte.ts` reads.
fn is_page(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) | (Some("characters" | "conversations" | "help"), None, _) | (Some("talk"), Some(_), None) => true,
        (Some("characters"), Some(index), None) => index.parse::<u32>().is_ok(),
        _ => false,
    }
}

/// Compressed forms made by the page's build, best first.
const FORMS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

fn file(request: &HttpRequest, path: &str, status: StatusCode) -> HttpResponse {
    let accepted = accepted_encodings(request);
    let compressed = FORMS
        .iter()
        .filter(|(_, name)| accepted.iter().any(|one| one == name))
        .find_map(|(suffix, name)| Dist::get(&format!("{path}{suffix}")).map(|file| (file, Some(*name))));
    let Some((file, encoding)) = compressed.or_else(|| Dist::get(path).map(|file| (file, None))) else {
        return HttpResponse::NotFound().finish();
    };
    let tag = etag(&file);
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, if path.starts_with("assets/") { FOREVER } else { ASK_EACH_TIME }))
        .insert_header((ETAG, tag.clone()))
        .insert_header((VARY, "accept-encoding"));
    if status == StatusCode::OK && request.headers().get(IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    match encoding {
        Some(name) => response.insert_header((CONTENT_ENCODING, name)),
        // Says that this is the final form, should a compressing layer ever stand above.
        None => response.insert_header(ContentEncoding::Identity),
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    response.content_type(kind);
    match file.data {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    }
}

fn accepted_encodings(request: &HttpRequest) -> Vec<String> {
    let header = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header
        .split(',')
        .filter(|one| !one.replace(' ', "").ends_with(";q=0"))
        .map(|one| one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .collect()
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_pages_own_addresses() {
        for page in ["", "characters", "characters/12", "conversations", "talk/0197", "help", "help/"] {
            assert!(is_page(page), "{page}");
        }
        for other in ["characters/x", "talk", "talk/a/b", "wp-login.php", "help/me"] {
            assert!(!is_page(other), "{other}");
        }
    }
}
