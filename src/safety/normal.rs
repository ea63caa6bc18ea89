//! Brings a text into the form the rules read, so that spelling can not hide what is said.
//!
//! Compatibility forms, accents, zero-width characters, look-alike letters, letters set apart, digits for letters,
//! asterisks and stretched letters are undone; what is uncertain becomes a further view of the text.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text as the rules read it: sentences of lower-case words set apart by one space, without apostrophes; commas and
/// quotation marks are words of their own. Between Chinese characters there is no space.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) sentences: Vec<String>,
}

/// The text itself, and readings of it with disguises undone; the first is the plain one.
pub(super) fn views(text: &str, keywords: &[String]) -> Vec<View> {
    let plain = fold(text);
    let mut views = vec![View { sentences: cut(&plain) }];
    let mut add = |text: String| {
        let view = View { sentences: cut(&text) };
        if !views.contains(&view) {
            views.push(view);
        }
    };
    let joined = join_letters(&plain);
    for one in ['i', 'l'] {
        let read = joined
            .split_inclusive(char::is_whitespace)
            .map(|token| undisguise(token, one, keywords))
            .collect::<String>();
        add(read);
    }
    add(joined);
    views
}

/// The letters of runs set apart ("s u i c i d e"), each run as one word.
pub(super) fn joined_runs(text: &str) -> Vec<String> {
    APART.find_iter(&fold(text)).map(|run| run.as_str().chars().filter(|c| c.is_alphanumeric()).collect()).collect()
}

static APART: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
    Regex::new(r"\b(?:[a-z0-9@$!][ .\-_*/|]{1,3}){2,}[a-z]\b").expect("a constant pattern")
});

fn join_letters(text: &str) -> String {
    APART
        .replace_all(text, |run: &regex::Captures<'_>| {
            run[0].chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '_' | '*' | '/' | '|')).collect::<String>()
        })
        .into_owned()
}

/// Compatibility decomposition without marks, invisible characters dropped, lower case, look-alikes and traditional
/// characters mapped.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c) && !is_invisible(*c))
        .flat_map(char::to_lowercase)
        .map(look_alike)
        .map(simplified)
        .collect()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Cyrillic and Greek letters that look like Latin ones.
fn look_alike(c: char) -> char {
    const FROM: &str = "аеорсухіјѕԁһӏкмнтвαοευικνρτ";
    const TO: &str = "aeopcyxijsdhlkmhtbaoeuiknpt";
    FROM.chars().zip(TO.chars()).find_map(|(from, to)| (from == c).then_some(to)).unwrap_or(c)
}

/// Traditional characters that occur in the rules, as simplified ones.
fn simplified(c: char) -> char {
    const FROM: &str = "殺輕結傷殘樓藥遺書無義還沒強媽們個說過離開來這對讓麼點會覺寧願為終繼續燒繩買準備別騷嚇脅報給從該樣難後僅麗誰錢爺親導師劃計戶總罵毆擊綁鎖碼訴將現親學電話夠頭";
    const TO: &str = "杀轻结伤残楼药遗书无义还没强妈们个说过离开来这对让么点会觉宁愿为终继续烧绳买准备别骚吓胁报给从该样难后仅丽谁钱爷亲导师划计户总骂殴击绑锁码诉将现亲学电话够头";
    if c.is_ascii() {
        return c;
    }
    FROM.chars().zip(TO.chars()).find_map(|(from, to)| (from == c).then_some(to)).unwrap_or(c)
}

/// Undoes digits and signs for letters, asterisks and stretched letters within one word; `one` is what `1` stands for.
fn undisguise(token: &str, one: char, keywords: &[String]) -> String {
    let has_letter = token.chars().any(|c| c.is_ascii_alphabetic());
    if !has_letter {
        return token.to_owned();
    }
    // A mark at the end is punctuation ("die!"), within the word it is a letter ("d!e").
    let end = token.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    let (body, tail) = token.split_at(end);
    let read: String = body
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '|' => one,
            '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            '8' => 'b',
            other => other,
        })
        .collect();
    let keyword = keywords.iter().find(|word| is_masked(&read, word) || is_stretched(&read, word));
    format!("{}{tail}", keyword.unwrap_or(&read))
}

/// Whether `read` is `word` with some letters inside replaced by signs ("k*ll", "su#cide").
fn is_masked(read: &str, word: &str) -> bool {
    let mut masked = false;
    read.chars().count() == word.chars().count()
        && read.chars().zip(word.chars()).all(|(r, w)| {
            let sign = matches!(r, '*' | '#' | '_' | '-' | '.' | '%' | '?');
            masked |= sign;
            r == w || sign
        })
        && masked
        && read.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether `read` is `word` with letters repeated ("dieeee").
fn is_stretched(read: &str, word: &str) -> bool {
    let mut rest = read.chars().peekable();
    for (at, letter) in word.chars().enumerate() {
        if rest.next() != Some(letter) {
            return false;
        }
        let doubled = word.chars().nth(at + 1) == Some(letter);
        while !doubled && rest.next_if_eq(&letter).is_some() {}
    }
    rest.next().is_none() && read.len() > word.len() + 1
}

/// Cuts folded text into sentences of words.
fn cut(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' if chars.peek() == Some(&'.') => {
                while chars.next_if_eq(&'.').is_some() {}
                space(&mut sentence);
            }
            '.' | '!' | '?' | ';' | '\n' | '。' => {
                let done = std::mem::take(&mut sentence);
                sentences.push(done);
            }
            ',' | '、' | ':' => word(&mut sentence, ','),
            '"' | '“' | '”' | '«' | '»' | '「' | '」' | '『' | '』' | '《' | '》' => {
                word(&mut sentence, '"')
            }
            '\'' | '’' | '‘' | '`' => {}
            c if is_han(c) => {
                // No space before a Chinese character that follows one.
                if sentence.ends_with(' ') && sentence.trim_end().chars().next_back().is_some_and(is_han) {
                    sentence.pop();
                }
                sentence.push(c);
            }
            c if c.is_alphanumeric() => {
                if sentence.chars().next_back().is_some_and(is_han) {
                    sentence.push(' ');
                }
                sentence.push(c);
            }
            _ => space(&mut sentence),
        }
    }
    sentences.push(sentence);
    sentences.iter_mut().for_each(|sentence| *sentence = sentence.trim().to_owned());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

fn space(sentence: &mut String) {
    if !sentence.is_empty() && !sentence.ends_with(' ') {
        sentence.push(' ');
    }
}

fn word(sentence: &mut String, mark: char) {
    space(sentence);
    sentence.push(mark);
    sentence.push(' ');
}

pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let keywords = ["kill", "die", "suicide", "myself"].map(str::to_owned);
        views(text, &keywords).into_iter().flat_map(|view| view.sentences).collect()
    }

    #[test]
    fn plain_text_has_one_view_in_sentences() {
        assert_eq!(read("I don't know, really.\nGood... night!"), ["i dont know , really", "good night"]);
        assert_eq!(read("我 很累。想 睡觉"), ["我很累", "想睡觉"]);
    }

    #[test]
    fn disguises_are_undone() {
        for text in [
            "s u i c i d e",
            "s.u.i.c.i.d.e",
            "su1c1de",
            "ＳＵＩＣＩＤＥ",
            "su\u{200b}ici\u{ad}de",
            "s*icide",
            "suiiiiicide",
            "ѕuісіdе",
            "súícídé",
        ] {
            assert!(read(text).iter().any(|sentence| sentence == "suicide"), "{text}: {:?}", read(text));
        }
        assert!(read("ki11 mys3lf").iter().any(|sentence| sentence == "kill myself"));
        assert!(read("自 殺").iter().any(|sentence| sentence == "自杀"));
        assert_eq!(joined_runs("so i w a n t t o d i e ok"), ["iwanttodie"]);
    }

    #[test]
    fn character_tables_are_of_equal_length() {
        // A zip that stops early would silently lose letters.
        assert_eq!(look_alike('τ'), 't');
        assert_eq!(simplified('頭'), '头');
    }
}
