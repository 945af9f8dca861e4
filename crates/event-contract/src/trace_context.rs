//! W3C trace context, version 00: <https://www.w3.org/TR/trace-context/#traceparent-header>. It travels inside the event's
//! detail, because EventBridge replaces the parent span of its own trace header.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A trace and the span in it that led here. Its fixed form of 55 characters cannot hold anything else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

/// The text is not a version-00 `traceparent`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a W3C traceparent of version 00")]
pub struct TraceContextError;

impl TraceContext {
    /// Starts a new, sampled trace.
    pub fn start() -> Self {
        // A trace or span ID of zeros is invalid.
        Self { trace_id: rand::random::<u128>().max(1), span_id: rand::random::<u64>().max(1), flags: 1 }
    }

    /// The next span of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span_id: rand::random::<u64>().max(1), ..self }
    }

    /// The trace ID in 32 hexadecimal digits, as logs and trace stores write it.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace_id, span_id, flags] = parts[..] else { return Err(TraceContextError) };
        let form = [(version, 2), (trace_id, 32), (span_id, 16), (flags, 2)];
        let lower_hex = |digits: &str| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if version != "00" || form.iter().any(|(part, length)| part.len() != *length || !lower_hex(part)) {
            return Err(TraceContextError);
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace_id, 16).map_err(|_| TraceContextError)?,
            span_id: u64::from_str_radix(span_id, 16).map_err(|_| TraceContextError)?,
            flags: u8::from_str_radix(flags, 16).map_err(|_| TraceContextError)?,
        };
        if context.trace_id == 0 || context.span_id == 0 { Err(TraceContextError) } else { Ok(context) }
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_own_example_survives_a_round_trip() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), text);
    }

    #[test]
    fn the_trace_id_is_the_text_s_32_digits() {
        for trace_id in ["0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000001"] {
            let context: TraceContext = format!("00-{trace_id}-b7ad6b7169203331-01").parse().unwrap();
            assert_eq!(context.trace_id(), trace_id);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "mara.quill@example.org",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(TraceContextError), "{text}");
        }
    }

    #[test]
    fn a_child_stays_in_the_trace() {
        let parent = TraceContext::start();
        assert_eq!(parent.child().trace_id(), parent.trace_id());
        assert_ne!(parent.child(), parent);
    }
}
