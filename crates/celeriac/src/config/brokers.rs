//! Several brokers: their names, and the routes to them. They are no keys of
//! the table: there may be any number of each.

use celeriac_core::{Address, QueueName};
use celeriac_engine::routing::{self, Routes, Subject};
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use crate::connect::check_broker;

/// The name of the broker that `broker` is the address of.
const DEFAULT: &str = "default";
/// The keys of a route that say which messages it is for.
const SUBJECTS: [&str; 5] = ["task", "event", "document", "queue", "header"];

/// A broker that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedBroker {
    /// Its address.
    pub url: Address,
}

/// Which messages go to which brokers. One of the subjects is given, exactly;
/// names may have `*` and `?` in them.
///
/// ```toml
/// [[routes]]
/// task = "mail.*"
/// brokers = ["eu", "default"]   # the second while the first is down
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// Commands to these tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// These events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// These documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Whatever is sent to these queues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What bears a header with such a text: `tenant=acme*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The brokers, best first: the next stands in while those before are down.
    pub brokers: Vec<String>,
}

impl Route {
    /// What it looks at; or what is wrong with it.
    fn subject(&self) -> Result<Subject, String> {
        let given = [&self.task, &self.event, &self.document, &self.queue, &self.header];
        if given.iter().filter(|subject| subject.is_some()).count() != 1 {
            return Err(format!("a route has exactly one of {}", SUBJECTS.join(", ")));
        }
        let subject = match self {
            Self { task: Some(task), .. } => Subject::Task(task.as_str().into()),
            Self { event: Some(event), .. } => Subject::Event(event.as_str().into()),
            Self { document: Some(name), .. } => Subject::Document(name.as_str().into()),
            Self { queue: Some(queue), .. } => Subject::Queue(queue.as_str().into()),
            _ => {
                let header = self.header.as_deref().unwrap_or_default();
                let (name, text) =
                    header.split_once('=').ok_or("`header` is written as \"name=text\"")?;
                Subject::Header(name.trim().to_owned(), text.trim().into())
            }
        };
        if self.brokers.is_empty() {
            return Err("a route names at least one of the `brokers`".to_owned());
        }
        Ok(subject)
    }
}

impl Config {
    /// The names of the brokers, the default one first, and their addresses.
    #[must_use]
    pub fn all_brokers(&self) -> Vec<(&str, &Address)> {
        let named = self.brokers.iter().map(|(name, broker)| (name.as_str(), &broker.url));
        std::iter::once((DEFAULT, &self.broker)).chain(named).collect()
    }

    /// The routes by the position of their brokers in [`Self::all_brokers`]; or
    /// what is wrong with them.
    pub(crate) fn routing(&self) -> Result<Routes, String> {
        if self.brokers.contains_key(DEFAULT) {
            return Err("brokers.default: `broker` is the broker of that name".to_owned());
        }
        let brokers = self.all_brokers();
        if brokers.len() > celeriac_publisher::MAX_BROKERS {
            return Err(format!("brokers: {} are too many", brokers.len()));
        }
        let position = |name: &String| brokers.iter().position(|(known, _)| known == name);
        let mut routes = Vec::new();
        for (number, route) in (1..).zip(&self.routes) {
            let subject =
                route.subject().map_err(|error| format!("routes, no. {number}: {error}"))?;
            let mut positions = Vec::new();
            for name in &route.brokers {
                let unknown = || {
                    let known: Vec<_> = brokers.iter().map(|(known, _)| *known).collect();
                    let known = known.join(", ");
                    format!("routes, no. {number}: no broker is named `{name}`; there are {known}")
                };
                positions.push(position(name).ok_or_else(unknown)?);
            }
            routes.push(routing::Route { subject, brokers: positions });
        }
        Ok(Routes::new(routes, vec![0]))
    }

    /// The names of the brokers that a queue's messages most likely go to.
    #[must_use]
    pub fn brokers_of(&self, queue: &QueueName) -> Vec<&str> {
        let brokers = self.all_brokers();
        let routes = self.routing().unwrap_or_else(|_| Routes::single());
        routes.of_queue(queue).iter().map(|at| brokers[*at].0).collect()
    }

    /// The brokers and routes as a file has them; passwords are `***`.
    pub(super) fn brokers_to_toml(&self, text: &mut String) {
        text.push_str("\n# More brokers: `broker` is the one named default.\n");
        if self.brokers.is_empty() {
            text.push_str("# [brokers.eu]\n# url = \"redis://eu.example.org\"\n");
        }
        for (name, broker) in &self.brokers {
            let (name, url) = (quoted(name), quoted(&broker.url.to_string()));
            text.push_str(&format!("[brokers.{name}]\nurl = {url}\n"));
        }
        text.push_str("\n# Which messages go to which brokers, best first; the rest to default.\n");
        if self.routes.is_empty() {
            text.push_str("# [[routes]]\n# task = \"mail.*\"\n# brokers = [\"eu\", \"default\"]\n");
        }
        for route in &self.routes {
            // A struct of texts is always a table.
            text.push_str(&format!("[[routes]]\n{}", toml::to_string(route).unwrap_or_default()));
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// What is wrong with a part of a file, and where it begins.
pub(super) type Wrong = (usize, String);

/// Reads `[brokers.NAME]`.
pub(super) fn read_brokers(config: &mut Config, value: &Spanned<DeValue<'_>>) -> Vec<Wrong> {
    let DeValue::Table(table) = value.get_ref() else {
        let message = "brokers: write [brokers.NAME] above each broker's `url`";
        return vec![(value.span().start, message.to_owned())];
    };
    let mut wrong = Vec::new();
    for (name, broker) in table {
        let path = format!("brokers.{}", name.get_ref());
        let DeValue::Table(fields) = broker.get_ref() else {
            wrong.push((broker.span().start, format!("{path}: write [{path}] above its `url`")));
            continue;
        };
        for key in fields.keys().filter(|key| key.get_ref() != "url") {
            let message = format!("unknown key `{path}.{}`; keys here: url", key.get_ref());
            wrong.push((key.span().start, message));
        }
        match fields.iter().find(|(key, _)| key.get_ref() == "url") {
            None => wrong.push((name.span().start, format!("{path}: has no `url`"))),
            Some((_, url)) => {
                let url_text = url.get_ref().as_str().unwrap_or_default();
                if let Err(message) = set_broker(config, name.get_ref(), url_text) {
                    wrong.push((url.span().start, format!("{path}.url: {message}")));
                }
            }
        }
    }
    wrong
}

/// Sets a broker by its name, or says what is wrong with its address.
pub(super) fn set_broker(config: &mut Config, name: &str, url: &str) -> Result<(), String> {
    if name == DEFAULT {
        return Err("`broker`, at the top, is the broker of this name".to_owned());
    }
    let url = Address::from(url);
    check_broker(&url).map_err(|error| error.to_string())?;
    config.brokers.insert(name.to_owned(), NamedBroker { url });
    Ok(())
}

/// Reads `[[routes]]`: those of a file go in the place of earlier ones.
pub(super) fn read_routes(config: &mut Config, value: &Spanned<DeValue<'_>>) -> Vec<Wrong> {
    let DeValue::Array(tables) = value.get_ref() else {
        return vec![(value.span().start, "routes: write [[routes]] above each route".to_owned())];
    };
    let (mut routes, mut wrong) = (Vec::new(), Vec::new());
    for entry in tables.iter() {
        let mut route = Route::default();
        let DeValue::Table(fields) = entry.get_ref() else {
            wrong.push((entry.span().start, "routes: write [[routes]] above each".to_owned()));
            continue;
        };
        let before = wrong.len();
        wrong.extend(read_route(&mut route, fields));
        if wrong.len() == before
            && let Err(message) = route.subject()
        {
            wrong.push((entry.span().start, format!("routes: {message}")));
        }
        routes.push(route);
    }
    config.routes = routes;
    wrong
}

fn read_route(route: &mut Route, fields: &DeTable<'_>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for (key, value) in fields {
        let text = value.get_ref().as_str().map(str::to_owned);
        let field = match &**key.get_ref() {
            "task" => &mut route.task,
            "event" => &mut route.event,
            "document" => &mut route.document,
            "queue" => &mut route.queue,
            "header" => &mut route.header,
            "brokers" => {
                let names = value.get_ref().as_array().into_iter().flat_map(|names| names.iter());
                let names = names.map(|name| name.get_ref().as_str().map(str::to_owned));
                match names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty()) {
                    Some(names) => route.brokers = names,
                    None => {
                        let message = "routes.brokers: is no list of names such as [\"eu\"]";
                        wrong.push((value.span().start, message.to_owned()));
                    }
                }
                continue;
            }
            other => {
                let known = SUBJECTS.join(", ");
                let message = format!("unknown key `routes.{other}`; keys here: {known}, brokers");
                wrong.push((key.span().start, message));
                continue;
            }
        };
        if text.is_none() {
            wrong.push((value.span().start, format!("routes.{}: is no text", key.get_ref())));
        }
        *field = text;
    }
    wrong
}

#[cfg(test)]
mod tests {
    use celeriac_core::{Message, Name};

    use super::*;

    fn config(routes: Vec<Route>) -> Config {
        let eu = NamedBroker { url: Address::from("memory://") };
        Config { brokers: [("eu".to_owned(), eu)].into(), routes, ..Config::default() }
    }

    fn route(task: &str, brokers: &[&str]) -> Route {
        let brokers = brokers.iter().map(|name| (*name).to_owned()).collect();
        Route { task: Some(task.to_owned()), brokers, ..Route::default() }
    }

    #[test]
    fn routes_name_brokers_by_their_position() {
        let routes = config(vec![route("mail.*", &["eu", "default"])]).routing().unwrap();
        assert_eq!(routes.of(&Message::command(Name::from_static("mail.send"), "")), [1, 0]);
        assert_eq!(routes.of(&Message::command(Name::from_static("pay"), "")), [0]);
    }

    #[test]
    fn what_is_wrong_with_a_route_is_told() {
        let wrong = |route| config(vec![route]).routing().unwrap_err();
        let unknown = wrong(route("t", &["us"]));
        assert!(unknown.ends_with("no broker is named `us`; there are default, eu"), "{unknown}");
        assert!(wrong(route("t", &[])).contains("at least one"));
        let both = Route { queue: Some("q".to_owned()), ..route("t", &["eu"]) };
        assert!(wrong(both).contains("exactly one of task, event"));
        let header = Route { task: None, header: Some("x".to_owned()), ..route("", &["eu"]) };
        assert!(wrong(header).contains("name=text"));
    }
}
