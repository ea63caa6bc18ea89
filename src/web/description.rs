//! The API's description, written once at the start: as OpenAPI for programs, as a page for people.

use bytes::Bytes;
use utoipa::OpenApi as _;

use super::docs;
use super::routes::Api;

/// The description, ready to be sent.
pub(super) struct Description {
    pub(super) json: Bytes,
    pub(super) page: Bytes,
}

impl Description {
    /// # Errors
    /// Why it cannot be written; a test writes it, so that no release has one.
    pub(super) fn new() -> Result<Self, String> {
        let mut api = Api::openapi();
        env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
        let document = serde_json::to_value(&api).map_err(|error| error.to_string())?;
        let page = docs::page(&document).map_err(|error| format!("{error:#}"))?;
        Ok(Self { json: document.to_string().into(), page: page.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes::{Access, ROUTES};
    use std::collections::BTreeSet;

    #[test]
    fn describes_the_routes_of_the_table_and_no_others() {
        let document: serde_json::Value = serde_json::from_slice(&Description::new().unwrap().json).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let served = ROUTES.iter().map(|entry| (entry.method.name().to_owned(), entry.path.to_owned())).collect();
        assert_eq!(described, served);
        for entry in ROUTES {
            let operation = &paths[entry.path][entry.method.name().to_lowercase()];
            assert!(operation["summary"].is_string(), "{}", entry.path);
            assert!(operation["responses"]["421"].is_object(), "{}", entry.path);
            let locked = operation["responses"]["401"].is_object() && operation["security"].is_array();
            assert_eq!(locked, entry.access != Access::Open, "{}", entry.path);
        }
    }
}
