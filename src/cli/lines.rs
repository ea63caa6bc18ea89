//! Lines typed or piped into standard input, each bounded and checked before anything else sees it.

use std::io::{BufRead, Read as _};

use tokio::sync::mpsc;

/// The most bytes of a line that are held: four a character, which no message may need more of.
const LONGEST: u64 = 4 * crate::agents::MESSAGE_LIMIT as u64 + 2;

/// What came on standard input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Text(String),
    /// A line of more bytes than any message may have; it was skipped.
    TooLong {
        /// Its bytes.
        bytes: u64,
    },
    /// A line that is not UTF-8; it was skipped.
    NotText,
    /// Standard input failed.
    Failed(String),
}

/// Reads standard input on a thread of its own until it ends; closes when it does.
pub(super) fn standard_input() -> mpsc::Receiver<Line> {
    let (tell, lines) = mpsc::channel(1);
    // Not a task: a read of a terminal cannot be taken back, and must not hold a runtime up.
    let reader = std::thread::Builder::new().name("standard-input".into());
    let spawned = reader.spawn({
        let tell = tell.clone();
        move || {
            let mut input = std::io::stdin().lock();
            while let Some(line) = next_line(&mut input) {
                // What failed once (a folder as standard input) fails for ever.
                let failed = matches!(line, Line::Failed(_));
                if tell.blocking_send(line).is_err() || failed {
                    return;
                }
            }
        }
    });
    if let Err(error) = spawned {
        // The channel has room for one.
        let _ = tell.try_send(Line::Failed(error.to_string()));
    }
    lines
}

/// The next line; none at the end.
fn next_line(input: &mut impl BufRead) -> Option<Line> {
    let mut bytes = Vec::new();
    let read = match input.by_ref().take(LONGEST).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(read) => read as u64,
        Err(error) => return Some(Line::Failed(error.to_string())),
    };
    if read == LONGEST && bytes.last() != Some(&b'\n') {
        return Some(match skip_line(input) {
            Ok(rest) => Line::TooLong { bytes: read + rest },
            Err(error) => Line::Failed(error.to_string()),
        });
    }
    while bytes.last().is_some_and(|end| matches!(end, b'\n' | b'\r')) {
        bytes.pop();
    }
    Some(String::from_utf8(bytes).map_or(Line::NotText, Line::Text))
}

/// Throws the rest of a line away, piece by piece; says how many bytes it had.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let (used, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        input.consume(used);
        skipped += used as u64;
        if ended {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named_and_skipped() {
        let mut input = Vec::from("hello\r\n");
        input.extend(b"bad \xff\xfe\n");
        input.extend(vec![b'x'; 1 << 20]);
        input.extend(b"\n\nlast");
        let mut input = input.as_slice();
        let lines: Vec<Line> = std::iter::from_fn(|| next_line(&mut input)).collect();
        assert_eq!(
            lines,
            [
                Line::Text("hello".into()),
                Line::NotText,
                Line::TooLong { bytes: (1 << 20) + 1 },
                Line::Text(String::new()),
                Line::Text("last".into()),
            ]
        );
    }
}
