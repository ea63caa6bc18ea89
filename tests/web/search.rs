//! The bank by facets, by meaning and by likeness.

use std::sync::mpsc;

use kindred::agents::Kindred;
use kindred::web::{Rates, Server, Settings};
use serde_json::{Value, json};

use crate::doubles::{kindred_with_fallen_encoder, kindred_without_meanings};
use crate::house::{server, settings, start};
use crate::http::{Answer, Client, get, post_json};

/// The counts of a facet, by value.
fn counts(answer: &Value, facet: &str) -> Vec<(String, u64)> {
    let counts = answer["facets"][facet].as_array().unwrap().iter();
    counts.map(|one| (one["value"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap())).collect()
}

fn indices(answer: &Value) -> Vec<u64> {
    answer["characters"].as_array().unwrap().iter().map(|card| card["index"].as_u64().unwrap()).collect()
}

/// A server on a thread of its own around such agents.
fn around<F: Future<Output = Kindred>>(agents: impl FnOnce() -> F + Send + 'static) -> Client {
    around_with(settings(), agents)
}

/// As [`around`], with settings of its own.
fn around_with<F: Future<Output = Kindred>>(settings: Settings, agents: impl FnOnce() -> F + Send + 'static) -> Client {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = Server::start(settings).unwrap();
            server.open(agents().await);
            tell.send(server.address()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    Client::new(told.recv().unwrap())
}

#[test]
fn every_filter_narrows_and_its_own_facet_still_counts_the_others() {
    let all = get(server(), "/api/characters?limit=1").json();
    assert_eq!(all["total"], 1024);
    for facet in ["type", "country", "gender", "age"] {
        assert_eq!(counts(&all, facet).iter().map(|(_, count)| count).sum::<u64>(), 1024, "{facet}");
    }
    assert_eq!(counts(&all, "type").len(), 16);
    let bands: Vec<String> = counts(&all, "age").into_iter().map(|(band, _)| band).collect();
    assert_eq!(bands, ["18-29", "30-44", "45-59", "60-80"]);
    assert_eq!(
        all["facets"]["age"][1],
        json!({"value": "30-44", "from": 30, "to": 44, "count": all["facets"]["age"][1]["count"]})
    );

    let path = "/api/characters?country=finland&gender=female&age_from=30&age_to=59&limit=200";
    let some = get(server(), path).json();
    let finland = counts(&some, "country").into_iter().find(|(country, _)| country == "Finland").unwrap().1;
    assert!(finland > 0 && some["total"] == finland, "{some}");
    assert!(counts(&some, "country").len() > 20, "the other countries are counted as well");
    assert_eq!(counts(&some, "type").iter().map(|(_, count)| count).sum::<u64>(), finland);
    for card in some["characters"].as_array().unwrap() {
        let age: u32 = card["age"].as_str().unwrap().parse().unwrap();
        assert!(card["region"].as_str().unwrap().ends_with("Finland") && (30..=59).contains(&age), "{card}");
        assert!(card.get("fit").is_none(), "nothing was asked by meaning");
    }
    let both: u64 =
        counts(&some, "age").iter().filter(|(band, _)| band == "30-44" || band == "45-59").map(|(_, n)| n).sum();
    assert_eq!(both, finland);
    let typed = get(server(), "/api/characters?type=INFP&q=nurse").json();
    let infp = counts(&typed, "type").into_iter().find(|(mbti, _)| mbti == "INFP").unwrap().1;
    assert!(typed["total"] == infp && counts(&typed, "type").len() > 1, "words narrow every facet, a type not its own");
}

#[test]
fn a_filter_that_makes_no_sense_is_named() {
    for (query, expected) in [
        ("country=Finnland", "such as Finland"),
        ("gender=none", "a gender of the bank"),
        ("country=asdf", "a country of the bank; the answer"),
        ("age_from=x", "age_from is \"x\": expected a whole number from 0 to 150"),
        ("age_to=-1", "age_to is \"-1\""),
        ("limit=x", "limit is \"x\": expected a whole number from 1 to 200"),
        ("limit=201", "limit is \"201\""),
        ("offset=-1", "offset is \"-1\": expected a whole number from 0"),
        ("offset=2.5", "offset is \"2.5\""),
        ("age_to=151", "0 to 150"),
        ("age_from=40&age_to=30", "age_from is 40 and age_to 30"),
        ("by=magic&q=x", "`words` or `meaning`"),
        ("by=meaning", "a few words"),
        ("by=meaning&q=%20", "a few words"),
    ] {
        let answer = get(server(), &format!("/api/characters?{query}"));
        answer.is_problem(400, "invalid-query");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(expected), "{query}: {detail}");
    }
    for (query, expected) in [
        ("limit=0", "limit is \"0\": expected a whole number from 1 to 24"),
        ("limit=25", "limit is \"25\""),
        ("limit=x", "limit is \"x\""),
        ("q=1", "unknown field `q`"),
    ] {
        let answer = get(server(), &format!("/api/characters/0/similar?{query}"));
        answer.is_problem(400, "invalid-query");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(expected), "{query}: {detail}");
    }
    get(server(), "/api/characters/99999/similar").is_problem(404, "no-such-character");
    get(server(), "/api/characters/x/similar").is_problem(404, "no-such-character");
}

#[test]
fn a_search_by_meaning_comes_in_order_of_fit_within_the_filters_page_by_page() {
    let path = "/api/characters?by=meaning&q=maker%20of%20prosthetic%20hands";
    let answer = get(server(), &format!("{path}&limit=10")).json();
    assert_eq!((&answer["total"], &answer["characters"][0]["index"]), (&json!(1024), &json!(4)), "{answer}");
    let cosines: Vec<f64> =
        answer["characters"].as_array().unwrap().iter().map(|card| card["fit"]["cosine"].as_f64().unwrap()).collect();
    assert!(cosines[0] > cosines[9], "{cosines:?}");
    let fit = &answer["characters"][0]["fit"];
    assert!(fit["field"].is_string() && fit["quote"].as_str().unwrap().contains("prosthetic"), "{fit}");
    assert!(answer["help"].is_null() && answer["characters"][0]["name"] == "Soo-ah Baek");
    let next = get(server(), &format!("{path}&limit=4&offset=3")).json();
    assert_eq!(indices(&next), indices(&answer)[3..7]);
    let women = get(server(), &format!("{path}&gender=female&type=INFJ&limit=200")).json();
    assert!(indices(&women).contains(&4) && women["total"].as_u64().unwrap() < 64);
    assert_eq!(counts(&women, "gender").len(), 3, "counted among all of the type");
}

/// What somebody in danger may type where somebody is looked for.
const DANGER: &str = "q=I%20want%20to%20kill%20myself";

fn tells_of_help(answer: &Answer) {
    assert!(answer.json()["help"].as_str().unwrap().contains("988"), "{answer:?}");
}

#[test]
fn whoever_tells_of_danger_hears_of_help_however_they_search_and_whatever_the_answer_is() {
    for query in ["", "&by=words", "&by=meaning"] {
        let answer = get(server(), &format!("/api/characters?{DANGER}{query}"));
        assert_eq!(answer.status, 200);
        tells_of_help(&answer);
    }
    for query in ["&limit=x", "&by=magic", "&colour=red", "&country=Nowhere"] {
        let answer = get(server(), &format!("/api/characters?{DANGER}{query}"));
        answer.is_problem(400, "invalid-query");
        tells_of_help(&answer);
    }
    let harmless = get(server(), "/api/characters?q=nurse&limit=x").json();
    assert!(harmless.get("help").is_none(), "{harmless}");

    let rates = Rates { matches_per_minute: 1, ..Rates::default() };
    let (client, _) = start(Settings { rates, ..settings() });
    let text = json!({"text": "I want to kill myself."});
    assert_eq!(post_json(client, "/api/match", &text).status, 200);
    for refused in
        [post_json(client, "/api/match", &text), get(client, &format!("/api/characters?by=meaning&{DANGER}"))]
    {
        refused.is_problem(429, "too-many-requests");
        assert!(refused.header("retry-after").is_some());
        tells_of_help(&refused);
    }
    let long = json!({"text": format!("I want to kill myself. {}", "x".repeat(9000))});
    let refused = post_json(server(), "/api/match", &long);
    refused.is_problem(422, "message-too-long");
    tells_of_help(&refused);
}

#[test]
fn similar_characters_come_with_what_they_have_in_common() {
    let answer = get(server(), "/api/characters/4/similar?limit=24").json();
    let characters = answer["characters"].as_array().unwrap();
    assert_eq!(characters.len(), 24);
    assert!(!indices(&answer).contains(&4), "never oneself");
    assert!(characters.is_sorted_by(|a, b| a["score"].as_f64() >= b["score"].as_f64()));
    let common = &characters[0]["common"][0];
    for part in ["field", "quote", "like"] {
        assert!(!common[part].as_str().unwrap().is_empty(), "{common}");
    }
    assert!(characters[0]["name"].is_string() && common["cosine"].is_number());
    let few = get(server(), "/api/characters/4/similar").json();
    assert_eq!(indices(&few), indices(&answer)[..6]);
}

#[test]
fn without_an_encoder_words_are_searched_and_meaning_is_refused_honestly() {
    let client = around(kindred_without_meanings);
    assert_eq!(get(client, "/api/characters?q=nurse&country=Peru").status, 200);
    get(client, "/api/characters?q=nurse&by=meaning").is_problem(501, "no-search-by-meaning");
    get(client, "/api/characters/4/similar").is_problem(501, "no-search-by-meaning");
    let told = get(client, &format!("/api/characters?by=meaning&{DANGER}"));
    told.is_problem(501, "no-search-by-meaning");
    tells_of_help(&told);
}

#[test]
fn while_the_encoder_is_loaded_again_a_search_by_meaning_is_told_when_to_come() {
    let client = around(kindred_with_fallen_encoder);
    let answer = get(client, "/api/characters?q=nurse&by=meaning");
    answer.is_problem(503, "model-restarting");
    assert!(answer.header("retry-after").is_some());
    for told in [
        get(client, &format!("/api/characters?by=meaning&{DANGER}")),
        post_json(client, "/api/match", &json!({"text": "I want to kill myself."})),
    ] {
        told.is_problem(503, "model-restarting");
        tells_of_help(&told);
    }
    assert_eq!(get(client, "/api/characters?q=e").status, 200, "words need no encoder");
    assert_eq!(get(client, "/api/characters/1/similar").status, 200, "what was embedded at the start is still there");
}

#[test]
fn searches_by_meaning_are_limited_and_others_are_not() {
    let rates = Rates { matches_per_minute: 2, ..Rates::default() };
    let (client, _) = start(Settings { rates, ..settings() });
    get(client, "/api/characters?by=meaning&q=nurse&age_from=x").is_problem(400, "invalid-query");
    for _ in 0..2 {
        assert_eq!(get(client, "/api/characters?by=meaning&q=nurse").status, 200, "a bad one does not count");
    }
    let refused = get(client, "/api/characters?by=meaning&q=nurse");
    refused.is_problem(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(get(client, "/api/characters?by=words&q=nurse").status, 200);
    get(client, "/api/characters/4/similar?limit=x").is_problem(400, "invalid-query");
}

#[test]
fn the_first_to_ask_who_is_like_somebody_is_counted_and_later_ones_are_not() {
    let rates = Rates { matches_per_minute: 2, ..Rates::default() };
    let client = around_with(Settings { rates, ..settings() }, kindred_with_fallen_encoder);
    let similar = |index: u32| get(client, &format!("/api/characters/{index}/similar"));
    get(client, "/api/characters/99/similar").is_problem(404, "no-such-character");
    assert_eq!((similar(0).status, similar(1).status), (200, 200));
    let refused = similar(2);
    refused.is_problem(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    for _ in 0..5 {
        assert_eq!((similar(0).status, similar(1).status), (200, 200), "what was reckoned is only read");
    }
}
