//! Sinks and sources that a TOML file declares.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::app::App;
use crate::{sinks, sources};

/// Why a file's sinks and sources were not declared.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EdgesError {
    /// The file can't be read.
    #[error("failed to read {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The file says what is not allowed; with line and column.
    #[error("{}: {message}", file.display())]
    Mistake {
        /// The file.
        file: PathBuf,
        /// What, and where.
        message: String,
    },
    /// An address is none, or can't be listened at.
    #[error("{}: `{name}`: failed to {source}", file.display())]
    Edge {
        /// The file.
        file: PathBuf,
        /// The sink or source.
        name: String,
        /// Why.
        source: Arc<celeriac_core::Error>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    sinks: BTreeMap<String, Sink>,
    #[serde(default)]
    sources: BTreeMap<String, Source>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Sink {
    Jsonl {
        path: PathBuf,
        rotate_at: Option<u64>,
    },
    #[cfg(feature = "http")]
    Http {
        url: String,
        batch: Option<usize>,
        timeout: Option<Period>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    #[cfg(feature = "postgres")]
    Postgres {
        url: celeriac_core::Address,
        table: String,
    },
    #[cfg(feature = "redis")]
    Redis {
        url: celeriac_core::Address,
        stream: String,
        max_len: Option<u64>,
        remember: Option<Period>,
    },
    #[cfg(feature = "nats")]
    Nats {
        url: celeriac_core::Address,
        subject: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Source {
    Folder {
        path: PathBuf,
        every: Option<Period>,
        settle: Option<Period>,
        max_bytes: Option<u64>,
        #[serde(default)]
        recursive: bool,
        #[serde(default)]
        paths: bool,
    },
    #[cfg(feature = "http")]
    Endpoint {
        url: String,
        every: Option<Period>,
        timeout: Option<Period>,
        pages: Option<Pages>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    #[cfg(feature = "http")]
    Webhook { listen: String, max_body_bytes: Option<usize>, token: Option<String> },
    #[cfg(feature = "postgres")]
    Postgres {
        url: celeriac_core::Address,
        table: Option<String>,
        query: Option<String>,
        column: String,
        every: Option<Period>,
    },
}

#[cfg(feature = "http")]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    items: String,
    next: String,
    parameter: String,
}

/// A duration as people write it.
struct Period(Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| {
            let expected = "a duration such as \"250ms\" or \"30s\"";
            de::Error::invalid_value(de::Unexpected::Str(&text), &expected)
        })
    }
}

impl App {
    /// Declares the sinks and sources that a TOML file lists, as [`Self::sink`]
    /// and [`Self::source`] do. What takes code, an interval function, is
    /// declared in code.
    ///
    /// ```toml
    /// [sinks.archive]
    /// kind = "jsonl"              # or "http": url, batch, timeout, headers
    /// path = "./archive.jsonl"
    /// rotate_at = 67108864
    ///
    /// [sinks.warehouse]
    /// kind = "postgres"           # url, table; with the feature `postgres`
    /// url = "postgres://shop@db/shop"
    /// table = "results"
    ///
    /// [sinks.feed]
    /// kind = "redis"              # url, stream, max_len, remember; with the feature `redis`
    /// url = "redis://cache/0"
    /// stream = "results"
    ///
    /// [sinks.bus]
    /// kind = "nats"               # url, subject; with the feature `nats`
    /// url = "nats://cluster"
    /// subject = "shop.results"
    ///
    /// [sources.inbox]
    /// kind = "folder"             # path, every, settle, max_bytes, recursive, paths
    /// path = "./inbox"
    /// every = "500ms"
    ///
    /// [sources.orders]
    /// kind = "endpoint"           # url, every, timeout, pages, headers
    /// url = "https://example.org/orders"
    /// pages = { items = "/items", next = "/next", parameter = "after" }
    ///
    /// [sources.hook]
    /// kind = "webhook"            # listen, max_body_bytes, token
    /// listen = "127.0.0.1:8080"
    ///
    /// [sources.payments]
    /// kind = "postgres"           # url, table or query, column, every; with the feature `postgres`
    /// url = "postgres://shop@db/shop"
    /// table = "payments"
    /// column = "number"
    /// ```
    ///
    /// # Errors
    /// [`EdgesError`] when the file can't be read, says what is not allowed, or
    /// names an address that is none or can't be listened at.
    pub fn load_edges(self, file: impl AsRef<Path>) -> Result<Self, EdgesError> {
        let file = file.as_ref().to_owned();
        let text = std::fs::read_to_string(&file)
            .map_err(|source| EdgesError::File { file: file.clone(), source: Arc::new(source) })?;
        let listed: File = toml::from_str(&text).map_err(|error| EdgesError::Mistake {
            file: file.clone(),
            message: told(&text, &error),
        })?;
        let failed = |name: &str, source| {
            let (file, name, source) = (file.clone(), name.to_owned(), Arc::new(source));
            EdgesError::Edge { file, name, source }
        };
        let mut app = self;
        for (name, sink) in listed.sinks {
            let error = |source| failed(&name, source);
            app = sink.declare(app, &name).map_err(error)?;
        }
        for (name, source) in listed.sources {
            let error = |source| failed(&name, source);
            app = source.declare(app, &name).map_err(error)?;
        }
        Ok(app)
    }
}

/// A mistake with its place, and without the line and the value that it stands in:
/// those may hold a password.
fn told(text: &str, error: &toml::de::Error) -> String {
    let byte = error.span().map_or(0, |span| span.start);
    let before = text.get(..byte).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |it| it.chars().count()) + 1;
    format!("{} at line {line}, column {column}", without_value(error.message()))
}

/// A message of serde's without the value that it quotes: what that is remains, and
/// what was expected.
fn without_value(message: &str) -> Cow<'_, str> {
    let quotes = ["invalid type: ", "invalid value: ", "unknown variant "];
    if !quotes.iter().any(|beginning| message.starts_with(beginning)) {
        return message.into();
    }
    // The value may say `, expected ` itself: the last one is serde's.
    let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let what = found.split(['"', '`']).next().unwrap_or_default().trim_end();
    if expected.is_empty() { what.into() } else { format!("{what}, expected {expected}").into() }
}

impl Sink {
    #[cfg_attr(
        not(any(feature = "http", feature = "nats", feature = "postgres", feature = "redis")),
        expect(clippy::unnecessary_wraps, reason = "those that have addresses may fail")
    )]
    fn declare(self, app: App, name: &str) -> celeriac_core::error::Result<App> {
        Ok(match self {
            Self::Jsonl { path, rotate_at } => {
                let sink = sinks::Jsonl::new(path);
                app.sink(name, rotate_at.into_iter().fold(sink, sinks::Jsonl::rotate_at))
            }
            #[cfg(feature = "http")]
            Self::Http { url, batch, timeout, headers } => {
                let mut sink = sinks::Http::new(&url)?;
                for (header, value) in headers {
                    sink = sink.header(&header, &value)?;
                }
                sink = batch.into_iter().fold(sink, sinks::Http::batches);
                app.sink(name, timeout.into_iter().fold(sink, |sink, it| sink.timeout(it.0)))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres { url, table } => app.sink(name, sinks::Postgres::new(url, &table)?),
            #[cfg(feature = "nats")]
            Self::Nats { url, subject } => app.sink(name, sinks::Nats::new(url, &subject)?),
            #[cfg(feature = "redis")]
            Self::Redis { url, stream, max_len, remember } => {
                let sink = sinks::Redis::new(url, &stream)?;
                let sink = max_len.into_iter().fold(sink, sinks::Redis::max_len);
                app.sink(name, remember.into_iter().fold(sink, |sink, it| sink.remember(it.0)))
            }
        })
    }
}

impl Source {
    #[cfg_attr(
        not(any(feature = "http", feature = "postgres")),
        expect(clippy::unnecessary_wraps, reason = "those that have addresses may fail")
    )]
    fn declare(self, app: App, name: &str) -> celeriac_core::error::Result<App> {
        Ok(match self {
            Self::Folder { path, every, settle, max_bytes, recursive, paths } => {
                let mut folder = sources::Folder::new(path);
                folder = every.into_iter().fold(folder, |folder, it| folder.every(it.0));
                folder = settle.into_iter().fold(folder, |folder, it| folder.settle(it.0));
                folder = max_bytes.into_iter().fold(folder, sources::Folder::max_bytes);
                if recursive {
                    folder = folder.recursive();
                }
                app.source(name, if paths { folder.paths() } else { folder })
            }
            #[cfg(feature = "http")]
            Self::Endpoint { url, every, timeout, pages, headers } => {
                let mut endpoint = sources::Endpoint::new(&url)?;
                for (header, value) in headers {
                    endpoint = endpoint.header(&header, &value)?;
                }
                endpoint = every.into_iter().fold(endpoint, |it, every| it.every(every.0));
                endpoint = timeout.into_iter().fold(endpoint, |it, limit| it.timeout(limit.0));
                app.source(
                    name,
                    match pages {
                        None => endpoint,
                        Some(Pages { items, next, parameter }) => {
                            endpoint.pages(items, next, parameter)
                        }
                    },
                )
            }
            #[cfg(feature = "http")]
            Self::Webhook { listen, max_body_bytes, token } => {
                let hook = sources::Webhook::bind(listen)?;
                let hook = max_body_bytes.into_iter().fold(hook, sources::Webhook::max_body_bytes);
                app.source(name, token.into_iter().fold(hook, sources::Webhook::token))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres { url, table, query, column, every } => {
                let rows = match (table, query) {
                    (Some(table), None) => sources::Postgres::table(url, &table, &column)?,
                    (None, Some(query)) => sources::Postgres::query(url, &query, &column)?,
                    _ => {
                        let hint = "name either a `table` or a `query`";
                        let kind = celeriac_core::ErrorKind::Config;
                        return Err(celeriac_core::Error::new(kind, "read rows", hint));
                    }
                };
                app.source(name, every.into_iter().fold(rows, |rows, it| rows.every(it.0)))
            }
        })
    }
}
