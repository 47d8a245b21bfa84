//! Which brokers a message may go to, best first.

use celeriac_core::{HeaderValue, Kind, Message, QueueName};
use wildmatch::WildMatch;

/// A name in which `*` stands for anything and `?` for one character.
#[derive(Clone, Debug)]
pub struct Pattern(WildMatch);

impl From<&str> for Pattern {
    fn from(pattern: &str) -> Self {
        Self(WildMatch::new(pattern))
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

/// What a route looks at.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A command's task.
    Task(Pattern),
    /// An event's name.
    Event(Pattern),
    /// A document's name.
    Document(Pattern),
    /// The queue of any message.
    Queue(Pattern),
    /// A header of the user's own that is text.
    Header(String, Pattern),
}

impl Subject {
    fn matches(&self, message: &Message) -> bool {
        let named = |kind, pattern: &Pattern| {
            message.kind == kind && pattern.matches(message.name.as_str())
        };
        match self {
            Self::Task(pattern) => named(Kind::Command, pattern),
            Self::Event(pattern) => named(Kind::Event, pattern),
            Self::Document(pattern) => named(Kind::Document, pattern),
            Self::Queue(pattern) => pattern.matches(message.queue.as_str()),
            Self::Header(name, pattern) => {
                let value = message.rare().headers.get(name).and_then(HeaderValue::as_str);
                value.is_some_and(|value| pattern.matches(value))
            }
        }
    }
}

/// Where the messages of a subject go.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which messages.
    pub subject: Subject,
    /// Brokers by their position, best first; the others stand in while the
    /// better ones are down.
    pub brokers: Vec<usize>,
}

/// The routes of an app: the first that matches holds.
///
/// ```
/// use celeriac_core::{Message, Name};
/// use celeriac_engine::routing::{Route, Routes, Subject};
///
/// let mail = Route { subject: Subject::Task("mail.*".into()), brokers: vec![1, 0] };
/// let routes = Routes::new(vec![mail], vec![0]);
/// assert_eq!(routes.of(&Message::command(Name::from_static("mail.send"), "")), [1, 0]);
/// assert_eq!(routes.of(&Message::command(Name::from_static("pay"), "")), [0]);
/// ```
#[derive(Clone, Debug)]
pub struct Routes {
    routes: Vec<Route>,
    otherwise: Vec<usize>,
}

impl Routes {
    /// Routes in the order in which they are looked at, and where everything
    /// else goes.
    #[must_use]
    pub const fn new(routes: Vec<Route>, otherwise: Vec<usize>) -> Self {
        Self { routes, otherwise }
    }

    /// Everything goes to the one broker that there is.
    #[must_use]
    pub fn single() -> Self {
        Self::new(Vec::new(), vec![0])
    }

    /// The brokers that the message may go to, best first.
    #[must_use]
    pub fn of(&self, message: &Message) -> &[usize] {
        let route = self.routes.iter().find(|route| route.subject.matches(message));
        route.map_or(&self.otherwise, |route| &route.brokers)
    }

    /// The brokers that what is sent to the queue most likely goes to: routes
    /// that look at something else than the queue are not looked at.
    #[must_use]
    pub fn of_queue(&self, queue: &QueueName) -> &[usize] {
        let holds = |route: &&Route| match &route.subject {
            Subject::Queue(pattern) => pattern.matches(queue.as_str()),
            _ => false,
        };
        self.routes.iter().find(holds).map_or(&self.otherwise, |route| &route.brokers)
    }

    /// Whether everything goes to the same brokers.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.routes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use celeriac_core::Name;

    use super::*;

    #[test]
    fn the_first_route_that_matches_holds() {
        let route = |subject, broker| Route { subject, brokers: vec![broker] };
        let routes = Routes::new(
            vec![
                route(Subject::Header("tenant".to_owned(), "acme*".into()), 1),
                route(Subject::Task("mail.*".into()), 2),
                route(Subject::Event("mail.*".into()), 3),
                route(Subject::Document("mail.*".into()), 4),
                route(Subject::Queue("slow".into()), 5),
            ],
            vec![0],
        );
        let command = |name: &'static str| Message::command(Name::from_static(name), "");
        let mut of_tenant = command("mail.send");
        of_tenant.rare_mut().headers.insert("tenant".to_owned(), "acme-7".into());
        let mut slow = command("pay");
        slow.queue = QueueName::from("slow");
        let event = Message::event(Name::from_static("mail.sent"), "");
        let document = Message { kind: Kind::Document, ..command("mail.text") };
        let expected = [
            (of_tenant, 1),
            (command("mail.send"), 2),
            (event, 3),
            (document, 4),
            (slow, 5),
            (command("pay"), 0),
        ];
        for (message, broker) in expected {
            assert_eq!(routes.of(&message), [broker], "{}", message.name);
        }
        assert_eq!(routes.of_queue(&QueueName::from("slow")), [5]);
        assert_eq!(routes.of_queue(&QueueName::DEFAULT), [0]);
    }
}
