//! The HTTP client: one request, its answer, and what a status means.

use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a request takes at most, its answer included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of an answer that says what is wrong is told.
const SHOWN: usize = 200;

/// An endpoint and how it is spoken to. Connections are opened when they are
/// needed, and kept.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    pool: Option<Pool<HttpsConnector<HttpConnector>, Full<Bytes>>>,
}

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(address: &str) -> Result<Self> {
        let wrong = |reason: &str| {
            let context = format!("`{address}`: {reason}; give http://host/path or https://…");
            Error::new(ErrorKind::Config, "read an HTTP address", context)
        };
        let uri: Uri = address.parse().map_err(|_| wrong("it is no address"))?;
        match uri.scheme_str() {
            Some("http" | "https") if uri.host().is_some() => {}
            _ => return Err(wrong("it is not HTTP")),
        }
        Ok(Self { uri, headers: HeaderMap::new(), timeout: TIMEOUT, pool: None })
    }

    /// Adds a header to every request.
    pub(crate) fn header(&mut self, name: &str, value: &str) -> Result<()> {
        let (name, value) = header(name, value)?;
        self.headers.insert(name, value);
        Ok(())
    }

    pub(crate) const fn timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Sends a request and gives the whole answer, of at most `max_bytes`.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
        max_bytes: usize,
    ) -> Result<Answer> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().extend(headers);
        let (uri, timeout) = (self.uri.clone(), self.timeout);
        let unreachable = |reason: String| {
            Error::new(ErrorKind::Unreachable, "reach", format!("{uri}: {reason}"))
        };
        let pool = match &self.pool {
            Some(pool) => pool,
            None => self.pool.insert(pool()?),
        };
        let exchange = async {
            let answer = pool.request(request).await.map_err(|e| unreachable(told(&e)))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
                unreachable(format!(
                    "its answer was cut off, or has over {max_bytes} bytes: {error}"
                ))
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| {
            let context = format!("{uri}: no answer in {timeout:?}");
            Err(Error::new(ErrorKind::Timeout, "reach", context))
        })
    }
}

impl Answer {
    /// The error that a status other than success means.
    pub(crate) fn error(&self, operation: &'static str, uri: &Uri) -> Error {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED => ErrorKind::Denied,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
                ErrorKind::Config
            }
            // Whoever has it in hand already, or wants it later.
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Busy,
            status if status.is_client_error() => ErrorKind::Invalid,
            status if status.is_server_error() => ErrorKind::Unreachable,
            _ => ErrorKind::Config,
        };
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN)]);
        let context = format!("{uri}: it answered {}: {}", self.status, text.trim());
        Error::new(kind, operation, context)
    }
}

/// A header as it travels.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let wrong = || {
        let context =
            format!("`{name}`: neither its name nor its value may hold control characters");
        Error::new(ErrorKind::Config, "read an HTTP header", context)
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    Ok((name, HeaderValue::from_str(value).map_err(|_| wrong())?))
}

fn pool() -> Result<Pool<HttpsConnector<HttpConnector>, Full<Bytes>>> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
    let builder = builder.map_err(|error| {
        let context = format!("{error}; install the system's certificates (ca-certificates)");
        Error::new(ErrorKind::Config, "load the certificates of this machine", context)
    })?;
    let connector = builder.https_or_http().enable_http1().build();
    Ok(Pool::builder(TokioExecutor::new()).build(connector))
}

/// An error with what caused it: hyper's own text leaves that out.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_named() {
        for wrong in ["", "ftp://x/", "localhost", "http:///x", "http://a b/"] {
            let error = Client::new(wrong).unwrap_err();
            assert!(error.to_string().contains(&format!("`{wrong}`")), "{error}");
            assert_eq!(error.kind(), ErrorKind::Config);
        }
        assert!(Client::new("https://example.org/x?y=1").is_ok());
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        let uri = Uri::from_static("http://x/");
        let kind = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = Answer { status, headers: HeaderMap::new(), body: Bytes::new() };
            answer.error("write to", &uri).kind()
        };
        assert!([408, 409, 429, 500, 503].into_iter().all(|status| kind(status).is_retryable()));
        assert_eq!([400, 413, 422].map(kind), [ErrorKind::Invalid; 3]);
        assert_eq!([401, 403].map(kind), [ErrorKind::Denied; 2]);
        assert_eq!([301, 404].map(kind), [ErrorKind::Config; 2]);
    }
}
