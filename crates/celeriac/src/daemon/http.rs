//! The daemon over HTTP: paths and their answers.

use bytes::Bytes;
use celeriac_connect::server::{Handler, Request, Response};
use celeriac_core::{BoxFuture, HealthStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::service::{Call, Refusal, Service};

/// How long whoever finds no room, or no broker, should wait.
const RETRY_AFTER_S: u32 = 1;

impl Handler for Service {
    fn answer(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            match self.route(&request).await {
                Ok(response) => response,
                Err(refusal) => refused(&refusal),
            }
        })
    }

    fn refuse(&self, status: u16, why: &str) -> Response {
        refused(&Refusal::new(status, why))
    }
}

impl Service {
    async fn route(&self, request: &Request) -> Result<Response, Refusal> {
        let Request { method, path, query, body } = request;
        match (method.as_str(), path.as_str()) {
            ("POST", "/tasks") => {
                let ids = self.send(vec![read(body)?]).await?;
                Ok(json(202, &serde_json::json!({ "id": ids.first() })))
            }
            ("POST", "/tasks/batch") => {
                let ids = self.send(read::<Vec<Call>>(body)?).await?;
                Ok(json(202, &serde_json::json!({ "ids": ids })))
            }
            ("GET", "/health") => {
                let health = self.health().await?;
                let is_well = health.status <= HealthStatus::Degraded;
                Ok(json(if is_well { 200 } else { 503 }, &health))
            }
            ("GET", path) if path.starts_with("/tasks/") => {
                let id = path.trim_start_matches("/tasks/");
                Ok(json(200, &self.known(id, parameter(query, "wait")?).await?))
            }
            (_, "/tasks" | "/tasks/batch") => Err(Refusal::new(405, "only POST is taken here")),
            (_, path) if path == "/health" || path.starts_with("/tasks/") => {
                Err(Refusal::new(405, "only GET is taken here"))
            }
            _ => {
                let there_are = "POST /tasks, POST /tasks/batch, GET /tasks/{id} and GET /health";
                Err(Refusal::new(404, format!("nothing is at {path}; there are {there_are}")))
            }
        }
    }
}

/// The value of the one parameter that is allowed.
fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut found = None;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some((given, value)) if given == name => found = Some(value),
            _ => {
                let message = format!("unknown parameter `{parameter}`; there is `{name}`");
                return Err(Refusal::new(400, message));
            }
        }
    }
    Ok(found)
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        let like = r#"{"task": "mail.send", "args": [1], "kwargs": {}, "options": {}}"#;
        Refusal::new(400, format!("the body is not as it should be: {error}; a task is {like}"))
    })
}

fn json(status: u16, value: &impl Serialize) -> Response {
    // What is sent here is always representable.
    let mut body = serde_json::to_vec(value).unwrap_or_default();
    body.push(b'\n');
    Response { status, body: body.into(), retry_after: None }
}

fn refused(refusal: &Refusal) -> Response {
    let retry_after = matches!(refusal.status, 429 | 503).then_some(RETRY_AFTER_S);
    let response = json(refusal.status, &serde_json::json!({ "error": refusal.json() }));
    Response { retry_after, ..response }
}
