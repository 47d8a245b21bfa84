//! Asking the nodes that are alive what they are doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use celeriac_core::broker::{Limit, Settlement, Subscription, Verdict};
use celeriac_core::{MessageId, QueueName, Timestamp};
use celeriac_router::{Answer, Question};

use crate::app::App;
use crate::connect::Error;

/// How long nodes may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

impl App {
    /// Asks every node that is alive, and waits for at most 2 s. A node that
    /// does not answer is in the list without an answer.
    ///
    /// # Errors
    /// [`Error::Driver`] when broker or store fail.
    pub async fn inspect(
        &self,
        question: Question,
    ) -> Result<Vec<(String, Option<serde_json::Value>)>, Error> {
        let connection = self.connection().await?;
        let nodes = connection.store.nodes(Timestamp::now()).await?;
        let reply_to = QueueName::from(format!("~reply.{}", MessageId::new()));
        let ask = |node: &celeriac_core::store::Node| {
            Arc::new(question.into_message(node.inbox.clone(), reply_to.clone()))
        };
        let questions: Vec<_> = nodes.iter().map(ask).collect();
        let mut answers: BTreeMap<_, _> = nodes.into_iter().map(|node| (node.name, None)).collect();
        if !questions.is_empty() {
            let subscription =
                Subscription { queues: vec![reply_to], consumer: "inspect".to_owned() };
            connection.broker.publish(&questions, Limit::Exceed).await?;
            let gathered = self.gather(subscription, &mut answers);
            if let Ok(gathered) = tokio::time::timeout(PATIENCE, gathered).await {
                gathered?;
            }
        }
        Ok(answers.into_iter().collect())
    }

    async fn gather(
        &self,
        subscription: Subscription,
        answers: &mut BTreeMap<String, Option<serde_json::Value>>,
    ) -> Result<(), Error> {
        let broker = &self.connection().await?.broker;
        let mut consumer = broker.consume(subscription).await?;
        while answers.values().any(Option::is_none) {
            let mut settlements = Vec::new();
            for delivery in consumer.pull(answers.len()).await? {
                settlements.push(Settlement { receipt: delivery.receipt, verdict: Verdict::Ack });
                let Ok(message) = &delivery.payload else { continue };
                if let Ok(Answer { node, answer }) = serde_json::from_slice(&message.body) {
                    answers.insert(node, Some(answer));
                }
            }
            broker.settle(settlements).await?;
        }
        Ok(())
    }
}
