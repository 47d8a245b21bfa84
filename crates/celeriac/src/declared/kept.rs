//! Kept declarations: a version is what it was when it was loaded first.
//!
//! The store keeps a declaration as the record of a workflow that is never
//! begun: creating one is atomic, and changes nothing where one is. Its path
//! holds the workflow's name and the digest, and its end the canvas. So no
//! driver has to know of declarations.

use celeriac_core::store::{Transition, WorkflowFilter};
use celeriac_core::workflow::{Canvas, End, NewWorkflow, Parent, Record, StepId, Value, Workflow};
use celeriac_core::{ContentType, MessageId, Name, QueueName, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{Declaration, DeclarationError};
use crate::app::App;
use crate::connect::Error;

/// What the record of a declaration is called.
const KEPT: Name = Name::from_static("celeriac::declaration");
/// How many records are read at once.
const PAGE: usize = 50;

/// What all declarations are parts of, so that no list of workflows has them.
fn parent() -> MessageId {
    MessageId::from_parts(Timestamp::from_millis(0), 0)
}

fn id(name: &str, version: u32) -> MessageId {
    parent().derive(&format!("declaration:{name}@{version}"))
}

fn digest(declaration: &Declaration) -> String {
    let mut digest = Sha256::new();
    digest.update(declaration.queue.as_str());
    digest.update([0]);
    digest.update(canvas_json(&declaration.canvas));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canvas_json(canvas: &Canvas) -> Vec<u8> {
    // Texts, numbers and maps by text: they always have a JSON form.
    serde_json::to_vec(canvas).unwrap_or_default()
}

impl App {
    /// Keeps a declaration in the store, so that it can be run by its name. It
    /// never changes: another one under the same name and version is refused.
    ///
    /// # Errors
    /// [`DeclarationError::Changed`], or `Store`.
    pub async fn declare_workflow(
        &self,
        declaration: &Declaration,
    ) -> Result<(), DeclarationError> {
        let Declaration { name, version, .. } = declaration;
        let (now, id, digest) = (Timestamp::now(), id(name, *version), digest(declaration));
        let workflow = Workflow {
            id,
            name: KEPT,
            version: *version,
            graph: id,
            root: StepId(0),
            end: StepId(0),
            parent: Some(Parent { workflow: parent(), step: StepId(0), round: 0 }),
            scopes: vec![id],
            path: vec![name.clone(), digest.clone()],
            queue: declaration.queue.clone(),
            created_at: now,
            expires_at: Timestamp::NEVER,
        };
        let store = &self.connection().await?.store;
        let new = NewWorkflow { workflow, epoch: 0, pages: Vec::new() };
        let is_new = store.create(vec![new]).await.map_err(Error::from)?;
        if is_new != [true] {
            let records = store.workflows(&[id]).await.map_err(Error::from)?;
            let kept = records.into_iter().next().flatten();
            if let Some(record) = &kept
                && record.workflow.path.get(1) != Some(&digest)
            {
                let (name, version) = (name.clone(), *version);
                return Err(DeclarationError::Changed { name, version });
            }
            if kept.is_some_and(|record| record.end.is_some()) {
                return Ok(());
            }
        }
        let value = Value::json(canvas_json(&declaration.canvas));
        let end = Some(End::Success(Some(value)));
        let kept = Transition { id, epoch: 0, end, at: now };
        store.transition(vec![kept]).await.map_err(Error::from)?;
        Ok(())
    }

    /// A declaration that was loaded before, here or elsewhere; without a
    /// version, the latest.
    ///
    /// # Errors
    /// [`DeclarationError::Unknown`] says which there are.
    pub async fn declared_workflow(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Declaration, DeclarationError> {
        if let Some(version) = version {
            let store = &self.connection().await?.store;
            let records = store.workflows(&[id(name, version)]).await.map_err(Error::from)?;
            if let Some(kept) = records.iter().flatten().find_map(read) {
                return kept;
            }
        }
        let mut all = self.declared_workflows().await?;
        let latest = all.iter().rposition(|one| one.name == name);
        if let (Some(latest), None) = (latest, version) {
            return Ok(all.swap_remove(latest));
        }
        let of_name = all.iter().filter(|one| one.name == name);
        let mut known: Vec<_> =
            of_name.map(|one| format!("{}@{}", one.name, one.version)).collect();
        if known.is_empty() {
            known = all.iter().map(|one| one.name.clone()).collect();
            known.dedup();
        }
        let name = version.map_or(name.to_owned(), |version| format!("{name}@{version}"));
        Err(DeclarationError::Unknown { name, known })
    }

    /// All declarations that were loaded, by name and version.
    ///
    /// # Errors
    /// [`DeclarationError::Store`] when the store fails.
    pub async fn declared_workflows(&self) -> Result<Vec<Declaration>, DeclarationError> {
        let store = &self.connection().await?.store;
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let filter = WorkflowFilter {
                name: Some(KEPT),
                parts: true,
                before,
                ..WorkflowFilter::default()
            };
            let page = store.list(&filter, PAGE).await.map_err(Error::from)?;
            for record in &page {
                all.extend(read(record).transpose()?);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(last.workflow.id),
                _ => break,
            }
        }
        all.sort_by(|one: &Declaration, other| {
            (&one.name, one.version).cmp(&(&other.name, other.version))
        });
        Ok(all)
    }
}

/// The declaration that a record keeps; `None` if it is not kept whole yet.
fn read(record: &Record) -> Option<Result<Declaration, DeclarationError>> {
    let Some(End::Success(Some(Value::Inline(ContentType::Json, json)))) = &record.end else {
        return None;
    };
    let (name, version) = (record.workflow.path.first()?.clone(), record.workflow.version);
    let queue: QueueName = record.workflow.queue.clone();
    Some(match serde_json::from_slice(json) {
        Ok(canvas) => Ok(Declaration { name, version, queue, canvas }),
        Err(error) => {
            Err(DeclarationError::Unreadable { name, version, reason: error.to_string() })
        }
    })
}
