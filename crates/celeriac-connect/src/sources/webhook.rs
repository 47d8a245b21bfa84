//! What is POSTed to it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::body::DEFAULT_MAX_BODY_BYTES;
use celeriac_core::error::Result;
use celeriac_core::source::{Document, Polled, Scope, Source, id_of};
use celeriac_core::{BoxFuture, ContentType, Error, ErrorKind, HeaderValue, MessageId, Timestamp};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, oneshot};

use crate::token;

/// What names a document: who sends it again sends the same.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// How many connections are open at once; more wait to be accepted.
const CONNECTIONS: usize = 256;
/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);
/// How long those who sent what was rejected have to take their answer.
const FAREWELL: Duration = Duration::from_millis(100);
/// How long accepting pauses after an error such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// A source that listens: each POST becomes a document, with its body, its
/// content type and its path (in the header `path`).
///
/// It answers 202 once the document is published, as durably as the broker
/// promises; 503 if that failed. Whoever sends again after a 503, or after no
/// answer, sends the same `Idempotency-Key`, by which repetitions are told.
/// Other answers: 401 without the [token](Self::token), 405 for another method,
/// 413 for a body above the limit.
///
/// It speaks plain HTTP/1.1: put a proxy that speaks TLS before it, unless it
/// listens on the loopback. Each process that declares it listens for itself.
#[derive(Debug)]
pub struct Webhook {
    listener: Arc<TcpListener>,
    terms: Arc<Terms>,
    open: Option<Open>,
}

/// What is asked of requests.
#[derive(Clone, Debug)]
struct Terms {
    max_body_bytes: usize,
    token: Option<String>,
}

/// The listener at work.
#[derive(Debug)]
struct Open {
    listener: tokio::net::TcpListener,
    connections: FuturesUnordered<Connection>,
    arrivals: mpsc::Receiver<Arrival>,
    sender: mpsc::Sender<Arrival>,
    /// Those who sent what the latest poll gave.
    waiting: Vec<oneshot::Sender<bool>>,
}

type Connection = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A document that arrived, and where to say whether it was published.
#[derive(Debug)]
struct Arrival {
    document: Document,
    published: oneshot::Sender<bool>,
}

impl Webhook {
    /// Listens at an address such as `127.0.0.1:8080`; port 0 takes any that is
    /// free. Requests wait until a worker starts.
    ///
    /// # Errors
    /// `Config` for what is no address; `Busy` if something listens there
    /// already; `Denied` where this process may not.
    pub fn bind(address: impl ToSocketAddrs + std::fmt::Debug) -> Result<Self> {
        let failed = |error: io::Error| {
            let kind = match error.kind() {
                io::ErrorKind::AddrInUse => ErrorKind::Busy,
                io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Config,
            };
            Error::new(kind, "listen at", format!("{address:?}: {error}")).caused_by(error)
        };
        let listener = TcpListener::bind(&address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let terms = Terms { max_body_bytes: DEFAULT_MAX_BODY_BYTES, token: None };
        Ok(Self { listener: Arc::new(listener), terms: Arc::new(terms), open: None })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `Internal` if the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| {
            Error::new(ErrorKind::Internal, "learn where a webhook listens", error.to_string())
        })
    }

    /// The largest body that is taken. Default 1 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.terms).max_body_bytes = bytes;
        self
    }

    /// Takes only requests with `Authorization: Bearer <token>`. Default all.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.terms).token = Some(token.into());
        self
    }

    async fn next(&mut self, max: usize) -> Result<Polled> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::new(&self.listener)?),
        };
        // Those of an earlier poll that was never answered for.
        open.answer(false);
        let first = open.arrival(&self.terms).await;
        let mut documents = Vec::new();
        let mut arrived = Some(first);
        while let Some(Arrival { document, published }) = arrived {
            documents.push(document);
            open.waiting.push(published);
            arrived = (documents.len() < max).then(|| open.arrivals.try_recv().ok()).flatten();
        }
        Ok(Polled { documents, cursor: None })
    }
}

impl Open {
    fn new(listener: &TcpListener) -> Result<Self> {
        let listener = listener.try_clone().and_then(tokio::net::TcpListener::from_std);
        let listener = listener.map_err(|error| {
            Error::new(ErrorKind::Internal, "listen for a webhook", error.to_string())
                .caused_by(error)
        })?;
        let (sender, arrivals) = mpsc::channel(CONNECTIONS);
        let (connections, waiting) = (FuturesUnordered::new(), Vec::new());
        Ok(Self { listener, connections, arrivals, sender, waiting })
    }

    /// Waits for a document, and sees to the connections meanwhile. Cancel-safe.
    async fn arrival(&mut self, terms: &Arc<Terms>) -> Arrival {
        loop {
            let has_room = self.connections.len() < CONNECTIONS;
            tokio::select! {
                biased;
                Some(arrival) = self.arrivals.recv() => return arrival,
                Some(()) = self.connections.next() => {}
                accepted = self.listener.accept(), if has_room => match accepted {
                    Ok((stream, _)) => {
                        let io = TokioIo::new(stream);
                        self.connections.push(serve(io, terms.clone(), self.sender.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    /// Tells those who wait. Who has gone does not hear it.
    fn answer(&mut self, is_published: bool) {
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(is_published);
        }
    }
}

impl Source for Webhook {
    fn scope(&self) -> Scope {
        Scope::Each
    }

    fn poll<'a>(&'a mut self, _: Option<&'a Bytes>, max: usize) -> BoxFuture<'a, Result<Polled>> {
        Box::pin(self.next(max))
    }

    /// The answers travel with the next poll, which follows at once.
    fn confirm(&mut self) -> BoxFuture<'_, ()> {
        if let Some(open) = &mut self.open {
            open.answer(true);
        }
        Box::pin(std::future::ready(()))
    }

    fn reject(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(open) = &mut self.open else { return };
            open.answer(false);
            // The next poll comes after a pause, for which nobody shall wait.
            let farewell = async { while open.connections.next().await.is_some() {} };
            // What is not told by then is told later.
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
        })
    }
}

/// The same address and terms; what has arrived stays with the other.
impl Clone for Webhook {
    fn clone(&self) -> Self {
        Self { listener: self.listener.clone(), terms: self.terms.clone(), open: None }
    }
}

fn serve(
    io: TokioIo<tokio::net::TcpStream>,
    terms: Arc<Terms>,
    sender: mpsc::Sender<Arrival>,
) -> Connection {
    let service = service_fn(move |request| {
        let (terms, sender) = (terms.clone(), sender.clone());
        async move {
            let status = match take(request, &terms, &sender).await {
                Ok(()) => StatusCode::ACCEPTED,
                Err(status) => status,
            };
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ARRIVAL);
    let connection = http.serve_connection(io, service);
    Box::pin(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    })
}

/// Takes a request; ends when its document is published, or with the status
/// that says why it is not.
async fn take(
    request: Request<Incoming>,
    terms: &Terms,
    sender: &mpsc::Sender<Arrival>,
) -> std::result::Result<(), StatusCode> {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = &terms.token {
        let given = header(AUTHORIZATION.as_str()).and_then(|text| text.strip_prefix("Bearer "));
        if !given.is_some_and(|given| token::is_same(given, token)) {
            return Err(StatusCode::UNAUTHORIZED);
        }
    }
    if head.method != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let read = tokio::time::timeout(ARRIVAL, Limited::new(body, terms.max_body_bytes).collect());
    let body = match read.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(Err(_)) => return Err(StatusCode::BAD_REQUEST),
        Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
    };
    let id = match header(IDEMPOTENCY_KEY) {
        None => MessageId::new(),
        Some(key) => {
            let known = key.parse();
            known.unwrap_or_else(|_| id_of(Timestamp::from_millis(0), key))
        }
    };
    let content_type = header(CONTENT_TYPE.as_str()).map_or(ContentType::Raw, |text| {
        ContentType::from(text.split(';').next().unwrap_or_default().trim())
    });
    let path = HeaderValue::from(head.uri.path());
    let headers = BTreeMap::from([("path".to_owned(), path)]);
    let document = Document { id, content_type, body, headers };
    let (published, is_published) = oneshot::channel();
    let arrival = Arrival { document, published };
    let gone = StatusCode::SERVICE_UNAVAILABLE;
    sender.send(arrival).await.map_err(|_| gone)?;
    match is_published.await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(gone),
    }
}
