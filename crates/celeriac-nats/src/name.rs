//! How streams and subjects are called.

use celeriac_core::QueueName;

/// Priorities of a queue; each has a subject and a JetStream consumer.
pub(crate) const PRIORITIES: usize = 10;

/// The names behind a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The stream of a queue.
    pub(crate) fn stream(&self, queue: &QueueName) -> String {
        format!("{}:{}", self.prefix, encode(queue))
    }

    /// The queue of a stream; nothing if it is none of ours.
    pub(crate) fn queue(&self, stream: &str) -> Option<QueueName> {
        let encoded = stream.strip_prefix(&self.prefix)?.strip_prefix(':')?;
        decode(encoded).map(QueueName::from)
    }

    /// The messages of one priority.
    pub(crate) fn messages(&self, queue: &QueueName, priority: usize) -> String {
        format!("{}.q.{}.{priority}", self.prefix, encode(queue))
    }

    /// The parts of messages that are too large for one.
    pub(crate) fn parts(&self, queue: &QueueName) -> String {
        format!("{}.q.{}.part", self.prefix, encode(queue))
    }

    /// Everything in the stream of a queue.
    pub(crate) fn all(&self, queue: &QueueName) -> String {
        format!("{}.q.{}.>", self.prefix, encode(queue))
    }

    /// Everything in the streams of all queues.
    pub(crate) fn queues(&self) -> String {
        format!("{}.q.>", self.prefix)
    }

    /// Tells those who wait that a queue has messages.
    pub(crate) fn wake(&self, queue: &QueueName) -> String {
        format!("{}.wake.{}", self.prefix, encode(queue))
    }

    /// The stream of who is alive.
    pub(crate) fn holders(&self) -> String {
        format!("{}+holders", self.prefix)
    }

    /// The signs of life of one process, or of all (`*`).
    pub(crate) fn holder(&self, id: &str) -> String {
        format!("{}.holder.{id}", self.prefix)
    }

    /// Asks a process what it holds.
    pub(crate) fn ask(&self, id: &str) -> String {
        format!("{}.ask.{id}", self.prefix)
    }
}

/// A name for one token of a subject: `=` and two digits for each byte that
/// may not be there.
fn encode(queue: &QueueName) -> String {
    let mut encoded = String::with_capacity(queue.as_str().len());
    for byte in queue.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("={byte:02X}"));
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('=');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_token_and_comes_back() {
        let names = Names::new("shop");
        for name in ["orders", "~inbox.1", "a b/c=*>", "größe"] {
            let stream = names.stream(&QueueName::from(name));
            assert!(!stream.contains(['.', '*', '>', ' ', '/']), "{stream}");
            assert_eq!(names.queue(&stream), Some(QueueName::from(name)));
        }
        assert_eq!(names.queue("shop-eu:orders"), None);
        assert_eq!(names.queue(&names.holders()), None);
    }
}
