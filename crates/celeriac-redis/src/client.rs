//! The connection to a server, or to a cluster: calls in batches, and what the
//! server tells without being asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::error::Result;
use celeriac_core::{Error, ErrorKind};
use futures_util::future::join_all;
use redis::aio::{ConnectionLike as _, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Pipeline, ProtocolVersion, PushInfo, RedisError, Value};

use crate::call::{Call, with_text};
use crate::config::Target;
use crate::error::classify;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often a broken connection is tried again before who asks is told.
const RETRIES: usize = 1;

/// What the server's unasked messages are given to; it must not block.
pub(crate) type Ear = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// A connection that mends itself.
pub(crate) struct Client {
    link: Link,
    shown: Arc<str>,
}

#[derive(Clone)]
enum Link {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Client {
    pub(crate) async fn connect(target: &Target, ear: Ear) -> Result<Self> {
        // The first one wins; another library may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shown: Arc<str> = target.shown.as_str().into();
        let failed = |error| classify("open", &shown, error);
        let first = target.nodes.first().ok_or_else(|| {
            Error::new(ErrorKind::Config, "open", format!("{shown}: there is no host"))
        })?;
        let patience = target.options.patience();
        let heard = ear.clone();
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(RETRIES)
            .set_max_delay(Duration::from_millis(500))
            .set_push_sender(move |push| hear(&heard, push))
            .set_automatic_resubscription();
        let client = redis::Client::open(first.clone()).map_err(failed)?;
        let mut one = client.get_connection_manager_with_config(config).await.map_err(failed)?;
        let info = one.send_packed_command(redis::cmd("INFO").arg("cluster")).await;
        let info: String = redis::from_redis_value(info.map_err(failed)?)
            .map_err(|error| failed(RedisError::from(error)))?;
        if !info.contains("cluster_enabled:1") {
            return Ok(Self { link: Link::One(one), shown });
        }
        let builder = ClusterClient::builder(target.nodes.clone())
            .connection_timeout(CONNECT)
            .response_timeout(patience)
            .use_protocol(ProtocolVersion::RESP3)
            .push_sender(move |push| hear(&ear, push));
        let cluster = builder.build().map_err(failed)?;
        let cluster = cluster.get_async_connection().await.map_err(failed)?;
        Ok(Self { link: Link::Cluster(cluster), shown })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.link, Link::Cluster(_))
    }

    /// The address without its secrets.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Makes a call. A dropped future may have made it.
    pub(crate) async fn one(&self, operation: &'static str, call: Call) -> Result<Value> {
        let values = self.all(operation, vec![call]).await?;
        values.into_iter().next().ok_or_else(|| self.too_few(operation))
    }

    /// Makes calls in one go, and answers in their order. If one fails, others
    /// may have been made.
    pub(crate) async fn all(
        &self,
        operation: &'static str,
        calls: Vec<Call>,
    ) -> Result<Vec<Value>> {
        self.perform(operation, calls, usize::MAX).await
    }

    /// Makes calls stage by stage: each stage is done before the next begins, in
    /// one go where one server does all. If a call fails, those of later stages
    /// may have been made; and they may be made twice.
    pub(crate) async fn in_order<const N: usize>(
        &self,
        operation: &'static str,
        stages: [Vec<Call>; N],
    ) -> Result<[Vec<Value>; N]> {
        let mut answers = [const { Vec::new() }; N];
        if self.is_cluster() {
            for (answer, calls) in answers.iter_mut().zip(stages) {
                *answer = self.all(operation, calls).await?;
            }
            return Ok(answers);
        }
        let lengths = stages.each_ref().map(Vec::len);
        let later = lengths.first().copied().unwrap_or_default();
        let calls = stages.into_iter().flatten().collect();
        let mut values = self.perform(operation, calls, later).await?.into_iter();
        for (answer, length) in answers.iter_mut().zip(lengths) {
            *answer = values.by_ref().take(length).collect();
        }
        Ok(answers)
    }

    /// Makes calls in one go. Scripts that the server does not know are sent
    /// again with their text, and with them all calls from position `later` on:
    /// those must come after them.
    async fn perform(
        &self,
        operation: &'static str,
        calls: Vec<Call>,
        later: usize,
    ) -> Result<Vec<Value>> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(calls.len());
        let mut scripts = Vec::with_capacity(calls.len());
        for call in calls {
            let (script, command) = call.into_parts();
            scripts.push(script);
            commands.add_command(command);
        }
        let mut answers = self.send(operation, &commands).await?;
        if answers.iter().any(is_unknown) {
            let (mut positions, mut texts) = (Vec::new(), Pipeline::new());
            let sent = scripts.iter().zip(commands.cmd_iter());
            for (position, (answer, (script, command))) in answers.iter().zip(sent).enumerate() {
                if !is_unknown(answer) && position < later {
                    continue;
                }
                positions.push(position);
                texts.add_command(match script {
                    Some(script) => with_text(script, command),
                    None => command.clone(),
                });
            }
            let again = self.send(operation, &texts).await?;
            for (position, answer) in positions.into_iter().zip(again) {
                answers[position] = answer;
            }
        }
        if answers.len() != commands.len() {
            return Err(self.too_few(operation));
        }
        let failed = |error| classify(operation, &self.shown, error);
        answers.into_iter().map(|answer| answer.map_err(failed)).collect()
    }

    async fn send(&self, operation: &'static str, commands: &Pipeline) -> Result<Vec<Answer>> {
        match self.link.clone() {
            Link::One(mut one) => {
                let values = one.send_packed_commands(commands, 0, commands.len()).await;
                let values = values.map_err(|error| classify(operation, &self.shown, error))?;
                Ok(values.into_iter().map(Value::extract_error).collect())
            }
            Link::Cluster(cluster) => {
                let calls = commands.cmd_iter().map(|command| {
                    let mut cluster = cluster.clone();
                    async move { cluster.req_packed_command(command).await?.extract_error() }
                });
                Ok(join_all(calls).await)
            }
        }
    }

    /// Hears what is published on a channel from now on, also over new connections.
    pub(crate) async fn subscribe(&self, channel: &str) -> Result<()> {
        let subscribed = match self.link.clone() {
            Link::One(mut one) => one.subscribe(channel).await,
            Link::Cluster(mut cluster) => cluster.subscribe(channel).await,
        };
        subscribed.map_err(|error| classify("subscribe", &self.shown, error))
    }

    pub(crate) async fn unsubscribe(&self, channel: &str) -> Result<()> {
        let unsubscribed = match self.link.clone() {
            Link::One(mut one) => one.unsubscribe(channel).await,
            Link::Cluster(mut cluster) => cluster.unsubscribe(channel).await,
        };
        unsubscribed.map_err(|error| classify("unsubscribe", &self.shown, error))
    }

    fn too_few(&self, operation: &'static str) -> Error {
        let context = format!("{}: the server left a call without an answer", self.shown);
        Error::new(ErrorKind::Internal, operation, context)
    }
}

/// What became of one call.
type Answer = std::result::Result<Value, RedisError>;

/// Whether the server does not know the script.
fn is_unknown(answer: &Answer) -> bool {
    matches!(answer, Err(error) if error.code() == Some("NOSCRIPT"))
}

fn hear(ear: &Ear, push: PushInfo) -> std::result::Result<(), Infallible> {
    ear(push);
    Ok(())
}
