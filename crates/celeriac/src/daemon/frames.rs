//! The daemon over sockets: frames of JSON, each after its length in four
//! bytes, the highest first. Each is answered, in order.

use std::io;
use std::pin::pin;
use std::time::Duration;

use celeriac_connect::server::Terms;
use celeriac_connect::token;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::service::{Call, Refusal, Service};

/// How long a frame may take to arrive, once it began.
const ARRIVAL: Duration = Duration::from_secs(30);

/// What a frame asks for: one of them.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    /// Shows the token.
    Token(String),
    /// Sends tasks.
    Send(Vec<Call>),
    /// What is known of a task.
    Result(Look),
    /// How the brokers are.
    Health {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    id: String,
    #[serde(default)]
    wait: Option<String>,
}

/// Serves a connection until the other side hangs up, or `stopping` ends: then
/// the frame at work is answered, and no other is taken.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    service: &Service,
    terms: &Terms,
    stopping: impl Future<Output = ()> + Send,
) {
    let mut stopping = pin!(stopping);
    let mut is_trusted = terms.token.is_none();
    loop {
        let read = tokio::select! {
            biased;
            () = stopping.as_mut() => return,
            read = read(&mut stream, terms.max_body_bytes) => read,
        };
        let (answer, goes_on) = match read {
            Ok(Some(Ok(frame))) => answer(&frame, service, terms, &mut is_trusted).await,
            // Where the next frame begins is not known.
            Ok(Some(Err(refusal))) => (Err(refusal), false),
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "a connection broke"),
        };
        let answer = answer.unwrap_or_else(|refusal| json!({ "error": refusal.json() }));
        if let Err(error) = write(&mut stream, &answer).await {
            return tracing::debug!(%error, "a connection broke");
        }
        if !goes_on {
            return;
        }
    }
}

/// The answer to a frame, and whether the connection goes on.
async fn answer(
    frame: &[u8],
    service: &Service,
    terms: &Terms,
    is_trusted: &mut bool,
) -> (Result<Value, Refusal>, bool) {
    let ask: Ask = match serde_json::from_slice(frame) {
        Ok(ask) => ask,
        Err(error) => {
            let like = r#"{"send": [{"task": "mail.send", "args": [1]}]}"#;
            let message = format!("the frame is not as it should be: {error}; one is {like}");
            return (Err(Refusal::new(400, message)), *is_trusted);
        }
    };
    if let Ask::Token(given) = &ask {
        *is_trusted = terms.token.as_ref().is_none_or(|token| token::is_same(given, token));
        if *is_trusted {
            return (Ok(json!({ "trusted": true })), true);
        }
    }
    if !*is_trusted {
        let message = "the first frame must be {\"token\": \"…\"}, with the right one";
        return (Err(Refusal::new(401, message)), false);
    }
    let answer = match ask {
        Ask::Send(calls) => service.send(calls).await.map(|ids| json!({ "ids": ids })),
        Ask::Result(Look { id, wait }) => {
            service.known(&id, wait.as_deref()).await.map(|known| json!({ "result": known }))
        }
        Ask::Health {} => service.health().await.map(|health| json!({ "health": health })),
        Ask::Token(_) => Ok(json!({ "trusted": true })),
    };
    (answer, true)
}

/// The next frame; nothing at the end; a refusal for one that is too large.
async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    max_bytes: usize,
) -> io::Result<Option<Result<Vec<u8>, Refusal>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > max_bytes {
        let message = format!("a frame of {length} bytes; at most {max_bytes}");
        return Ok(Some(Err(Refusal::new(413, message))));
    }
    let mut frame = vec![0; length];
    match tokio::time::timeout(ARRIVAL, stream.read_exact(&mut frame)).await {
        Ok(read) => read?,
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
    };
    Ok(Some(Ok(frame)))
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: &Value) -> io::Result<()> {
    let text = serde_json::to_vec(answer)?;
    let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(text);
    stream.write_all(&frame).await?;
    stream.flush().await
}
