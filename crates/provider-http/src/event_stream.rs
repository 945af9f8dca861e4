//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
//!
//! The parser is our own: both crates that parse a stream alone (`eventsource-stream` 0.2.3, `sseer` 0.3.1) buffer an event
//! without a limit. Clients such as `reqwest-eventsource` reconnect; here a job reads the news, and ends.

use std::mem;
use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::body::BodyLimit;
use crate::error::ProviderError;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamedEvent {
    /// The place in the stream after it, if the event has one.
    pub id: Option<String>,
    /// Its type; `message` if it has none.
    pub kind: String,
    /// Its data, lines separated by line feeds.
    pub data: String,
}

pub(crate) async fn read_events(
    mut reply: Response,
    most: usize,
    quiet: Duration,
    limit: BodyLimit,
) -> Result<Vec<StreamedEvent>, ProviderError> {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    let mut until = Instant::now() + quiet;
    while events.len() < most {
        let chunk = match timeout_at(until, reply.chunk()).await {
            Err(_) | Ok(Ok(None)) => break,
            Ok(Ok(Some(chunk))) => chunk,
            // The call's own time-out after the stream has begun: nothing came, which is quiet, too.
            Ok(Err(error)) if events.is_empty() && !error.is_timeout() => return Err(error.into()),
            Ok(Err(_)) => break,
        };
        // An event must not be larger than a reply may be.
        if parser.buffered_bytes() + chunk.len() > limit.bytes {
            return Err(limit.exceeded());
        }
        let before = events.len();
        parser.feed(&chunk, &mut events);
        if events.len() > before {
            until = Instant::now() + quiet;
        }
    }
    Ok(events)
}

#[derive(Default)]
struct Parser {
    rest: Vec<u8>,
    event: StreamedEvent,
}

impl Parser {
    fn buffered_bytes(&self) -> usize {
        let StreamedEvent { id, kind, data } = &self.event;
        self.rest.len() + id.as_ref().map_or(0, String::len) + kind.len() + data.len()
    }

    fn feed(&mut self, chunk: &[u8], events: &mut Vec<StreamedEvent>) {
        self.rest.extend_from_slice(chunk);
        // Lines that end in a carriage return alone are not recognised: no provider sends them.
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), events);
        }
    }

    fn line(&mut self, line: &str, events: &mut Vec<StreamedEvent>) {
        // The stream may begin with a byte order mark; no field does.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => events.extend(self.dispatch()),
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                self.event.data.push_str(value);
                self.event.data.push('\n');
            }
            _ => {} // A comment, the wait before a reconnection, or a field that we do not know.
        }
    }

    fn dispatch(&mut self) -> Option<StreamedEvent> {
        let mut event = mem::take(&mut self.event);
        // An event without data is none.
        event.data.pop()?;
        if event.kind.is_empty() {
            event.kind.push_str("message");
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&str]) -> Vec<(Option<String>, String, String)> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for chunk in chunks {
            parser.feed(chunk.as_bytes(), &mut events);
        }
        events.into_iter().map(|event| (event.id, event.kind, event.data)).collect()
    }

    #[test]
    fn an_empty_line_ends_an_event_however_the_stream_is_cut() {
        let whole = ":connected\n\nretry: 3\n\nid: 7\nevent: a\ndata: x\ndata:y\n\nid:8\r\ndata: {\"b\":1}\r\n\r\nid: 9\ndata: z\n";
        let expected = [
            (Some(String::from("7")), String::from("a"), String::from("x\ny")),
            (Some(String::from("8")), String::from("message"), String::from("{\"b\":1}")),
        ];
        assert_eq!(events(&[whole]), expected, "the last one is not complete");
        assert_eq!(events(&["\u{feff}", &whole[12..]]), expected, "after a byte order mark");
        for at in 0..whole.len() {
            assert_eq!(events(&[&whole[..at], &whole[at..]]), expected, "cut at {at}");
        }
    }

    #[test]
    fn every_byte_of_an_event_counts_until_it_ends() {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for _ in 0..100 {
            parser.feed(b"data: 123456789\n", &mut events);
        }
        parser.feed(b"id: 7\ndata", &mut events);
        assert_eq!(parser.buffered_bytes(), 100 * 10 + 1 + 4);
        parser.feed(b": x\n\n", &mut events);
        assert_eq!((parser.buffered_bytes(), events.len()), (0, 1));
    }
}
