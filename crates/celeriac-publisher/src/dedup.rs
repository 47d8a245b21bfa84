//! Sending at most one message per key and window: claim, publish, confirm.
//!
//! A sender that dies between claim and confirm leaves an unconfirmed claim.
//! The next sender publishes its message under the claim's id and confirms:
//! if the first was published after all, the second is a repetition of it; or
//! the first, if it was only slow. So each of them bears `may_repeat`.

use std::sync::Arc;
use std::time::Duration;

use celeriac_core::store::{Claim, Claimed};
use celeriac_core::{Message, MessageId, Timestamp};

use crate::handle::{Error, Publisher};

impl Publisher {
    /// Publishes a message unless one with its key was published within
    /// `window`; says which id is on its way.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    ///
    /// # Cancel safety
    /// As [`Publisher::publish`]; the next sender of the key makes up for it.
    pub async fn publish_once(
        &self,
        mut message: Message,
        key: &str,
        window: Duration,
    ) -> Result<MessageId, Error> {
        let now = Timestamp::now();
        let claim = Claim { key: key.to_owned(), id: message.id, now, until: now.after(window) };
        let answer = self.store.claim(vec![claim]).await?;
        match answer.first() {
            Some(Claimed::Held { id, confirmed: true }) => return Ok(*id),
            Some(Claimed::Held { id, confirmed: false }) => message.id = *id,
            Some(Claimed::Ours) | None => {}
        }
        message.may_repeat = true;
        let id = message.id;
        self.publish(vec![Arc::new(message)]).await?;
        self.store.confirm(&[key.to_owned()]).await?;
        Ok(id)
    }
}
