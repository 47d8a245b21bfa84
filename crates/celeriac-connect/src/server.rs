//! One HTTP connection for whoever has answers: limits, a token, and an end
//! that leaves no request unanswered. Who listens, and what the answers are, is
//! decided elsewhere.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use celeriac_core::BoxFuture;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::http::HeaderValue;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::token;

/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// A request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` ….
    pub method: String,
    /// The path, such as `/tasks`.
    pub path: String,
    /// What stands behind the `?`; empty if nothing does.
    pub query: String,
    /// The body.
    pub body: Bytes,
}

/// An answer, in JSON.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// How many seconds the other side should wait before it tries again.
    pub retry_after: Option<u32>,
}

/// Whoever has answers.
pub trait Handler: Send + Sync + 'static {
    /// The answer to a request. Dropped when the other side hangs up.
    fn answer(&self, request: Request) -> BoxFuture<'_, Response>;

    /// The answer to what can't be taken: 401, 408, 413 or 400.
    fn refuse(&self, status: u16, why: &str) -> Response;
}

/// What is asked of requests.
#[derive(Clone, Default)]
pub struct Terms {
    /// The largest body that is taken.
    pub max_body_bytes: usize,
    /// Only requests with `Authorization: Bearer <token>` are taken.
    pub token: Option<String>,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_token = self.token.is_some();
        let mut shown = f.debug_struct("Terms");
        shown.field("max_body_bytes", &self.max_body_bytes).field("has_token", &has_token).finish()
    }
}

/// Serves a connection until the other side hangs up, or `stopping` ends: then
/// the request at work is answered, and no other is taken.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    handler: Arc<dyn Handler>,
    terms: Arc<Terms>,
    stopping: impl Future<Output = ()> + Send,
) {
    let service = service_fn(move |request| {
        let (handler, terms) = (handler.clone(), terms.clone());
        async move {
            let response = match read(request, &terms).await {
                Ok(request) => handler.answer(request).await,
                Err((status, why)) => handler.refuse(status, &why),
            };
            Ok::<_, Infallible>(write(response))
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ARRIVAL);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut stopping = pin!(stopping);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.as_mut() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn read(request: hyper::Request<Incoming>, terms: &Terms) -> Result<Request, (u16, String)> {
    let (head, body) = request.into_parts();
    if let Some(token) = &terms.token {
        let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|text| text.strip_prefix("Bearer "));
        if !given.is_some_and(|given| token::is_same(given, token)) {
            let why = "the header `Authorization: Bearer TOKEN` is missing or wrong";
            return Err((401, why.to_owned()));
        }
    }
    let limit = terms.max_body_bytes;
    let body = match tokio::time::timeout(ARRIVAL, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err((413, format!("the body has more than {limit} bytes")));
        }
        Ok(Err(error)) => return Err((400, format!("the body could not be read: {error}"))),
        Err(_) => return Err((408, format!("the body did not arrive in {ARRIVAL:?}"))),
    };
    Ok(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
    })
}

fn write(answer: Response) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(answer.body));
    let status = hyper::StatusCode::from_u16(answer.status);
    *response.status_mut() = status.unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
