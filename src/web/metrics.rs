//! What is counted, for the operator: one table of names, one recorder a process, rendered for Prometheus. Never
//! content, never an identity.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use actix_web::http::{Method, StatusCode};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// In seconds.
    Histogram,
}

const REQUESTS: &str = "kindred_http_requests_total";
const REQUEST_SECONDS: &str = "kindred_http_request_seconds";
const STREAMS: &str = "kindred_event_streams";
const UPTIME: &str = "kindred_uptime_seconds";
const RESIDENT: &str = "process_resident_memory_bytes";

/// Every metric of the house. Lower floors count through the `metrics` facade by these names.
const TABLE: [(&str, Kind, &str); 15] = [
    (REQUESTS, Kind::Counter, "Requests answered, by method, route template and class of status"),
    (REQUEST_SECONDS, Kind::Histogram, "Time to a request's answer (of a stream: to its beginning), by route template"),
    (STREAMS, Kind::Gauge, "Event streams open now"),
    (UPTIME, Kind::Gauge, "Time since the process began to count"),
    (RESIDENT, Kind::Gauge, "Memory of the process that is in use, in bytes"),
    ("kindred_replies_total", Kind::Counter, "Replies that came to an end, by how they ended"),
    ("kindred_reply_tokens_total", Kind::Counter, "Tokens generated for replies"),
    ("kindred_prompt_tokens_total", Kind::Counter, "Tokens of the prompts that replies were made from"),
    ("kindred_time_to_first_token_seconds", Kind::Histogram, "Time from a message to the first word of its reply"),
    ("kindred_replies_waiting", Kind::Gauge, "Replies to people that were admitted and wait for their turn"),
    ("kindred_live_sessions", Kind::Gauge, "Conversations in memory, when the last one was taken in"),
    ("kindred_queue_waiting", Kind::Gauge, "Requests that wait for a model, by lane"),
    ("kindred_prefix_cache_tokens_total", Kind::Counter, "Prompt tokens looked up in the prefix cache, by result"),
    ("kindred_model_restarts_total", Kind::Counter, "Times that a model's thread was started again"),
    ("kindred_actor_restarts_total", Kind::Counter, "Times that an actor was rebuilt after a failure, by kind"),
];

/// Upper bounds of the histograms' buckets, in seconds: from a cached answer to a slow reply on a busy CPU.
const BUCKETS: [f64; 13] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// The process's one recorder. A second server in the same process counts into it too.
static RECORDER: OnceLock<(PrometheusHandle, Instant)> = OnceLock::new();

/// Starts to count; a second time changes nothing.
pub(super) fn install() {
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        // Fails for an empty list of buckets only.
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Whoever embeds Kindred may have a recorder already; then that one counts, and this one shows nothing.
        if ::metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics will be empty");
        }
        for (name, kind, help) in TABLE {
            match kind {
                Kind::Counter => describe_counter!(name, help),
                Kind::Gauge => describe_gauge!(name, help),
                Kind::Histogram => describe_histogram!(name, Unit::Seconds, help),
            }
        }
        (handle, Instant::now())
    });
}

/// Folds what was observed into its buckets, so that memory stays bounded when nobody asks; to be called now and then.
pub(super) fn tidy() {
    if let Some((handle, _)) = RECORDER.get() {
        handle.run_upkeep();
    }
}

/// Everything counted so far, as Prometheus reads it.
pub(super) fn render() -> String {
    let Some((handle, _)) = RECORDER.get() else { return String::new() };
    gauge!(UPTIME).set(uptime().as_secs_f64());
    if let Some(bytes) = resident_bytes() {
        gauge!(RESIDENT).set(bytes as f64);
    }
    handle.run_upkeep();
    handle.render()
}

/// How long the process has been counting.
pub(super) fn uptime() -> Duration {
    RECORDER.get().map(|(_, began)| began.elapsed()).unwrap_or_default()
}

/// Memory of the process that is in use, where the system tells it.
pub(super) fn resident_bytes() -> Option<u64> {
    // `status` and not `statm`: it counts in kB, whatever a page is.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Counts an answered request. `route` is the template, or a word for what has none.
pub(super) fn request(method: &Method, route: &str, status: StatusCode, took: Duration) {
    // Anybody can invent a method; nobody can make the table of counters grow with it.
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    counter!(REQUESTS, "method" => method, "route" => route.to_owned(), "status" => class).increment(1);
    histogram!(REQUEST_SECONDS, "route" => route.to_owned()).record(took.as_secs_f64());
}

/// An event stream is open for as long as this lives.
pub(super) struct OpenStream;

impl OpenStream {
    pub(super) fn begin() -> Self {
        gauge!(STREAMS).increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(STREAMS).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        for (name, kind, help) in TABLE {
            assert_eq!(name.ends_with("_total"), kind == Kind::Counter, "{name}");
            assert!(kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(name.starts_with("kindred_") || name.starts_with("process_"), "{name}");
            assert!(!help.is_empty() && !help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn what_is_counted_is_rendered() {
        install();
        install();
        request(&Method::from_bytes(b"BREW").unwrap(), "/pot", StatusCode::IM_A_TEAPOT, Duration::from_millis(30));
        let text = render();
        assert!(
            text.contains("kindred_http_requests_total{method=\"other\",route=\"/pot\",status=\"4xx\"} 1"),
            "{text}"
        );
        assert!(text.contains("kindred_http_request_seconds_bucket{route=\"/pot\",le=\"0.05\"} 1"), "{text}");
        assert!(text.contains("# HELP kindred_http_requests_total"), "{text}");
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
