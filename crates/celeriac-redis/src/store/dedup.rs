//! [`Dedup`]: a hash for each key, which the server forgets some time after it ends.

use celeriac_core::error::Result;
use celeriac_core::store::{Claim, Claimed, Dedup};
use celeriac_core::{BoxFuture, Error, ErrorKind, MessageId};
use redis::Value;

use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::{CLAIM, CONFIRM};

fn claimed(answer: Value) -> Result<Claimed> {
    let mut held = reply::list(answer)?.into_iter();
    let (Some(id), Some(confirmed)) = (held.next(), held.next()) else {
        return Ok(Claimed::Ours);
    };
    let id = reply::bytes(id)?.unwrap_or_default();
    let Ok(id) = <[u8; 16]>::try_from(&id[..]) else {
        return Err(Error::new(ErrorKind::Corrupt, "claim", "the holder of a key is no id"));
    };
    let confirmed = reply::number(&confirmed)? == 1;
    Ok(Claimed::Held { id: MessageId::from_bytes(id), confirmed })
}

impl Dedup for Redis {
    fn claim(&self, batch: Vec<Claim>) -> BoxFuture<'_, Result<Vec<Claimed>>> {
        Box::pin(async move {
            self.shared.check_open("claim")?;
            let call = |claim: &Claim| {
                Call::script(&CLAIM, &self.shared.keys.claim(&claim.key))
                    .arg(&claim.id.as_bytes()[..])
                    .arg(claim.now.as_millis())
                    .arg(claim.until.as_millis())
            };
            let calls = batch.iter().map(call).collect();
            let answers = self.shared.client.all("claim", calls).await?;
            answers.into_iter().map(claimed).collect()
        })
    }

    fn confirm<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("confirm")?;
            let call = |key: &String| Call::script(&CONFIRM, &self.shared.keys.claim(key));
            self.shared.client.all("confirm", keys.iter().map(call).collect()).await.map(drop)
        })
    }
}
