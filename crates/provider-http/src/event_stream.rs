//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
//!
//! In: a reply whose body does not end by itself. Out: the events that came until it was quiet. Of our own, because the
//! crates for this keep a connection open and connect again: here a job asks what is new, and ends.

use std::mem;
use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::error::ProviderError;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamedEvent {
    /// The place in the stream after it, where the event tells one.
    pub id: Option<String>,
    /// Its type; `message` when it tells none.
    pub kind: String,
    /// Its data, lines parted by line feeds.
    pub data: String,
}

/// Reads until nothing new has come for as long as `quiet`, there are `most`, or the stream ends.
pub(crate) async fn read_events(
    mut reply: Response,
    most: usize,
    quiet: Duration,
    max_bytes: usize,
) -> Result<Vec<StreamedEvent>, ProviderError> {
    let (mut frames, mut events) = (Frames::default(), Vec::new());
    let mut until = Instant::now() + quiet;
    while events.len() < most {
        let chunk = match timeout_at(until, reply.chunk()).await {
            Err(_) | Ok(Ok(None)) => break,
            Ok(Ok(Some(chunk))) => chunk,
            // The stream has begun, and nothing came within the call's own limit: that is quiet, too.
            Ok(Err(error)) if events.is_empty() && !error.is_timeout() => return Err(error.into()),
            Ok(Err(_)) => break,
        };
        if frames.rest.len() + chunk.len() > max_bytes {
            return Err(ProviderError::WHOLE_REPLY_MALFORMED);
        }
        let before = events.len();
        frames.feed(&chunk, &mut events);
        if events.len() > before {
            until = Instant::now() + quiet;
        }
    }
    Ok(events)
}

/// What has come of an event that is not whole yet.
#[derive(Default)]
struct Frames {
    rest: Vec<u8>,
    event: StreamedEvent,
}

impl Frames {
    fn feed(&mut self, chunk: &[u8], events: &mut Vec<StreamedEvent>) {
        self.rest.extend_from_slice(chunk);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), events);
        }
    }

    fn line(&mut self, line: &str, events: &mut Vec<StreamedEvent>) {
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
            _ => {} // A comment, a wait before the next connection, or what nobody knows yet.
        }
    }

    /// The event that an empty line ends: none, if it has no data.
    fn dispatch(&mut self) -> Option<StreamedEvent> {
        let mut event = mem::take(&mut self.event);
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
        let (mut frames, mut events) = (Frames::default(), Vec::new());
        for chunk in chunks {
            frames.feed(chunk.as_bytes(), &mut events);
        }
        events.into_iter().map(|event| (event.id, event.kind, event.data)).collect()
    }

    #[test]
    fn an_event_ends_with_an_empty_line_wherever_the_pieces_are_cut() {
        let whole = ":connected\n\nretry: 3\n\nid: 7\nevent: a\ndata: x\ndata:y\n\nid:8\r\ndata: {\"b\":1}\r\n\r\nid: 9\ndata: z\n";
        let expected = [
            (Some(String::from("7")), String::from("a"), String::from("x\ny")),
            (Some(String::from("8")), String::from("message"), String::from("{\"b\":1}")),
        ];
        assert_eq!(events(&[whole]), expected, "the last one is not whole");
        for at in 0..whole.len() {
            assert_eq!(events(&[&whole[..at], &whole[at..]]), expected, "cut at {at}");
        }
    }
}
