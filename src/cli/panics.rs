//! What is told of a panic: where, and its words if they are fixed ones. Words put together on the way may hold what
//! somebody said (a slice of a text that fails quotes the text), and what people say stays out of every log.

use std::panic::PanicHookInfo;

/// From now on panics are told in this way.
pub(super) fn keep_to_oneself() {
    std::panic::set_hook(Box::new(|panic| match tracing::dispatcher::has_been_set() {
        true => tracing::error!("{}", told(panic)),
        // Commands that keep no log.
        false => eprintln!("kindred: {}", told(panic)),
    }));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    match panic.payload().downcast_ref::<&'static str>() {
        Some(words) => format!("a defect: thread {thread} panicked at {place}: {words}"),
        None => {
            format!("a defect: thread {thread} panicked at {place} (its words are kept back: they may be somebody's)")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn words_put_together_are_kept_back_and_the_place_is_told() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new({
            let heard = heard.clone();
            move |panic| heard.lock().unwrap().push(told(panic))
        }));
        let secret = String::from("I could not sleep — again");
        let panicked = [
            std::thread::Builder::new()
                .name("quoting".into())
                .spawn(move || drop(secret[..19].to_owned()))
                .unwrap()
                .join(),
            std::thread::Builder::new().name("fixed".into()).spawn(|| panic!("fixed words")).unwrap().join(),
        ];
        std::panic::set_hook(before);
        assert!(panicked.iter().all(Result::is_err));
        let heard = heard.lock().unwrap();
        let of = |name: &str| heard.iter().find(|line| line.contains(name)).unwrap();
        assert!(of("quoting").contains("panicked at") && !of("quoting").contains("sleep"), "{heard:?}");
        assert!(of("fixed").contains("panics.rs") && of("fixed").contains("fixed words"), "{heard:?}");
    }
}
