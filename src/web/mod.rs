//! HTTP: the page, its API, and event streams.
