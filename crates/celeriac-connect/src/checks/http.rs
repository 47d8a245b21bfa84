//! An endpoint: its name, its certificate, what it allows, how fast it answers.

use std::time::Duration;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::health::{Check, Finding, HealthStatus};
use celeriac_core::{BoxFuture, Error};
use hyper::header::{ALLOW, HeaderMap};
use hyper::{Method, StatusCode};
use tokio::time::Instant;

use super::timed;
use crate::client::{Answer, Client};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);
/// The answer to OPTIONS has hardly any body.
const MAX_BYTES: usize = 64 * 1024;
/// Headers that tell which content types are taken.
const ACCEPTS: [&str; 3] = ["accept", "accept-post", "accept-patch"];

/// Asks an endpoint by OPTIONS, which does nothing there: whether its name is
/// known, its certificate is right, it allows and accepts what is needed, and
/// how fast it answers.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    allows: Vec<String>,
    accepts: Vec<String>,
    slow: Duration,
}

impl Http {
    /// A check of an address, `http://…` or `https://…`.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str) -> Result<Self> {
        let mut client = Client::new(address)?;
        client.timeout(TIMEOUT);
        // Each look goes the whole way.
        client.header("connection", "close")?;
        Ok(Self { client, allows: Vec::new(), accepts: Vec::new(), slow: SLOW })
    }

    /// Adds a header to the request, such as `authorization`.
    ///
    /// # Errors
    /// When the header is none.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        self.client.header(name, value)?;
        Ok(self)
    }

    /// The endpoint must allow this method, if it says which it allows.
    #[must_use]
    pub fn allows(mut self, method: impl Into<String>) -> Self {
        self.allows.push(method.into());
        self
    }

    /// The endpoint must accept this content type, if it says which it accepts.
    #[must_use]
    pub fn accepts(mut self, content_type: impl Into<String>) -> Self {
        self.accepts.push(content_type.into());
        self
    }

    /// How long an answer may take before it counts as none. Default 5 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout(timeout);
        self
    }

    /// From when on an answer is slow: degraded. Default 1 s.
    #[must_use]
    pub const fn slow(mut self, slow: Duration) -> Self {
        self.slow = slow;
        self
    }

    /// Whether its name leads anywhere; what is wrong if it does not.
    async fn unknown_name(&self) -> Option<Finding> {
        let uri = &self.client.uri;
        let host = uri.host()?.trim_matches(['[', ']']);
        let port =
            uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let found = tokio::net::lookup_host((host, port)).await;
        match found.map(|mut addresses| addresses.next()) {
            Ok(Some(_)) => None,
            Ok(None) => Some(Finding::unhealthy(format!("DNS: `{host}` has no address"))),
            Err(error) => Some(Finding::unhealthy(format!("DNS: `{host}`: {error}"))),
        }
    }

    fn judge(&self, answer: &Answer, took: Duration) -> Finding {
        let status = answer.status;
        if let Some(found) = of_status(status) {
            return found;
        }
        let missing = |headers: &[&str], wanted: &[String], what: &str| {
            let said = said(&answer.headers, headers)?;
            let lacks = |wanted: &&String| !said.contains(&wanted.to_ascii_lowercase());
            let lacking = wanted.iter().find(lacks)?;
            let note = format!("it does not {what} {lacking}, but {}", said.join(", "));
            Some(Finding::new(HealthStatus::PermanentlyUnavailable, note))
        };
        missing(&[ALLOW.as_str()], &self.allows, "allow")
            .or_else(|| missing(&ACCEPTS, &self.accepts, "accept"))
            .unwrap_or_else(|| timed(took, self.slow, &format!("answers {}", status.as_u16())))
    }
}

impl Check for Http {
    fn check(&mut self) -> BoxFuture<'_, Result<Finding>> {
        Box::pin(async {
            if let Some(found) = self.unknown_name().await {
                return Ok(found);
            }
            let (began, uri) = (Instant::now(), self.client.uri.clone());
            let asked =
                self.client.send(Method::OPTIONS, uri, HeaderMap::new(), Bytes::new(), MAX_BYTES);
            Ok(match asked.await {
                Ok(answer) => self.judge(&answer, began.elapsed()),
                Err(error) => of_error(&error),
            })
        })
    }
}

/// What a status says that means no good.
fn of_status(status: StatusCode) -> Option<Finding> {
    let note = || format!("it answers {status}");
    match status {
        // It is there, and knows no OPTIONS.
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => None,
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Some(Finding::new(HealthStatus::PermanentlyUnavailable, note()))
        }
        status if status.is_server_error() => Some(Finding::unhealthy(note())),
        status if status.is_client_error() => Some(Finding::degraded(note())),
        _ => None,
    }
}

/// Whom nobody can reach is unhealthy; whom nobody can trust is insecure.
fn of_error(error: &Error) -> Finding {
    let text = error.to_string();
    match text.contains("certificate") {
        true => Finding::new(HealthStatus::Insecure, format!("TLS: {text}")),
        false => Finding::unhealthy(text),
    }
}

/// What these headers list, in lower case; nothing if there are none, or all is allowed.
fn said(headers: &HeaderMap, names: &[&str]) -> Option<Vec<String>> {
    let values = names.iter().flat_map(|name| headers.get_all(*name));
    let values = values.filter_map(|value| value.to_str().ok());
    let listed: Vec<String> = values
        .flat_map(|value| value.split(','))
        .map(|item| item.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .collect();
    let is_all = listed.iter().any(|item| item == "*" || item == "*/*");
    (!listed.is_empty() && !is_all).then_some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, headers: &[(&'static str, &str)]) -> (HealthStatus, String) {
        let http = Http::new("http://x/").unwrap().allows("POST").accepts("application/json");
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers.collect());
        let answer = Answer { status, headers, body: Bytes::new() };
        let Finding { status, note, .. } = http.judge(&answer, Duration::from_millis(7));
        (status, note)
    }

    #[test]
    fn an_answer_is_judged_by_status_and_headers() {
        use HealthStatus::{Degraded, Healthy, PermanentlyUnavailable, Unhealthy};
        let (status, note) = judge(204, &[("allow", "GET, POST"), ("accept-post", "*/*")]);
        assert_eq!((status, note.as_str()), (Healthy, "answers 204 in 7 ms"));
        assert_eq!(judge(200, &[]).0, Healthy, "it says nothing about what it allows");
        assert_eq!(judge(405, &[("allow", "post")]).0, Healthy, "it knows no OPTIONS");
        let (status, note) = judge(204, &[("allow", "GET")]);
        assert_eq!(
            (status, note.as_str()),
            (PermanentlyUnavailable, "it does not allow POST, but get")
        );
        assert_eq!(judge(200, &[("accept-post", "text/csv; q=1")]).0, PermanentlyUnavailable);
        assert_eq!(judge(200, &[("accept", "Application/JSON; q=1")]).0, Healthy);
        assert_eq!(judge(404, &[]).0, PermanentlyUnavailable);
        assert_eq!(judge(401, &[]).0, Degraded);
        assert_eq!(judge(503, &[]).0, Unhealthy);
    }

    #[test]
    fn who_can_not_be_trusted_is_insecure() {
        let error = |text: &str| Error::new(celeriac_core::ErrorKind::Unreachable, "reach", text);
        let insecure = of_error(&error("x: invalid peer certificate: UnknownIssuer"));
        assert_eq!(insecure.status, HealthStatus::Insecure);
        assert_eq!(of_error(&error("x: refused")).status, HealthStatus::Unhealthy);
    }
}
