//! [`Joins`]: a hash for each join, its members in it; each member costs the
//! same, however many there are.

use celeriac_core::error::Result;
use celeriac_core::store::{Join, Joined, Joins, Reopen};
use celeriac_core::workflow::{Member, StepId};
use celeriac_core::{BoxFuture, Error, ErrorKind, MessageId, wire};
use redis::Value;

use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::{JOIN, MEMBERS, REOPEN};

/// Members are answered up to this many bytes, and at least one.
const MEMBERS_BYTES: usize = 4 << 20;

fn joined(answer: Value) -> Result<Joined> {
    let fields = reply::list(answer)?;
    let field = |at: usize| match fields.get(at) {
        Some(Value::Int(-1)) | None => Ok(None),
        Some(value) => reply::number(value).map(Some),
    };
    let small = |at: usize| Ok(field(at)?.and_then(|number| u32::try_from(number).ok()));
    Ok(Joined {
        closed_by: small(0)?,
        done: small(1)?.unwrap_or_default(),
        failed: small(2)?,
        weight: field(3)?.unwrap_or_default(),
    })
}

/// What the calls answered, by position in the batch.
pub(crate) fn all_joined(positions: &[Vec<usize>], answers: Vec<Value>) -> Result<Vec<Joined>> {
    let mut all = vec![Joined::default(); positions.iter().map(Vec::len).sum()];
    for (positions, answer) in positions.iter().zip(answers) {
        for (position, answer) in positions.iter().zip(reply::list(answer)?) {
            all[*position] = joined(answer)?;
        }
    }
    Ok(all)
}

impl Redis {
    /// One call for each workflow; its members in their order. And the positions
    /// in the batch of each call's members.
    pub(crate) fn joining(&self, batch: &[Join]) -> (Vec<Call>, Vec<Vec<usize>>) {
        let mut calls: Vec<(MessageId, Call, Vec<usize>)> = Vec::new();
        for (position, join) in batch.iter().enumerate() {
            let at = calls.iter().position(|(workflow, ..)| *workflow == join.workflow);
            let at = at.unwrap_or_else(|| {
                let call = Call::script(&JOIN, &self.shared.keys.workflow(join.workflow));
                calls.push((join.workflow, call, Vec::new()));
                calls.len() - 1
            });
            let (_, call, positions) = &mut calls[at];
            positions.push(position);
            call.push(join.join.0);
            call.push(join.index);
            call.push(join.width);
            call.push(u8::from(join.fail_fast));
            call.push(join.epoch);
            call.push(u8::from(join.member.is_error()));
            call.push(join.member.weight());
            call.push(wire::encode_member(&join.member));
        }
        calls.into_iter().map(|(_, call, positions)| (call, positions)).unzip()
    }

    async fn join_all(&self, batch: Vec<Join>) -> Result<Vec<Joined>> {
        self.shared.check_open("join")?;
        let (calls, positions) = self.joining(&batch);
        all_joined(&positions, self.shared.client.all("join", calls).await?)
    }

    async fn members_of(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> Result<Vec<(u32, Member)>> {
        self.shared.check_open("members")?;
        let call = Call::script(&MEMBERS, &self.shared.keys.workflow(workflow));
        let call = call.arg(join.0).arg(from).arg(max).arg(MEMBERS_BYTES);
        let mut values = reply::list(self.shared.client.one("members", call).await?)?.into_iter();
        let mut members = Vec::new();
        while let (Some(index), Some(member)) = (values.next(), values.next()) {
            let index = u32::try_from(reply::number(&index)?).unwrap_or(u32::MAX);
            let bytes = reply::bytes(member)?.unwrap_or_default();
            let member = wire::decode_member(&bytes).map_err(|error| {
                let context = format!("member {index} of join {join} of {workflow} can't be read");
                Error::new(ErrorKind::Corrupt, "members", context).caused_by(error)
            })?;
            members.push((index, member));
        }
        Ok(members)
    }
}

impl Joins for Redis {
    fn join(&self, batch: Vec<Join>) -> BoxFuture<'_, Result<Vec<Joined>>> {
        Box::pin(self.join_all(batch))
    }

    fn members(
        &self,
        workflow: MessageId,
        join: StepId,
        from: u32,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<(u32, Member)>>> {
        Box::pin(self.members_of(workflow, join, from, max))
    }

    fn reopen(&self, batch: Vec<Reopen>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.shared.check_open("reopen")?;
            let call = |reopen: &Reopen| {
                let call = Call::script(&REOPEN, &self.shared.keys.workflow(reopen.workflow));
                call.arg(reopen.join.0).arg(reopen.index).arg(reopen.epoch)
            };
            self.shared.client.all("reopen", batch.iter().map(call).collect()).await.map(drop)
        })
    }
}
