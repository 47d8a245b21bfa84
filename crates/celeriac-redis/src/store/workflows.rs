//! [`Workflows`]: the record, the graph, and the status of each step, all under
//! the workflow's hash tag. What has ended lives until it expires.

use std::collections::BTreeMap;

use bytes::Bytes;
use celeriac_core::error::Result;
use celeriac_core::store::{StoreId, Transition, Watch, WorkflowFilter, Workflows};
use celeriac_core::workflow::{NewWorkflow, Page, Record, Status, StepId, StepMark};
use celeriac_core::{BoxFuture, Error, ErrorKind, MessageId, Timestamp, wire};
use redis::Value;

use super::outcomes::life;
use crate::Redis;
use crate::call::Call;
use crate::reply;
use crate::script::{CREATE, FORGET, MARK_STEPS, TRANSITION};

/// What has ended lives for so long at the least.
const LEAST_LIFE_MS: u64 = 60_000;
/// How many records are read at a time.
const PAGE: usize = 256;

fn unreadable(what: &str, error: impl std::fmt::Display) -> Error {
    let context = format!("{what} can't be read: {error}");
    Error::new(ErrorKind::Corrupt, "read workflows", context)
}

fn id_of(bytes: &Bytes) -> Option<MessageId> {
    Some(MessageId::from_bytes(bytes[..].try_into().ok()?))
}

/// Reads the fields `w`, `e`, `d` and `t` of a record.
fn record(fields: Value) -> Result<Option<Record>> {
    let fields: Result<Vec<_>> = reply::list(fields)?.into_iter().map(reply::bytes).collect();
    let fields = fields?;
    let [Some(workflow), Some(epoch), end, ended_at] = fields.as_slice() else {
        return Ok(None);
    };
    let number = |bytes: &Bytes| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok();
    let workflow = wire::decode_workflow(workflow).map_err(|e| unreadable("a workflow", e))?;
    let end = end.as_ref().map(|end| wire::decode_end(end)).transpose();
    let epoch = number(epoch).and_then(|epoch| u32::try_from(epoch).ok()).unwrap_or_default();
    Ok(Some(Record {
        workflow,
        epoch,
        end: end.map_err(|error| unreadable("an end", error))?,
        ended_at: ended_at.as_ref().and_then(number).map(Timestamp::from_millis),
    }))
}

/// Marks of steps that follow each other are one.
fn merged(batch: Vec<StepMark>) -> Vec<StepMark> {
    let mut merged: Vec<StepMark> = Vec::new();
    for mark in batch {
        match merged.last_mut() {
            Some(last)
                if (last.workflow, last.epoch, last.status)
                    == (mark.workflow, mark.epoch, mark.status)
                    && last.first.0.checked_add(last.count) == Some(mark.first.0) =>
            {
                last.count = last.count.saturating_add(mark.count);
            }
            _ => merged.push(mark),
        }
    }
    merged
}

impl Redis {
    async fn records_of(&self, ids: &[MessageId]) -> Result<Vec<Option<Record>>> {
        self.shared.check_open("workflows")?;
        let fields = |id: &MessageId| {
            let call = Call::command("HMGET").arg(self.shared.keys.workflow(*id));
            call.arg("w").arg("e").arg("d").arg("t")
        };
        let calls = ids.iter().map(fields).collect();
        let answers = self.shared.client.all("workflows", calls).await?;
        answers.into_iter().map(record).collect()
    }

    async fn create_all(&self, batch: Vec<NewWorkflow>) -> Result<Vec<bool>> {
        self.shared.check_open("create")?;
        let keys = &self.shared.keys;
        // Listed first: a workflow that is not there is passed over.
        let mut listing = Vec::new();
        let mut calls = Vec::with_capacity(batch.len());
        for NewWorkflow { workflow, epoch, pages } in &batch {
            let id = &workflow.id.as_bytes()[..];
            listing.push(Call::command("ZADD").arg(keys.workflows()).arg(0).arg(id));
            if let Some(parent) = &workflow.parent {
                let parts = format!("{}:parts", keys.workflow(parent.workflow));
                listing.push(Call::command("SADD").arg(parts).arg(id));
            }
            let expires_at = life(workflow.expires_at).map(|_| workflow.expires_at.as_millis());
            let mut call = Call::script(&CREATE, &keys.workflow(workflow.id))
                .arg(wire::encode_workflow(workflow))
                .arg(*epoch)
                .arg(workflow.root.0)
                .arg(workflow.end.0.saturating_sub(workflow.root.0))
                .arg(expires_at.map_or(String::new(), |at| at.to_string()));
            for page in pages {
                call.push(page.first.0);
                call.push(wire::encode_page(page));
            }
            calls.push(call);
        }
        let telling = self.telling_of(batch.iter().map(|new| new.workflow.id));
        let stages = [listing, calls, telling];
        let [_, answers, _] = self.shared.client.in_order("create", stages).await?;
        answers.iter().map(|answer| Ok(reply::number(answer)? == 1)).collect()
    }

    async fn pages_of(&self, graph: MessageId, steps: &[StepId]) -> Result<Vec<Option<Page>>> {
        self.shared.check_open("pages")?;
        let key = self.shared.keys.workflow(graph);
        let first = |step: &StepId| {
            let call = Call::command("ZREVRANGEBYSCORE").arg(format!("{key}:p"));
            call.arg(step.0).arg("-inf").arg("LIMIT").arg(0).arg(1)
        };
        let firsts = self.shared.client.all("pages", steps.iter().map(first).collect()).await?;
        let mut calls = Vec::with_capacity(steps.len());
        for first in firsts {
            let first = reply::strings(first)?.into_iter().next().unwrap_or_default();
            calls.push(Call::command("HGET").arg(format!("{key}:g")).arg(&first[..]));
        }
        let answers = self.shared.client.all("pages", calls).await?;
        let mut pages = Vec::with_capacity(steps.len());
        for (step, answer) in steps.iter().zip(answers) {
            let page = reply::bytes(answer)?.map(|bytes| wire::decode_page(&bytes)).transpose();
            let page = page.map_err(|error| unreadable("a page", error))?;
            pages.push(page.filter(|page| page.node(*step).is_some()));
        }
        Ok(pages)
    }

    async fn transition_all(&self, batch: Vec<Transition>) -> Result<Vec<bool>> {
        self.shared.check_open("transition")?;
        let now = Timestamp::now().as_millis();
        let noting = |transition: &Transition| {
            let end = transition.end.as_ref().map(wire::encode_end).unwrap_or_default();
            Call::script(&TRANSITION, &self.shared.keys.workflow(transition.id))
                .arg(transition.epoch)
                .arg(end)
                .arg(transition.at.as_millis())
                .arg(now)
                .arg(LEAST_LIFE_MS)
        };
        let telling = self.telling_of(batch.iter().map(|transition| transition.id));
        let stages = [batch.iter().map(noting).collect(), telling];
        let [answers, _] = self.shared.client.in_order("transition", stages).await?;
        answers.iter().map(|answer| Ok(reply::number(answer)? == 1)).collect()
    }

    /// One call for each workflow.
    pub(crate) fn raising(&self, batch: Vec<StepMark>) -> BTreeMap<MessageId, Call> {
        let mut calls: BTreeMap<MessageId, Call> = BTreeMap::new();
        for mark in merged(batch) {
            let call = calls.entry(mark.workflow).or_insert_with(|| {
                Call::script(&MARK_STEPS, &self.shared.keys.workflow(mark.workflow))
            });
            for number in [mark.first.0, mark.count, mark.epoch, mark.status as u32] {
                call.push(number);
            }
        }
        calls
    }

    async fn raise(&self, batch: Vec<StepMark>) -> Result<()> {
        self.shared.check_open("mark_steps")?;
        let calls = self.raising(batch);
        let telling = self.telling_of(calls.keys().copied());
        let stages = [calls.into_values().collect(), telling];
        self.shared.client.in_order("mark_steps", stages).await.map(drop)
    }

    async fn statuses(&self, id: MessageId, first: StepId, max: usize) -> Result<Vec<Status>> {
        self.shared.check_open("steps")?;
        let key = self.shared.keys.workflow(id);
        let extent = Call::command("HMGET").arg(&key).arg("r").arg("n");
        let noted = Call::command("GET").arg(format!("{key}:s"));
        let mut answers = self.shared.client.all("steps", vec![extent, noted]).await?.into_iter();
        let extent = reply::list(answers.next().unwrap_or_default())?;
        let number = |at: usize| extent.get(at).map_or(Ok(0), reply::number);
        let (root, steps) = (number(0)?, number(1)? as usize);
        let skip = u64::from(first.0).saturating_sub(root) as usize;
        let noted = reply::bytes(answers.next().unwrap_or_default())?.unwrap_or_default();
        let status = |step: usize| {
            let number = noted.get(2 * step + 1).copied().unwrap_or_default();
            Status::ALL.get(usize::from(number)).copied().unwrap_or_default()
        };
        Ok((skip..steps).take(max).map(status).collect())
    }

    async fn versions(&self, watches: &[Watch]) -> Result<Vec<(MessageId, u64)>> {
        self.shared.check_open("workflows_changed")?;
        let version = |watch: &Watch| {
            Call::command("GET").arg(format!("{}:v", self.shared.keys.workflow(watch.id)))
        };
        let calls = watches.iter().map(version).collect();
        let answers = self.shared.client.all("workflows_changed", calls).await?;
        let mut newer = Vec::new();
        for (watch, answer) in watches.iter().zip(answers) {
            let version = reply::number(&answer)?;
            if version > watch.seen {
                newer.push((watch.id, version));
            }
        }
        Ok(newer)
    }

    /// The ids of a page of workflows, the latest first.
    async fn ids_before(&self, before: Option<MessageId>) -> Result<Vec<MessageId>> {
        let from = match before {
            Some(id) => [b"(".as_slice(), id.as_bytes()].concat(),
            None => b"+".to_vec(),
        };
        let call = Call::command("ZREVRANGEBYLEX").arg(self.shared.keys.workflows());
        let call = call.arg(from).arg("-").arg("LIMIT").arg(0).arg(PAGE);
        let ids = reply::strings(self.shared.client.one("list", call).await?)?;
        Ok(ids.iter().filter_map(id_of).collect())
    }

    async fn parts_of(&self, whole: MessageId) -> Result<Vec<MessageId>> {
        let parts = format!("{}:parts", self.shared.keys.workflow(whole));
        let parts = self.shared.client.one("list", Call::command("SMEMBERS").arg(parts)).await?;
        let mut parts: Vec<_> = reply::strings(parts)?.iter().filter_map(id_of).collect();
        parts.sort_unstable_by(|one, other| other.cmp(one));
        Ok(parts)
    }

    async fn page_of(&self, filter: &WorkflowFilter, max: usize) -> Result<Vec<Record>> {
        self.shared.check_open("list")?;
        let (mut page, mut before) = (Vec::new(), filter.before);
        let mut parts = match filter.part_of {
            Some(whole) => Some(self.parts_of(whole).await?),
            None => None,
        };
        while page.len() < max {
            let ids = match &mut parts {
                Some(parts) => std::mem::take(parts),
                None => self.ids_before(before).await?,
            };
            let Some(last) = ids.last() else { break };
            before = Some(*last);
            let mut expired = Vec::new();
            for (id, record) in ids.iter().zip(self.records_of(&ids).await?) {
                match record {
                    Some(record) if filter.matches(&record) => page.push(record),
                    Some(_) => {}
                    None => expired.push(*id),
                }
            }
            self.unlist(&expired).await?;
        }
        page.truncate(max);
        Ok(page)
    }

    /// Takes workflows off the list that the server has forgotten.
    async fn unlist(&self, ids: &[MessageId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut call = Call::command("ZREM").arg(self.shared.keys.workflows());
        ids.iter().for_each(|id| call.push(&id.as_bytes()[..]));
        self.shared.client.one("list", call).await.map(drop)
    }

    async fn forget_all(&self, ids: &[MessageId]) -> Result<u64> {
        self.shared.check_open("forget_workflows")?;
        let (mut there, mut pending, mut asked) = (0, ids.to_vec(), true);
        while !pending.is_empty() {
            let forget = |id: &MessageId| Call::script(&FORGET, &self.shared.keys.workflow(*id));
            let calls = pending.iter().map(forget).collect();
            let answers = self.shared.client.all("forget_workflows", calls).await?;
            self.unlist(&pending).await?;
            self.tell(pending.iter().copied()).await?;
            pending.clear();
            for answer in answers {
                let mut values = reply::list(answer)?.into_iter();
                let found = values.next().map_or(Ok(0), |found| reply::number(&found))?;
                there += if asked { found } else { 0 };
                for part in values {
                    pending.extend(reply::bytes(part)?.as_ref().and_then(id_of));
                }
            }
            asked = false;
        }
        Ok(there)
    }
}

impl Workflows for Redis {
    fn store_id(&self) -> Option<StoreId> {
        self.one_with_itself()
    }

    fn create(&self, batch: Vec<NewWorkflow>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.create_all(batch))
    }

    fn workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<Vec<Option<Record>>>> {
        Box::pin(self.records_of(ids))
    }

    fn pages<'a>(
        &'a self,
        graph: MessageId,
        steps: &'a [StepId],
    ) -> BoxFuture<'a, Result<Vec<Option<Page>>>> {
        Box::pin(self.pages_of(graph, steps))
    }

    fn transition(&self, batch: Vec<Transition>) -> BoxFuture<'_, Result<Vec<bool>>> {
        Box::pin(self.transition_all(batch))
    }

    fn mark_steps(&self, batch: Vec<StepMark>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.raise(batch))
    }

    fn steps(
        &self,
        workflow: MessageId,
        first: StepId,
        max: usize,
    ) -> BoxFuture<'_, Result<Vec<Status>>> {
        Box::pin(self.statuses(workflow, first, max))
    }

    fn workflows_changed<'a>(
        &'a self,
        watches: &'a [Watch],
    ) -> BoxFuture<'a, Result<Vec<(MessageId, u64)>>> {
        Box::pin(async move {
            let ids = Vec::from_iter(watches.iter().map(|watch| watch.id));
            let watching = self.shared.wakes.watch(ids);
            loop {
                let newer = self.versions(watches).await?;
                if !newer.is_empty() || watches.is_empty() {
                    return Ok(newer);
                }
                watching.change().await;
            }
        })
    }

    fn list<'a>(
        &'a self,
        filter: &'a WorkflowFilter,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>>> {
        Box::pin(self.page_of(filter, max))
    }

    fn forget_workflows<'a>(&'a self, ids: &'a [MessageId]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.forget_all(ids))
    }
}
